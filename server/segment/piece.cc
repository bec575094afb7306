#include "server/segment/piece.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "index/bm25.h"

namespace saker::segment {

namespace {

// Elements of a row (bits for binary ones), from the bytes that it takes.
size_t DimOf(index::VectorType type, size_t width_bytes) {
  switch (type) {
    case index::VectorType::kFloat32: return width_bytes / 4;
    case index::VectorType::kFloat16:
    case index::VectorType::kBFloat16: return width_bytes / 2;
    case index::VectorType::kInt8: return width_bytes;
    case index::VectorType::kBinary: return width_bytes * 8;
    case index::VectorType::kSparse: return 0;
  }
  return 0;
}

class ColumnSource : public index::VectorSource {
 public:
  ColumnSource(std::shared_ptr<const RowBatch> owner, const Column& column)
      : owner_(std::move(owner)), column_(column), type_(VectorTypeOf(column.type())), dim_(DimOf(type_, column.width_bytes())) {
    if (!column_.has_nulls()) return;
    valid_.emplace(column_.row_count());
    for (size_t row = 0; row < column_.row_count(); ++row) {
      if (column_.IsValid(row)) valid_->Set(row);
    }
  }

  index::VectorType type() const override { return type_; }
  size_t dim() const override { return dim_; }
  size_t row_count() const override { return column_.row_count(); }
  const void* Row(size_t row) const override { return column_.Row(row); }
  SparseRowView SparseRow(size_t row) const override {
    const std::string_view pairs = column_.Text(row);
    return {pairs.data(), pairs.size() / 8};
  }
  const float* SparseLengths() const override {
    std::call_once(lengths_once_, [this] {
      lengths_.resize(row_count());
      for (size_t row = 0; row < lengths_.size(); ++row) lengths_[row] = index::Bm25Length(SparseRow(row));
    });
    return lengths_.data();
  }
  const void* Contiguous() const override { return column_.variable() ? nullptr : column_.bytes().data(); }
  const index::Bitset* valid() const override { return valid_ ? &*valid_ : nullptr; }

 private:
  const std::shared_ptr<const RowBatch> owner_;
  const Column& column_;
  const index::VectorType type_;
  const size_t dim_;
  std::optional<index::Bitset> valid_;
  mutable std::once_flag lengths_once_;
  mutable std::vector<float> lengths_;  // 4 bytes beside a row of 8 for each of its terms
};

template <typename T>
void AppendValue(Column* out, T value) {
  out->AppendFixed(&value);
}

void AppendDefault(const FieldSchema& field, Column* out) {
  const ScalarValue& value = field.default_value;
  if (const auto* text = std::get_if<std::string>(&value); text != nullptr && out->variable()) {
    out->AppendVariable(*text);
    return;
  }
  const double number = std::holds_alternative<double>(value)    ? std::get<double>(value)
                        : std::holds_alternative<int64_t>(value) ? static_cast<double>(std::get<int64_t>(value))
                                                                 : 0;
  const int64_t integer = std::holds_alternative<int64_t>(value) ? std::get<int64_t>(value)
                          : std::holds_alternative<bool>(value)  ? std::get<bool>(value)
                                                                 : static_cast<int64_t>(number);
  switch (field.type) {
    case DataType::kBool: return AppendValue(out, static_cast<uint8_t>(integer != 0));
    case DataType::kInt8: return AppendValue(out, static_cast<int8_t>(integer));
    case DataType::kInt16: return AppendValue(out, static_cast<int16_t>(integer));
    case DataType::kInt32: return AppendValue(out, static_cast<int32_t>(integer));
    case DataType::kInt64:
    case DataType::kTimestamptz: return AppendValue(out, integer);
    case DataType::kFloat: return AppendValue(out, static_cast<float>(number));
    case DataType::kDouble: return AppendValue(out, number);
    default: out->AppendNull();
  }
}

}  // namespace

index::VectorType VectorTypeOf(DataType type) {
  switch (type) {
    case DataType::kFloat16Vector: return index::VectorType::kFloat16;
    case DataType::kBFloat16Vector: return index::VectorType::kBFloat16;
    case DataType::kInt8Vector: return index::VectorType::kInt8;
    case DataType::kBinaryVector: return index::VectorType::kBinary;
    case DataType::kSparseFloatVector: return index::VectorType::kSparse;
    default: return index::VectorType::kFloat32;
  }
}

std::shared_ptr<const index::VectorSource> MakeColumnSource(std::shared_ptr<const RowBatch> owner, const Column& column) {
  return std::make_shared<const ColumnSource>(std::move(owner), column);
}

std::shared_ptr<Piece> MakePiece(std::shared_ptr<const RowBatch> rows, std::shared_ptr<const std::vector<Timestamp>> timestamps,
                                 RowOffset first_row, int64_t primary_key_id) {
  CHECK(rows->row_count == timestamps->size() && !timestamps->empty());
  auto piece = std::make_shared<Piece>();
  piece->first_row = first_row;
  piece->row_count = rows->row_count;
  const auto [least, greatest] = std::minmax_element(timestamps->begin(), timestamps->end());
  piece->min_timestamp = *least;
  piece->max_timestamp = *greatest;
  const Column* keys = rows->Find(primary_key_id);
  CHECK(keys != nullptr);
  piece->keys = std::make_shared<const KeyIndex>(std::shared_ptr<const Column>(rows, keys));
  for (size_t i = 0; i < rows->columns.size(); ++i) {
    if (IsVector(rows->columns[i].type())) piece->vectors[rows->field_ids[i]] = MakeColumnSource(rows, rows->columns[i]);
  }
  piece->rows = std::move(rows);
  piece->timestamps = std::move(timestamps);
  return piece;
}

std::shared_ptr<Piece> MergePieces(std::span<const std::shared_ptr<const Piece>> pieces, int64_t primary_key_id) {
  const Piece& first = *pieces.front();
  auto rows = std::make_shared<RowBatch>();
  rows->field_ids = first.rows->field_ids;
  for (const std::shared_ptr<const Piece>& piece : pieces) {
    CHECK(piece->rows->field_ids == rows->field_ids && piece->first_row == first.first_row + rows->row_count);
    rows->row_count += piece->row_count;
  }
  for (size_t i = 0; i < first.rows->columns.size(); ++i) {
    const Column& shape = first.rows->columns[i];
    size_t bytes = 0;
    for (const std::shared_ptr<const Piece>& piece : pieces) bytes += piece->rows->columns[i].bytes().size();
    Column column(shape.type(), shape.element_type(), shape.width_bytes());
    column.Reserve(rows->row_count, shape.variable() ? bytes : 0);
    for (const std::shared_ptr<const Piece>& piece : pieces) column.AppendRange(piece->rows->columns[i], 0, piece->row_count);
    rows->columns.push_back(std::move(column));
  }
  auto timestamps = std::make_shared<std::vector<Timestamp>>();
  timestamps->reserve(rows->row_count);
  for (const std::shared_ptr<const Piece>& piece : pieces)
    timestamps->insert(timestamps->end(), piece->timestamps->begin(), piece->timestamps->end());
  return MakePiece(std::move(rows), std::move(timestamps), first.first_row, primary_key_id);
}

void AppendMissing(const FieldSchema& field, Column* out, size_t rows) {
  const bool has_default = !std::holds_alternative<std::monostate>(field.default_value);
  for (size_t i = 0; i < rows; ++i) {
    if (has_default) {
      AppendDefault(field, out);
    } else if (field.is_dynamic && !field.nullable) {
      out->AppendVariable("{}");
    } else {
      out->AppendNull();
    }
  }
}

FieldReader::FieldReader(const Piece& piece, const FieldSchema& field) : field_(field), column_(piece.rows->Find(field.id)) {
  const auto source = piece.vectors.find(field.id);
  if (column_ == nullptr && source != piece.vectors.end()) vectors_ = source->second.get();
}

void FieldReader::AppendTo(Column* out, size_t row) const {
  if (column_ != nullptr) {
    out->AppendFrom(*column_, row);
  } else if (vectors_ == nullptr) {
    AppendMissing(field_, out, 1);
  } else if (vectors_->valid() != nullptr && !vectors_->valid()->Test(row)) {
    out->AppendNull();
  } else if (vectors_->type() == index::VectorType::kSparse) {
    const index::VectorSource::SparseRowView view = vectors_->SparseRow(row);
    out->AppendVariable(std::string_view(static_cast<const char*>(view.pairs), view.count * 8));
  } else {
    out->AppendFixed(vectors_->Row(row));
  }
}

void FieldReader::AppendRangeTo(Column* out, size_t first, size_t count) const {
  if (column_ != nullptr) {
    out->AppendRange(*column_, first, count);
    return;
  }
  for (size_t row = first; row < first + count; ++row) AppendTo(out, row);
}

}  // namespace saker::segment
