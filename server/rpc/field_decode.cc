#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "server/rpc/field_data.h"
#include "server/rpc/float16.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

using pb::schema::FieldData;
using pb::schema::ScalarField;
using pb::schema::VectorField;

template <typename... Parts>
Status Invalid(const Parts&... parts) {
  return MilvusError(MilvusErrorCode::kInvalidParameter, parts...);
}

Status WrongCount(size_t have, std::string_view field, size_t want) {
  return Invalid("the num_rows (", have, ") of field (", field, ") is not equal to passed num_rows (", want, ")");
}

// Which rows have a value in the data that came: all, or those that valid_data names.
struct Rows {
  std::string_view field;
  size_t count = 0;
  const google::protobuf::RepeatedField<bool>* valid = nullptr;  // nullptr: every row
  bool compressed = false;

  bool IsValid(size_t row) const { return valid == nullptr || (*valid)[static_cast<int>(row)]; }
};

Result<Rows> MatchRows(const FieldData& data, const google::protobuf::RepeatedField<bool>& inner_valid, size_t value_count,
                       size_t row_count) {
  Rows rows{.field = data.field_name(), .count = row_count};
  const auto& valid = data.valid_data().empty() ? inner_valid : data.valid_data();
  if (valid.empty()) {
    if (value_count != row_count) return WrongCount(value_count, rows.field, row_count);
    return rows;
  }
  if (static_cast<size_t>(valid.size()) != row_count) return WrongCount(static_cast<size_t>(valid.size()), rows.field, row_count);
  const auto valid_count = static_cast<size_t>(std::count(valid.begin(), valid.end(), true));
  if (value_count != valid_count && value_count != row_count) return WrongCount(value_count, rows.field, row_count);
  if (valid_count != row_count) rows.valid = &valid;
  rows.compressed = value_count == valid_count;
  return rows;
}

// Calls append(i) with the index of each row's value, or AppendNull.
template <typename Append>
[[nodiscard]] Status FillRows(const Rows& rows, Column* column, Append&& append) {
  size_t next = 0;
  for (size_t row = 0; row < rows.count; ++row) {
    if (rows.IsValid(row)) {
      TRY(append(rows.compressed ? next++ : row));
    } else {
      column->AppendNull();
    }
  }
  return OkStatus();
}

// Values that lie packed in memory at the column's own width.
Result<Column> FixedColumn(Column column, const Rows& rows, const void* values) {
  column.Reserve(rows.count);
  if (rows.valid == nullptr) {
    if (rows.count != 0) column.AppendFixedRun(values, rows.count);
    return column;
  }
  const auto* bytes = static_cast<const char*>(values);
  const Status filled = FillRows(rows, &column, [&](size_t i) {
    column.AppendFixed(bytes + i * column.width_bytes());
    return OkStatus();
  });
  if (!filled.ok()) return filled;
  return column;
}

template <typename Narrow>
Result<Column> NarrowColumn(DataType type, const Rows& rows, const google::protobuf::RepeatedField<int32_t>& values) {
  Column column(type, DataType::kNone, sizeof(Narrow));
  column.Reserve(rows.count);
  const Status filled = FillRows(rows, &column, [&](size_t i) -> Status {
    const int32_t value = values[static_cast<int>(i)];
    if (value < std::numeric_limits<Narrow>::min() || value > std::numeric_limits<Narrow>::max()) {
      return Invalid("the value ", value, " of field (", rows.field, ") is out of range for ", DataTypeName(type));
    }
    const auto narrow = static_cast<Narrow>(value);
    column.AppendFixed(&narrow);
    return OkStatus();
  });
  if (!filled.ok()) return filled;
  return column;
}

template <typename Values>
Result<Column> TextColumn(DataType type, const Rows& rows, const Values& values) {
  Column column(type, DataType::kNone, 0);
  size_t bytes = 0;
  for (const std::string& value : values) bytes += value.size();
  column.Reserve(rows.count, bytes);
  const Status filled = FillRows(rows, &column, [&](size_t i) {
    column.AppendVariable(values[static_cast<int>(i)]);
    return OkStatus();
  });
  if (!filled.ok()) return filled;
  return column;
}

bool FitsArray(const ScalarField& row, DataType element) {
  switch (row.data_case()) {
    case ScalarField::DATA_NOT_SET: return true;  // an empty array
    case ScalarField::kBoolData: return element == DataType::kBool;
    case ScalarField::kIntData: return element == DataType::kInt8 || element == DataType::kInt16 || element == DataType::kInt32;
    case ScalarField::kLongData: return element == DataType::kInt64;
    case ScalarField::kFloatData: return element == DataType::kFloat;
    case ScalarField::kDoubleData: return element == DataType::kDouble;
    case ScalarField::kStringData: return IsString(element);
    default: return false;
  }
}

Result<std::string> ArrayRow(const ScalarField& row, DataType element, std::string_view field) {
  if (!FitsArray(row, element)) { return Invalid("an array of field (", field, ") holds other elements than ", DataTypeName(element)); }
  ArrayBuilder builder(element);
  for (const bool value : row.bool_data().data()) builder.AddBool(value);
  const int64_t limit = element == DataType::kInt8 ? 0x7f : element == DataType::kInt16 ? 0x7fff : 0x7fffffff;
  for (const int32_t value : row.int_data().data()) {
    if (value > limit || value < -limit - 1) {
      return Invalid("the value ", value, " of field (", field, ") is out of range for ", DataTypeName(element));
    }
    builder.AddInteger(value);
  }
  for (const int64_t value : row.long_data().data()) builder.AddInteger(value);
  for (const float value : row.float_data().data()) builder.AddNumber(value);
  for (const double value : row.double_data().data()) builder.AddNumber(value);
  for (const std::string& value : row.string_data().data()) builder.AddString(value);
  return builder.Finish();
}

DataType ElementTypeOf(const pb::schema::ArrayArray& arrays) {
  if (arrays.element_type() != pb::schema::None) return static_cast<DataType>(arrays.element_type());
  for (const ScalarField& row : arrays.data()) {
    switch (row.data_case()) {
      case ScalarField::kBoolData: return DataType::kBool;
      case ScalarField::kIntData: return DataType::kInt32;
      case ScalarField::kLongData: return DataType::kInt64;
      case ScalarField::kFloatData: return DataType::kFloat;
      case ScalarField::kDoubleData: return DataType::kDouble;
      case ScalarField::kStringData: return DataType::kVarChar;
      default: break;
    }
  }
  return DataType::kInt64;  // every array is empty
}

Result<Column> ArrayColumn(const FieldData& data, size_t row_count) {
  const auto& arrays = data.scalars().array_data();
  const DataType element = ElementTypeOf(arrays);
  if (element != DataType::kBool && !IsNumber(element) && !IsString(element)) {
    return Invalid("field (", data.field_name(), ") cannot be an array of ", DataTypeName(element));
  }
  const Rows rows = TRY(MatchRows(data, data.scalars().valid_data(), static_cast<size_t>(arrays.data_size()), row_count));
  Column column(DataType::kArray, element, 0);
  column.Reserve(row_count);
  const Status filled = FillRows(rows, &column, [&](size_t i) -> Status {
    column.AppendVariable(TRY(ArrayRow(arrays.data(static_cast<int>(i)), element, rows.field)));
    return OkStatus();
  });
  if (!filled.ok()) return filled;
  return column;
}

Result<Column> ScalarColumn(const FieldData& data, size_t row_count) {
  const ScalarField& scalars = data.scalars();
  const auto type = static_cast<DataType>(data.type());
  const auto match = [&](const auto& values) {
    return MatchRows(data, scalars.valid_data(), static_cast<size_t>(values.size()), row_count);
  };
  // One type with the oneof that carries it; any other pair falls through to the error.
  const auto carries = [&](ScalarField::DataCase wanted) {
    return scalars.data_case() == wanted || scalars.data_case() == ScalarField::DATA_NOT_SET;
  };
  const auto fixed = [&](const auto& values) -> Result<Column> {
    const Rows rows = TRY(match(values));
    return FixedColumn(Column(type, DataType::kNone, FixedWidth(type, 0)), rows, values.data());
  };
  switch (type) {
    case DataType::kBool:
      if (carries(ScalarField::kBoolData)) return fixed(scalars.bool_data().data());
      break;
    case DataType::kInt8:
      if (carries(ScalarField::kIntData))
        return NarrowColumn<int8_t>(type, TRY(match(scalars.int_data().data())), scalars.int_data().data());
      break;
    case DataType::kInt16:
      if (carries(ScalarField::kIntData))
        return NarrowColumn<int16_t>(type, TRY(match(scalars.int_data().data())), scalars.int_data().data());
      break;
    case DataType::kInt32:
      if (carries(ScalarField::kIntData)) return fixed(scalars.int_data().data());
      break;
    case DataType::kInt64:
      if (carries(ScalarField::kLongData)) return fixed(scalars.long_data().data());
      break;
    case DataType::kFloat:
      if (carries(ScalarField::kFloatData)) return fixed(scalars.float_data().data());
      break;
    case DataType::kDouble:
      if (carries(ScalarField::kDoubleData)) return fixed(scalars.double_data().data());
      break;
    case DataType::kString:
    case DataType::kVarChar:
    case DataType::kText:
      if (carries(ScalarField::kStringData))
        return TextColumn(type, TRY(match(scalars.string_data().data())), scalars.string_data().data());
      break;
    case DataType::kJson:
      if (carries(ScalarField::kJsonData)) return TextColumn(type, TRY(match(scalars.json_data().data())), scalars.json_data().data());
      break;
    case DataType::kArray:
      if (carries(ScalarField::kArrayData)) return ArrayColumn(data, row_count);
      break;
    default:
      return Invalid("field (", data.field_name(), ") has the data type ", DataTypeName(type), " (", data.type(),
                     "), which is not supported");
  }
  return Invalid("the data of field (", data.field_name(), ") does not fit its data type ", DataTypeName(type));
}

Result<Column> SparseColumn(const FieldData& data, size_t row_count, int64_t* dim) {
  const auto& contents = data.vectors().sparse_float_vector().contents();
  const Rows rows = TRY(MatchRows(data, data.vectors().valid_data(), static_cast<size_t>(contents.size()), row_count));
  Column column(DataType::kSparseFloatVector, DataType::kNone, 0);
  column.Reserve(row_count);
  const Status filled = FillRows(rows, &column, [&](size_t i) -> Status {
    column.AppendVariable(TRY(NormalizeSparseRow(contents[static_cast<int>(i)], dim)));
    return OkStatus();
  });
  if (!filled.ok()) return filled;
  return column;
}

// The bytes of a dense vector field at its own element width, whatever oneof carried them; float arrays are converted to
// half types for clients that send them so.
Result<std::string_view> DenseBytes(const FieldData& data, DataType type, std::string* converted) {
  const VectorField& vectors = data.vectors();
  const auto bytes_of = [](const google::protobuf::RepeatedField<float>& values) {
    return std::string_view(reinterpret_cast<const char*>(values.data()), static_cast<size_t>(values.size()) * sizeof(float));
  };
  const auto carried = vectors.data_case();
  if (carried == VectorField::DATA_NOT_SET) return std::string_view();
  switch (type) {
    case DataType::kFloatVector:
      if (carried == VectorField::kFloatVector) return bytes_of(vectors.float_vector().data());
      break;
    case DataType::kBinaryVector:
      if (carried == VectorField::kBinaryVector) return std::string_view(vectors.binary_vector());
      break;
    case DataType::kInt8Vector:
      if (carried == VectorField::kInt8Vector) return std::string_view(vectors.int8_vector());
      break;
    case DataType::kFloat16Vector:
    case DataType::kBFloat16Vector:
      if (carried == VectorField::kFloat16Vector && type == DataType::kFloat16Vector) return std::string_view(vectors.float16_vector());
      if (carried == VectorField::kBfloat16Vector && type == DataType::kBFloat16Vector) return std::string_view(vectors.bfloat16_vector());
      if (carried == VectorField::kFloatVector) {
        converted->reserve(static_cast<size_t>(vectors.float_vector().data_size()) * 2);
        for (const float value : vectors.float_vector().data()) {
          const uint16_t half = type == DataType::kFloat16Vector ? FloatToFloat16(value) : FloatToBFloat16(value);
          converted->append(reinterpret_cast<const char*>(&half), sizeof(half));
        }
        return std::string_view(*converted);
      }
      break;
    default: break;
  }
  return Invalid("the data of field (", data.field_name(), ") does not fit its data type ", DataTypeName(type));
}

Result<Column> DenseColumn(const FieldData& data, size_t row_count) {
  const auto type = static_cast<DataType>(data.type());
  const int64_t dim = data.vectors().dim();
  const size_t width = FixedWidth(type, dim);
  if (dim <= 0 || width == 0 || (type == DataType::kBinaryVector && dim % 8 != 0)) {
    return Invalid("invalid dimension: ", dim, " of field ", data.field_name());
  }
  std::string converted;
  const std::string_view bytes = TRY(DenseBytes(data, type, &converted));
  if (bytes.size() % width != 0) {
    return Invalid("the length (", bytes.size(), " bytes) of field (", data.field_name(), ") is not a multiple of a vector of dim ", dim,
                   " (", width, " bytes)");
  }
  const Rows rows = TRY(MatchRows(data, data.vectors().valid_data(), bytes.size() / width, row_count));
  return FixedColumn(Column(type, DataType::kNone, width), rows, bytes.data());
}

}  // namespace

Result<std::string> NormalizeSparseRow(std::string_view row, int64_t* max_index) {
  struct Entry {
    uint32_t index;
    float value;
  };
  if (row.size() % sizeof(Entry) != 0) return Invalid("a sparse vector of ", row.size(), " bytes is not a list of (uint32, float) pairs");
  std::vector<Entry> entries(row.size() / sizeof(Entry));
  if (!entries.empty()) std::memcpy(entries.data(), row.data(), row.size());
  for (const Entry& entry : entries) {
    if (entry.index == std::numeric_limits<uint32_t>::max()) return Invalid("sparse vector index must be less than 2^32-1");
    if (!std::isfinite(entry.value)) return Invalid("value '", entry.value, "' is not a number or infinity");
  }
  const auto by_index = [](const Entry& a, const Entry& b) { return a.index < b.index; };
  const bool sorted = std::is_sorted(entries.begin(), entries.end(), by_index);
  if (!sorted) std::sort(entries.begin(), entries.end(), by_index);
  for (size_t i = 1; i < entries.size(); ++i) {
    if (entries[i - 1].index == entries[i].index) return Invalid("a sparse vector names the index ", entries[i].index, " twice");
  }
  if (!entries.empty()) *max_index = std::max(*max_index, int64_t{entries.back().index} + 1);
  if (sorted) return std::string(row);
  return std::string(reinterpret_cast<const char*>(entries.data()), row.size());
}

Result<proxy::NamedColumn> DecodeField(const FieldData& data, size_t row_count) {
  proxy::NamedColumn out;
  out.name = data.field_name();
  out.is_dynamic = data.is_dynamic();
  if (out.is_dynamic && out.name.empty()) out.name = std::string(kDynamicFieldName);
  const auto type = static_cast<DataType>(data.type());
  if (data.field_case() == FieldData::kStructArrays || type == DataType::kArrayOfVector) {
    return Invalid("field (", out.name, ") is an array of structs or vectors, which is not supported");
  }
  if (!IsVector(type)) {
    if (data.field_case() == FieldData::kVectors)
      return Invalid("the data of field (", out.name, ") does not fit its data type ", DataTypeName(type));
    out.column = TRY(ScalarColumn(data, row_count));
    return out;
  }
  if (data.field_case() == FieldData::kScalars)
    return Invalid("the data of field (", out.name, ") does not fit its data type ", DataTypeName(type));
  if (type == DataType::kSparseFloatVector) {
    out.column = TRY(SparseColumn(data, row_count, &out.dim));
  } else {
    out.column = TRY(DenseColumn(data, row_count));
    out.dim = data.vectors().dim();
  }
  return out;
}

Result<std::vector<proxy::NamedColumn>> DecodeFields(const google::protobuf::RepeatedPtrField<FieldData>& fields, size_t row_count) {
  std::vector<proxy::NamedColumn> columns;
  columns.reserve(static_cast<size_t>(fields.size()));
  for (const FieldData& field : fields) columns.push_back(TRY(DecodeField(field, row_count)));
  return columns;
}

}  // namespace saker::rpc
