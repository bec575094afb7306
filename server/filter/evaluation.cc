#include <cstring>

#include "server/filter/json_scan.h"
#include "server/filter/predicate.h"

namespace saker::filter {
namespace {

template <typename T, typename V>
void AppendAs(Column* column, V value) {
  const T narrow = static_cast<T>(value);
  column->AppendFixed(&narrow);
}

// The default of a field that the batch lacks, or null when it has none (or none that fits).
void AppendDefault(const FieldRef& field, Column* column) {
  const ScalarValue& value = field.default_value;
  const auto* integer = std::get_if<int64_t>(&value);
  const auto* real = std::get_if<double>(&value);
  if (const auto* boolean = std::get_if<bool>(&value); boolean != nullptr && field.type == DataType::kBool) {
    AppendAs<uint8_t>(column, *boolean);
  } else if (const auto* text = std::get_if<std::string>(&value); text != nullptr && column->variable()) {
    column->AppendVariable(*text);
  } else if (integer != nullptr && field.type == DataType::kInt8) {
    AppendAs<int8_t>(column, *integer);
  } else if (integer != nullptr && field.type == DataType::kInt16) {
    AppendAs<int16_t>(column, *integer);
  } else if (integer != nullptr && field.type == DataType::kInt32) {
    AppendAs<int32_t>(column, *integer);
  } else if (integer != nullptr && (field.type == DataType::kInt64 || field.type == DataType::kTimestamptz)) {
    AppendAs<int64_t>(column, *integer);
  } else if ((real != nullptr || integer != nullptr) && IsFloating(field.type)) {
    const double number = real != nullptr ? *real : static_cast<double>(*integer);
    field.type == DataType::kFloat ? AppendAs<float>(column, number) : AppendAs<double>(column, number);
  } else {
    column->AppendNull();
  }
}

}  // namespace

Evaluation::Evaluation(const std::vector<FieldRef>& fields, const std::vector<JsonField>& json_fields, const RowBatch& rows,
                       const RowIndexes& indexes, uint64_t sample_seed)
    : fields_(fields), rows_(rows), indexes_(indexes), sample_seed_(sample_seed) {
  for (const JsonField& field : json_fields) scans_.push_back(std::make_unique<JsonScan>(field));
}

Evaluation::~Evaluation() = default;

Status Evaluation::Bind() {
  for (const FieldRef& field : fields_) {
    BoundColumn bound{.column = rows_.Find(field.id)};
    if (bound.column == nullptr) {
      // A vector is only ever tested for null, so its width does not matter here.
      const size_t width = IsVector(field.type) && !IsVariable(field.type) ? 1 : FixedWidth(field.type, 0);
      auto column = std::make_unique<Column>(field.type, field.element_type, width);
      for (size_t i = 0; i < std::min(kBlockRows, rows_.row_count); ++i) AppendDefault(field, column.get());
      bound = {.column = column.get(), .constant = true};
      owned_.push_back(std::move(column));
    } else if (bound.column->type() != field.type || bound.column->element_type() != field.element_type) {
      return Internal("column of field ", field.name, " has type ", DataTypeName(bound.column->type()), ", the filter was compiled for ",
                      DataTypeName(field.type));
    } else if (bound.column->row_count() != rows_.row_count) {
      return Internal("column of field ", field.name, " has ", bound.column->row_count(), " rows in a batch of ", rows_.row_count);
    }
    columns_.push_back(bound);
  }
  return OkStatus();
}

void Evaluation::UseIndexes(size_t leaves) {
  if (indexes_.scalars != nullptr && !indexes_.scalars->empty()) answers_.resize(leaves);
}

void Evaluation::SetAnswer(size_t leaf, scalar_index::Matches matches, bool negated) {
  LeafAnswer answer{.truth = std::move(matches.matching), .known = matches.known, .unsure = std::move(matches.unsure)};
  if (negated) {
    answer.truth.Flip();
    for (size_t w = 0; w < answer.truth.word_count() && answer.known != nullptr; ++w) answer.truth.words()[w] &= answer.known[w];
  }
  answers_[leaf] = std::move(answer);
}

void Evaluation::StartBlock(size_t begin, size_t rows) {
  begin_ = begin;
  block_rows_ = rows;
  for (const auto& scan : scans_) scan->StartBlock();
}

void Evaluation::Known(size_t field, uint64_t* words) const {
  const std::vector<uint8_t>& validity = column(field).validity();
  if (validity.empty()) {
    std::fill_n(words, block_words(), ~uint64_t{0});
    return;
  }
  const uint8_t* valid = validity.data() + base(field);
  size_t row = 0;
  for (; row + 64 <= block_rows_; row += 64) {
    uint64_t word = 0;
    for (size_t i = 0; i < 8; ++i) {
      uint64_t eight;
      std::memcpy(&eight, valid + row + i * 8, sizeof(eight));
      word |= (eight * 0x0102040810204080ULL >> 56) << (i * 8);  // gathers the low bits of eight bytes
    }
    *words++ = word;
  }
  uint64_t word = 0;
  for (size_t i = 0; row + i < block_rows_; ++i) word |= static_cast<uint64_t>(valid[row + i]) << i;
  if (row < block_rows_) *words = word;
}

}  // namespace saker::filter
