#include "server/scalar_index/scalar_index.h"

#include <utility>

#include "server/scalar_index/entries.h"
#include "server/scalar_index/ngram_index.h"
#include "server/scalar_index/sorted_index.h"
#include "server/scalar_index/token_build.h"
#include "server/scalar_index/token_index.h"

namespace saker::scalar_index {
namespace {

template <typename T>
std::string Bytes(const T* values, size_t count) {
  return {reinterpret_cast<const char*>(values), count * sizeof(T)};
}

class Built final : public MappedFile {
 public:
  explicit Built(std::string bytes) : bytes_(std::move(bytes)) {}
  std::span<const std::byte> bytes() const override { return std::as_bytes(std::span(bytes_)); }

 private:
  const std::string bytes_;
};

Status CheckColumn(const Spec& spec, const Column& column) {
  if (column.type() == spec.field_type && (column.type() != DataType::kArray || column.element_type() == spec.element_type))
    return OkStatus();
  return Internal("a scalar index for ", DataTypeName(spec.field_type), " over a column of ", DataTypeName(column.type()));
}

void AddKnown(const index::Bitset& known, IndexFileWriter* file) {
  if (known.Count() < known.size()) file->Add(static_cast<uint32_t>(Section::kKnown), Bytes(known.words(), known.word_count()));
}

Result<std::string> BuildTokens(const Spec& spec, const Column& column, const Context& context) {
  index::Bitset known(column.row_count(), true);
  for (size_t row = 0; row < column.row_count(); ++row) {
    if (!column.IsValid(row)) known.Clear(row);
  }
  IndexFileWriter file(spec.Text(), column.row_count());
  AddKnown(known, &file);
  TRY(WriteTokens(spec, column, context, &file));
  return file.Finish();
}

}  // namespace

uint64_t BuildScratchBytes(const Spec& spec, const Column& column) {
  const uint64_t rows = column.row_count();
  const uint64_t bytes = column.bytes().size();
  if (spec.tokens()) return TokenScratchBytes(column);
  if (spec.ngram()) return bytes * (spec.max_gram - spec.min_gram + 1) * 40 + rows * 8;
  if (column.type() == DataType::kArray) return bytes * 24 + rows * 8;
  return rows * 64 + (column.variable() ? bytes * 3 : 0);
}

Result<std::string> BuildScalarIndex(const Spec& spec, const Column& column, const Context& context) {
  TRY(CheckColumn(spec, column));
  if (spec.tokens()) return BuildTokens(spec, column, context);
  Entries entries = TRY(CollectEntries(spec, column, context));
  IndexFileWriter file(spec.Text(), column.row_count());
  AddKnown(entries.known, &file);
  file.Add(static_cast<uint32_t>(Section::kUnsure), Bytes(entries.unsure.data(), entries.unsure.size()));
  TRY(context.Check());
  TRY(Dictionary<int64_t>::Write(Section::kIntegers, &entries.integers, column.row_count(), &file));
  TRY(Dictionary<double>::Write(Section::kReals, &entries.reals, column.row_count(), &file));
  TRY(Dictionary<std::string>::Write(Section::kTexts, &entries.texts, column.row_count(), &file));
  return file.Finish();
}

Result<std::shared_ptr<const ScalarIndex>> OpenScalarIndex(std::shared_ptr<const MappedFile> file, const std::string& name,
                                                           const Spec& spec, size_t row_count) {
  const IndexFileReader reader = TRY(IndexFileReader::Open(file->bytes(), name, spec.Text(), row_count));
  const RowSets rows = TRY(RowSets::Read(reader, row_count));
  if (spec.tokens()) return TokenIndex::Open(std::move(file), reader, spec, rows);
  if (spec.ngram()) return NgramIndex::Open(std::move(file), reader, spec, rows);
  return SortedIndex::Open(std::move(file), reader, spec, rows);
}

Result<std::shared_ptr<const ScalarIndex>> BuildInMemory(const Spec& spec, const Column& column, const Context& context) {
  auto bytes = std::make_shared<const Built>(TRY(BuildScalarIndex(spec, column, context)));
  return OpenScalarIndex(std::move(bytes), "an index in memory", spec, column.row_count());
}

}  // namespace saker::scalar_index
