#include "server/schema/column.h"

#include <algorithm>

#include "common/check.h"

namespace saker {

size_t FixedWidth(DataType type, int64_t dim) {
  const size_t elements = dim > 0 ? static_cast<size_t>(dim) : 0;
  switch (type) {
    case DataType::kBool:
    case DataType::kInt8: return 1;
    case DataType::kInt16: return 2;
    case DataType::kInt32:
    case DataType::kFloat: return 4;
    case DataType::kInt64:
    case DataType::kDouble:
    case DataType::kTimestamptz: return 8;
    case DataType::kBinaryVector: return elements / 8;
    case DataType::kInt8Vector: return elements;
    case DataType::kFloat16Vector:
    case DataType::kBFloat16Vector: return elements * 2;
    case DataType::kFloatVector: return elements * 4;
    default: return 0;
  }
}

Column::Column(const FieldSchema& field, size_t rows) : Column(field.type, field.element_type, FixedWidth(field.type, field.dim)) {
  Reserve(rows);
}

Column::Column(DataType type, DataType element_type, size_t width_bytes) : type_(type), element_type_(element_type), width_(width_bytes) {
  if (width_ == 0) offsets_.push_back(0);
}

void Column::AppendFixed(const void* value) {
  AppendFixedRun(value, 1);
}

void Column::AppendFixedRun(const void* values, size_t rows) {
  CHECK(width_ != 0);
  bytes_.append(static_cast<const char*>(values), rows * width_);
  row_count_ += rows;
  if (!valid_.empty()) valid_.resize(row_count_, 1);
}

void Column::AppendVariable(std::string_view value) {
  CHECK(width_ == 0);
  if (offsets_.empty()) offsets_.push_back(0);
  bytes_.append(value);
  offsets_.push_back(bytes_.size());
  ++row_count_;
  if (!valid_.empty()) valid_.push_back(1);
}

void Column::AppendNull() {
  if (valid_.empty()) valid_.assign(row_count_, 1);
  if (width_ == 0) {
    if (offsets_.empty()) offsets_.push_back(0);
    offsets_.push_back(bytes_.size());
  } else {
    bytes_.append(width_, '\0');
  }
  valid_.push_back(0);
  ++row_count_;
}

void Column::AppendFrom(const Column& other, size_t row) {
  AppendRange(other, row, 1);
}

void Column::AppendRange(const Column& other, size_t first, size_t count) {
  CHECK(type_ == other.type_ && element_type_ == other.element_type_ && width_ == other.width_);
  CHECK(first <= other.row_count_ && count <= other.row_count_ - first);
  CHECK(this != &other);
  if (count == 0) return;
  const auto valid = other.valid_.begin() + static_cast<ptrdiff_t>(other.valid_.empty() ? 0 : first);
  const bool nulls =
      !other.valid_.empty() && std::find(valid, valid + static_cast<ptrdiff_t>(count), 0) != valid + static_cast<ptrdiff_t>(count);
  if (nulls && valid_.empty()) valid_.assign(row_count_, 1);
  if (nulls) {
    valid_.insert(valid_.end(), valid, valid + static_cast<ptrdiff_t>(count));
  } else if (!valid_.empty()) {
    valid_.resize(row_count_ + count, 1);
  }
  if (width_ != 0) {
    bytes_.append(other.bytes_, first * width_, count * width_);
  } else {
    const uint64_t begin = other.offsets_[first];
    const uint64_t shift = bytes_.size() - begin;  // modulo 2^64: may stand for a negative one
    bytes_.append(other.bytes_, begin, other.offsets_[first + count] - begin);
    for (size_t i = first + 1; i <= first + count; ++i) offsets_.push_back(other.offsets_[i] + shift);
  }
  row_count_ += count;
}

void Column::Reserve(size_t rows, size_t variable_bytes) {
  if (width_ == 0) {
    offsets_.reserve(rows + 1);
    bytes_.reserve(variable_bytes);
  } else {
    bytes_.reserve(rows * width_);
  }
}

int64_t Column::GetInteger(size_t row) const {
  switch (type_) {
    case DataType::kBool:
    case DataType::kInt8: return Get<int8_t>(row);
    case DataType::kInt16: return Get<int16_t>(row);
    case DataType::kInt32: return Get<int32_t>(row);
    default: CHECK(width_ == 8); return Get<int64_t>(row);
  }
}

double Column::GetNumber(size_t row) const {
  if (type_ == DataType::kFloat) return Get<float>(row);
  if (type_ == DataType::kDouble) return Get<double>(row);
  return static_cast<double>(GetInteger(row));
}

const Column* RowBatch::Find(int64_t field_id) const {
  const auto found = std::find(field_ids.begin(), field_ids.end(), field_id);
  return found == field_ids.end() ? nullptr : &columns[static_cast<size_t>(found - field_ids.begin())];
}

PrimaryKey PrimaryKeyAt(const Column& column, size_t row) {
  if (column.type() == DataType::kInt64) return column.Get<int64_t>(row);
  return std::string(column.Text(row));
}

}  // namespace saker
