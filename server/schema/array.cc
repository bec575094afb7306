// Array rows: fixed elements packed, strings as uint32 count, count uint32 end offsets, bytes.
#include "common/check.h"
#include "server/schema/column.h"

namespace saker {
namespace {

template <typename T>
T Load(std::string_view bytes, size_t i) {
  CHECK(i < bytes.size() / sizeof(T));
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void Store(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

}  // namespace

size_t ArrayView::size() const {
  if (row_.empty()) return 0;
  if (IsString(element_type_)) return Load<uint32_t>(row_, 0);
  const size_t width = FixedWidth(element_type_, 0);
  return width == 0 ? 0 : row_.size() / width;
}

bool ArrayView::GetBool(size_t i) const {
  return Load<uint8_t>(row_, i) != 0;
}

int64_t ArrayView::GetInteger(size_t i) const {
  switch (element_type_) {
    case DataType::kBool:
    case DataType::kInt8: return Load<int8_t>(row_, i);
    case DataType::kInt16: return Load<int16_t>(row_, i);
    case DataType::kInt32: return Load<int32_t>(row_, i);
    default: return Load<int64_t>(row_, i);
  }
}

double ArrayView::GetNumber(size_t i) const {
  if (element_type_ == DataType::kFloat) return Load<float>(row_, i);
  if (element_type_ == DataType::kDouble) return Load<double>(row_, i);
  return static_cast<double>(GetInteger(i));
}

std::string_view ArrayView::GetString(size_t i) const {
  const size_t count = Load<uint32_t>(row_, 0);
  CHECK(i < count);
  const size_t begin = i == 0 ? 0 : Load<uint32_t>(row_, i);
  const size_t end = Load<uint32_t>(row_, i + 1);
  return row_.substr((count + 1) * sizeof(uint32_t) + begin, end - begin);
}

bool ArrayView::Valid() const {
  if (row_.empty()) return true;
  if (!IsString(element_type_)) {
    const size_t width = FixedWidth(element_type_, 0);
    if (width == 0 || row_.size() % width != 0) return false;
    if (element_type_ == DataType::kBool) {
      for (const char c : row_) {
        if (static_cast<uint8_t>(c) > 1) return false;
      }
    }
    return true;
  }
  if (row_.size() < sizeof(uint32_t)) return false;
  const size_t count = Load<uint32_t>(row_, 0);
  if (count > row_.size() / sizeof(uint32_t) - 1) return false;
  const size_t text = row_.size() - (count + 1) * sizeof(uint32_t);
  size_t end = 0;
  for (size_t i = 1; i <= count; ++i) {
    const size_t next = Load<uint32_t>(row_, i);
    if (next < end || next > text) return false;
    end = next;
  }
  return end == text;
}

void ArrayBuilder::AddBool(bool value) {
  fixed_.push_back(value ? 1 : 0);
}

void ArrayBuilder::AddInteger(int64_t value) {
  switch (element_type_) {
    case DataType::kBool:
    case DataType::kInt8: Store(fixed_, static_cast<int8_t>(value)); break;
    case DataType::kInt16: Store(fixed_, static_cast<int16_t>(value)); break;
    case DataType::kInt32: Store(fixed_, static_cast<int32_t>(value)); break;
    case DataType::kFloat:
    case DataType::kDouble: AddNumber(static_cast<double>(value)); break;
    default: Store(fixed_, value);
  }
}

void ArrayBuilder::AddNumber(double value) {
  if (element_type_ == DataType::kFloat) {
    Store(fixed_, static_cast<float>(value));
  } else {
    CHECK(element_type_ == DataType::kDouble);
    Store(fixed_, value);
  }
}

void ArrayBuilder::AddString(std::string_view value) {
  CHECK(text_.size() + value.size() <= UINT32_MAX);
  text_.append(value);
  ends_.push_back(static_cast<uint32_t>(text_.size()));
}

std::string ArrayBuilder::Finish() {
  std::string out = std::move(fixed_);
  if (IsString(element_type_)) {
    out.clear();
    out.reserve((ends_.size() + 1) * sizeof(uint32_t) + text_.size());
    Store(out, static_cast<uint32_t>(ends_.size()));
    out.append(reinterpret_cast<const char*>(ends_.data()), ends_.size() * sizeof(uint32_t));
    out.append(text_);
  }
  fixed_.clear();
  ends_.clear();
  text_.clear();
  return out;
}

}  // namespace saker
