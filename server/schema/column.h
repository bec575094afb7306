// Columns of rows: the one in-memory and encoded form of data between the wire, the log and the segments.
//
// A column always has an entry for every row; a null row has a zero (or empty) entry and a false validity. Values are
// little-endian: fixed-width types lie packed in `bytes` (Bool 1 byte, vectors dim elements), variable ones are
// `bytes[offsets[i], offsets[i+1])`. A JSON value is its text. An array row is ArrayView's encoding. A sparse vector row
// is (uint32 index ascending, float value) pairs. Values; not thread-safe while written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "server/schema/schema.h"

namespace saker {

class Column {
 public:
  Column() = default;
  // An empty column for the field; `rows` is a hint for reserving.
  explicit Column(const FieldSchema& field, size_t rows = 0);
  Column(DataType type, DataType element_type, size_t width_bytes);

  DataType type() const { return type_; }
  DataType element_type() const { return element_type_; }
  size_t row_count() const { return row_count_; }
  size_t width_bytes() const { return width_; }  // 0 for variable types
  bool variable() const { return width_ == 0; }

  void AppendFixed(const void* value);  // width_bytes() of them
  void AppendFixedRun(const void* values, size_t rows);
  void AppendVariable(std::string_view value);
  void AppendNull();  // zero or empty, and invalid
  void AppendFrom(const Column& other, size_t row);
  void AppendRange(const Column& other, size_t first, size_t count);
  void Reserve(size_t rows, size_t variable_bytes = 0);

  bool IsValid(size_t row) const { return valid_.empty() || valid_[row] != 0; }
  bool has_nulls() const { return !valid_.empty(); }
  // One byte per row, or empty when every row is valid.
  const std::vector<uint8_t>& validity() const { return valid_; }

  // Fixed-width access; T must have the column's width.
  template <typename T>
  T Get(size_t row) const {
    T value;
    std::memcpy(&value, bytes_.data() + row * sizeof(T), sizeof(T));
    return value;
  }
  template <typename T>
  std::span<const T> Span() const {
    return {reinterpret_cast<const T*>(bytes_.data()), row_count_};
  }
  const void* Row(size_t row) const { return bytes_.data() + row * width_; }
  std::string_view Text(size_t row) const { return std::string_view(bytes_).substr(offsets_[row], offsets_[row + 1] - offsets_[row]); }
  // Integers of any width and Bool, widened; floats by GetNumber.
  int64_t GetInteger(size_t row) const;
  double GetNumber(size_t row) const;

  const std::string& bytes() const { return bytes_; }
  size_t memory_bytes() const { return bytes_.capacity() + offsets_.capacity() * sizeof(uint64_t) + valid_.capacity(); }

  // Appends the column's encoded form; Decode checks every length and answers DataLoss. No checksum of its own.
  void EncodeTo(std::string* out) const;
  static Result<Column> Decode(std::string_view* in);

 private:
  DataType type_ = DataType::kNone;
  DataType element_type_ = DataType::kNone;
  size_t width_ = 0;
  size_t row_count_ = 0;
  std::string bytes_;
  std::vector<uint64_t> offsets_;  // row_count_ + 1 of them for variable types
  std::vector<uint8_t> valid_;
};

// Bytes of one row of a fixed-width field; 0 for variable ones.
size_t FixedWidth(DataType type, int64_t dim);

// Reads one row of an array column without copying.
class ArrayView {
 public:
  ArrayView(std::string_view row, DataType element_type) : row_(row), element_type_(element_type) {}
  size_t size() const;
  bool GetBool(size_t i) const;
  int64_t GetInteger(size_t i) const;
  double GetNumber(size_t i) const;
  std::string_view GetString(size_t i) const;
  DataType element_type() const { return element_type_; }
  // False when the encoding is broken; a decoded column was checked once.
  bool Valid() const;

 private:
  std::string_view row_;
  DataType element_type_;
};

// Builds an array row: fixed elements packed at their own width, strings as count, end offsets (uint32), bytes.
class ArrayBuilder {
 public:
  explicit ArrayBuilder(DataType element_type) : element_type_(element_type) {}
  void AddBool(bool value);
  void AddInteger(int64_t value);
  void AddNumber(double value);
  void AddString(std::string_view value);
  std::string Finish();

 private:
  DataType element_type_;
  std::string fixed_;
  std::vector<uint32_t> ends_;
  std::string text_;
};

// Columns of the same rows, in the order of some schema's fields (each named by its field id).
struct RowBatch {
  std::vector<int64_t> field_ids;
  std::vector<Column> columns;
  size_t row_count = 0;

  const Column* Find(int64_t field_id) const;
  void EncodeTo(std::string* out) const;
  static Result<RowBatch> Decode(std::string_view* in);
};

// A primary key: an Int64 or a VarChar.
using PrimaryKey = std::variant<int64_t, std::string>;
PrimaryKey PrimaryKeyAt(const Column& column, size_t row);

// Many primary keys of one type.
struct PrimaryKeys {
  DataType type = DataType::kInt64;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  size_t size() const { return type == DataType::kInt64 ? ints.size() : strings.size(); }
  PrimaryKey At(size_t i) const { return type == DataType::kInt64 ? PrimaryKey(ints[i]) : PrimaryKey(strings[i]); }
};

}  // namespace saker
