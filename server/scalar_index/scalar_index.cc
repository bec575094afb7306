#include "server/scalar_index/scalar_index.h"

#include <utility>

#include "server/scalar_index/entries.h"
#include "server/scalar_index/ngram_index.h"
#include "server/scalar_index/sorted_index.h"

namespace saker::scalar_index {
namespace {

template <typename T>
std::string Bytes(const T* values, size_t count) {
  return {reinterpret_cast<const char*>(values), count * sizeof(T)};
}

}  // namespace

uint64_t BuildScratchBytes(const Spec& spec, const Column& column) {
  const uint64_t rows = column.row_count();
  const uint64_t bytes = column.bytes().size();
  if (spec.ngram()) return bytes * (spec.max_gram - spec.min_gram + 1) * 40 + rows * 8;
  if (column.type() == DataType::kArray) return bytes * 24 + rows * 8;
  return rows * 64 + (column.variable() ? bytes * 3 : 0);
}

Result<std::string> BuildScalarIndex(const Spec& spec, const Column& column, const Context& context) {
  Entries entries = TRY(CollectEntries(spec, column, context));
  IndexFileWriter file(spec.Text(), column.row_count());
  if (entries.known.Count() < column.row_count()) {
    file.Add(static_cast<uint32_t>(Section::kKnown), Bytes(entries.known.words(), entries.known.word_count()));
  }
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
  if (spec.ngram()) return NgramIndex::Open(std::move(file), reader, spec, rows);
  return SortedIndex::Open(std::move(file), reader, spec, rows);
}

}  // namespace saker::scalar_index
