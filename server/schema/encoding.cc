// The encoded form of columns and batches: FORMAT.md.
#include <algorithm>
#include <bit>

#include "server/schema/column.h"

namespace saker {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr uint8_t kVersion = 1;
constexpr uint8_t kHasValidity = 1;
constexpr uint64_t kMaxRows = uint64_t{1} << 32;  // a RowOffset counts them

#pragma pack(push, 1)
struct ColumnHeader {
  uint8_t version;
  uint8_t flags;
  uint16_t type;
  uint16_t element_type;
  uint16_t reserved;
  uint64_t width;
  uint64_t rows;
  uint64_t bytes;
};
struct BatchHeader {
  uint8_t version;
  uint8_t reserved[3];
  uint32_t columns;
  uint64_t rows;
};
#pragma pack(pop)
static_assert(sizeof(ColumnHeader) == 32 && sizeof(BatchHeader) == 16);

template <typename T>
bool Take(std::string_view* in, T* value) {
  if (in->size() < sizeof(T)) return false;
  std::memcpy(value, in->data(), sizeof(T));
  in->remove_prefix(sizeof(T));
  return true;
}

std::string_view TakeBytes(std::string_view* in, size_t size) {
  const std::string_view taken = in->substr(0, size);
  in->remove_prefix(size);
  return taken;
}

bool OnlyZeroAndOne(std::string_view bytes) {
  unsigned all = 0;
  for (const char c : bytes) all |= static_cast<uint8_t>(c);
  return all <= 1;
}

bool SparseRowValid(std::string_view row) {
  constexpr size_t kPair = sizeof(uint32_t) + sizeof(float);
  if (row.size() % kPair != 0) return false;
  uint32_t last = 0;
  for (size_t at = 0; at < row.size(); at += kPair) {
    uint32_t index;
    std::memcpy(&index, row.data() + at, sizeof(index));
    if (at != 0 && index <= last) return false;
    last = index;
  }
  return true;
}

bool KnownType(uint16_t type) {
  return type == 0 || DataTypeName(static_cast<DataType>(type)) != "None";
}

// The header's numbers agree with each other and with the bytes that follow.
Status CheckHeader(const ColumnHeader& header, size_t remaining) {
  if (header.version != kVersion)
    return Corruption("column has format version ", int{header.version}, ", this build reads ", int{kVersion});
  const auto type = static_cast<DataType>(header.type);
  if ((header.flags & ~kHasValidity) != 0 || !KnownType(header.type) || !KnownType(header.element_type)) {
    return Corruption("column has unknown type ", header.type, ", element type ", header.element_type, " or flags ", int{header.flags});
  }
  if (header.rows > kMaxRows) return Corruption("column claims ", header.rows, " rows, the limit is ", kMaxRows);
  const size_t scalar_width = FixedWidth(type, 0);
  if ((scalar_width != 0 && header.width != scalar_width) || (IsVariable(type) && header.width != 0)) {
    return Corruption("column of type ", DataTypeName(type), " claims ", header.width, " bytes a row");
  }
  if (header.bytes > remaining) return Corruption("column claims ", header.bytes, " bytes of values and ", remaining, " follow");
  uint64_t rest = remaining - header.bytes;
  if (header.width != 0) {
    uint64_t expected = 0;
    if (__builtin_mul_overflow(header.rows, header.width, &expected) || expected != header.bytes) {
      return Corruption("column of ", header.rows, " rows of ", header.width, " bytes has ", header.bytes, " bytes");
    }
  } else {
    if (header.rows + 1 > rest / sizeof(uint64_t))
      return Corruption("column claims ", header.rows, " rows and ", rest, " bytes of offsets follow");
    rest -= (header.rows + 1) * sizeof(uint64_t);
  }
  if ((header.flags & kHasValidity) != 0 && header.rows > rest) {
    return Corruption("column claims ", header.rows, " validity bytes and ", rest, " follow");
  }
  return OkStatus();
}

}  // namespace

void Column::EncodeTo(std::string* out) const {
  ColumnHeader header = {};
  header.version = kVersion;
  header.flags = valid_.empty() ? 0 : kHasValidity;
  header.type = static_cast<uint16_t>(type_);
  header.element_type = static_cast<uint16_t>(element_type_);
  header.width = width_;
  header.rows = row_count_;
  header.bytes = bytes_.size();
  const size_t offset_bytes = width_ == 0 ? (row_count_ + 1) * sizeof(uint64_t) : 0;
  const size_t needed = out->size() + sizeof(header) + bytes_.size() + offset_bytes + valid_.size();
  if (out->capacity() < needed) out->reserve(std::max(needed, out->capacity() * 2));
  out->append(reinterpret_cast<const char*>(&header), sizeof(header));
  out->append(bytes_);
  if (width_ == 0 && offsets_.empty()) {
    out->append(sizeof(uint64_t), '\0');
  } else {
    out->append(reinterpret_cast<const char*>(offsets_.data()), offset_bytes);
  }
  out->append(reinterpret_cast<const char*>(valid_.data()), valid_.size());
}

Result<Column> Column::Decode(std::string_view* in) {
  ColumnHeader header;
  if (!Take(in, &header)) return Corruption("column header needs ", sizeof(header), " bytes and ", in->size(), " are left");
  TRY(CheckHeader(header, in->size()));
  Column column(static_cast<DataType>(header.type), static_cast<DataType>(header.element_type), header.width);
  column.row_count_ = header.rows;
  column.bytes_ = TakeBytes(in, header.bytes);
  if (header.width == 0) {
    column.offsets_.resize(header.rows + 1);
    const std::string_view raw = TakeBytes(in, column.offsets_.size() * sizeof(uint64_t));
    std::memcpy(column.offsets_.data(), raw.data(), raw.size());
    if (column.offsets_.front() != 0 || column.offsets_.back() != header.bytes ||
        !std::is_sorted(column.offsets_.begin(), column.offsets_.end())) {
      return Corruption("column's offsets do not ascend from 0 to ", header.bytes);
    }
  }
  if ((header.flags & kHasValidity) != 0) {
    const std::string_view raw = TakeBytes(in, header.rows);
    if (!OnlyZeroAndOne(raw)) return Corruption("column's validity has a byte other than 0 and 1");
    column.valid_.assign(raw.begin(), raw.end());
  }
  if (column.type_ == DataType::kBool && !OnlyZeroAndOne(column.bytes_)) return Corruption("Bool column has a byte other than 0 and 1");
  for (size_t row = 0; row < header.rows; ++row) {
    if (column.type_ == DataType::kArray) {
      if (!ArrayView(column.Text(row), column.element_type_).Valid()) return Corruption("array in row ", row, " is broken");
    } else if (column.type_ == DataType::kSparseFloatVector) {
      if (!SparseRowValid(column.Text(row))) return Corruption("sparse vector in row ", row, " is broken");
    } else {
      break;
    }
  }
  return column;
}

void RowBatch::EncodeTo(std::string* out) const {
  CHECK(field_ids.size() == columns.size());
  BatchHeader header = {};
  header.version = kVersion;
  header.columns = static_cast<uint32_t>(columns.size());
  header.rows = row_count;
  out->append(reinterpret_cast<const char*>(&header), sizeof(header));
  for (size_t i = 0; i < columns.size(); ++i) {
    out->append(reinterpret_cast<const char*>(&field_ids[i]), sizeof(int64_t));
    columns[i].EncodeTo(out);
  }
}

Result<RowBatch> RowBatch::Decode(std::string_view* in) {
  BatchHeader header;
  if (!Take(in, &header)) return Corruption("batch header needs ", sizeof(header), " bytes and ", in->size(), " are left");
  if (header.version != kVersion) return Corruption("batch has format version ", int{header.version}, ", this build reads ", int{kVersion});
  if (header.columns > in->size() / (sizeof(int64_t) + sizeof(ColumnHeader)) || header.rows > kMaxRows) {
    return Corruption("batch claims ", header.columns, " columns of ", header.rows, " rows and ", in->size(), " bytes follow");
  }
  RowBatch batch;
  batch.row_count = header.rows;
  batch.columns.reserve(header.columns);
  batch.field_ids.reserve(header.columns);
  for (uint32_t i = 0; i < header.columns; ++i) {
    int64_t field_id = 0;
    if (!Take(in, &field_id)) return Corruption("batch ends before column ", i, " of ", header.columns);
    batch.field_ids.push_back(field_id);
    batch.columns.push_back(TRY(Column::Decode(in)));
    if (batch.columns.back().row_count() != header.rows) {
      return Corruption("column of field ", field_id, " has ", batch.columns.back().row_count(), " rows in a batch of ", header.rows);
    }
  }
  return batch;
}

}  // namespace saker
