// Values of one column against one field.
#include <simdjson.h>

#include <cmath>
#include <limits>

#include "server/proxy/columns.h"
#include "server/proxy/json_text.h"
#include "server/proxy/refusal.h"
#include "server/proxy/vectors.h"

namespace saker::proxy {
namespace {

struct Range {
  int64_t low;
  int64_t high;
};

Range RangeOf(DataType type) {
  switch (type) {
    case DataType::kInt8: return {-128, 127};
    case DataType::kInt16: return {-32768, 32767};
    case DataType::kInt32: return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
    default: return {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  }
}

Status TypeMismatch(const FieldSchema& field, DataType given) {
  return Invalid("the data type (", DataTypeName(given), ") of field (", field.name, ") is not equal to the schema's (",
                 DataTypeName(field.type), ")");
}

Status NotFinite(const FieldSchema& field, std::string_view text, size_t row) {
  return Invalid("value '", text, "' is not a number or infinity: field ", field.name, ", row ", row);
}

Status CheckInteger(std::string_view field, DataType type, int64_t value, size_t row) {
  const Range range = RangeOf(type);
  if (value >= range.low && value <= range.high) return OkStatus();
  return Invalid("the value (", value, ") of field (", field, ") is out of range [", range.low, ", ", range.high, "] of ",
                 DataTypeName(type), ", row number: ", row);
}

Result<Column> CheckIntegers(const FieldSchema& field, Column column) {
  if (column.type() == field.type) return column;
  if (!IsInteger(column.type())) return TypeMismatch(field, column.type());
  Column out(field, column.row_count());
  for (size_t row = 0; row < column.row_count(); ++row) {
    if (!column.IsValid(row)) {
      out.AppendNull();
      continue;
    }
    const int64_t value = column.GetInteger(row);
    TRY(CheckInteger(field.name, field.type, value, row));
    out.AppendFixed(&value);
  }
  return out;
}

Result<Column> CheckFloats(const FieldSchema& field, Column column) {
  if (!IsNumber(column.type())) return TypeMismatch(field, column.type());
  Column out(field, column.type() == field.type ? 0 : column.row_count());
  for (size_t row = 0; row < column.row_count(); ++row) {
    const bool valid = column.IsValid(row);
    const double value = IsInteger(column.type()) ? static_cast<double>(column.GetInteger(row)) : column.GetNumber(row);
    const float narrow = static_cast<float>(value);
    const bool finite = std::isfinite(field.type == DataType::kFloat ? static_cast<double>(narrow) : value);
    if (valid && !finite) return NotFinite(field, std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf", row);
    if (column.type() == field.type) continue;
    if (!valid) {
      out.AppendNull();
    } else if (field.type == DataType::kFloat) {
      out.AppendFixed(&narrow);
    } else {
      out.AppendFixed(&value);
    }
  }
  return column.type() == field.type ? std::move(column) : std::move(out);
}

Status CheckText(const FieldSchema& field, std::string_view text, size_t row) {
  if (text.size() > static_cast<size_t>(field.max_length)) {
    return Invalid("length of varchar field ", field.name, " exceeds max length, row number: ", row, ", length: ", text.size(),
                   ", max length: ", field.max_length);
  }
  if (simdjson::validate_utf8(text)) return OkStatus();
  return Invalid("field ", field.name, ", row ", row, ": the string is not valid UTF-8");
}

// An array whose elements are integers of another width than the field's.
Result<std::string> ConvertArray(const FieldSchema& field, const ArrayView& array, size_t row) {
  ArrayBuilder builder(field.element_type);
  for (size_t i = 0; i < array.size(); ++i) {
    const int64_t value = array.GetInteger(i);
    TRY(CheckInteger(field.name, field.element_type, value, row));
    builder.AddInteger(value);
  }
  return builder.Finish();
}

Status CheckArray(const FieldSchema& field, const ArrayView& array, size_t row) {
  if (!array.Valid()) return Invalid("array field ", field.name, ", row ", row, ": the value is broken");
  if (array.size() > static_cast<size_t>(field.max_capacity)) {
    return Invalid("the length (", array.size(), ") of ", row, "th array exceeds max capacity (", field.max_capacity, "): field ",
                   field.name);
  }
  for (size_t i = 0; i < array.size(); ++i) {
    if (field.element_type == DataType::kVarChar) TRY(CheckText(field, array.GetString(i), row));
    if (IsFloating(field.element_type) && !std::isfinite(array.GetNumber(i))) return NotFinite(field, "NaN or Inf", row);
  }
  return OkStatus();
}

Result<Column> CheckArrays(const FieldSchema& field, Column column) {
  if (column.type() != DataType::kArray) return TypeMismatch(field, column.type());
  const bool convert = column.element_type() != field.element_type;
  Column out(field, convert ? column.row_count() : 0);
  for (size_t row = 0; row < column.row_count(); ++row) {
    if (!column.IsValid(row)) {
      if (convert) out.AppendNull();
      continue;
    }
    const ArrayView array(column.Text(row), column.element_type());
    if (convert && array.size() > 0 && !(IsInteger(column.element_type()) && IsInteger(field.element_type))) {
      return Invalid("element type (", DataTypeName(column.element_type()), ") of array field (", field.name,
                     ") is not equal to the schema's (", DataTypeName(field.element_type), ")");
    }
    if (convert) {
      if (!array.Valid()) return Invalid("array field ", field.name, ", row ", row, ": the value is broken");
      const std::string converted = TRY(ConvertArray(field, array, row));
      TRY(CheckArray(field, ArrayView(converted, field.element_type), row));
      out.AppendVariable(converted);
    } else {
      TRY(CheckArray(field, array, row));
    }
  }
  return convert ? std::move(out) : std::move(column);
}

Result<Column> CheckSparse(const FieldSchema& field, const Column& column) {
  if (column.type() != field.type) return TypeMismatch(field, column.type());
  Column out(field, column.row_count());
  for (size_t row = 0; row < column.row_count(); ++row) {
    if (column.IsValid(row)) {
      out.AppendVariable(TRY(NormalizeSparse(column.Text(row), field.name)));
    } else {
      out.AppendNull();
    }
  }
  return out;
}

Result<Column> CheckVectors(const FieldSchema& field, Column column, int64_t dim) {
  if (field.type == DataType::kSparseFloatVector) return CheckSparse(field, column);
  const bool convert = column.type() == DataType::kFloatVector && field.type != DataType::kFloatVector &&
                       field.type != DataType::kBinaryVector && IsVector(field.type);
  if (column.type() != field.type && !convert) return TypeMismatch(field, column.type());
  if (column.width_bytes() != FixedWidth(column.type(), field.dim)) {
    const size_t unit = FixedWidth(column.type(), 8);
    return Invalid("the dim (", dim != 0 ? dim : static_cast<int64_t>(column.width_bytes() * 8 / unit), ") of field data(", field.name,
                   ") is not equal to schema dim (", field.dim, ")");
  }
  if (const std::optional<size_t> bad = FindNotFinite(column.type(), column.bytes())) {
    const size_t row = *bad / static_cast<size_t>(field.dim);
    if (column.IsValid(row)) return NotFinite(field, NotFiniteText(column.type(), column.bytes(), *bad), row);
  }
  if (!convert) return column;
  const std::string converted = TRY(ConvertFloats(column.bytes(), field.type, field.name));
  Column out(field, column.row_count());
  for (size_t row = 0; row < column.row_count(); ++row) {
    if (column.IsValid(row)) {
      out.AppendFixed(converted.data() + row * out.width_bytes());
    } else {
      out.AppendNull();
    }
  }
  return out;
}

Result<Column> ReplaceNulls(const FieldSchema& field, Column column) {
  if (!column.has_nulls()) return column;
  const bool has_default = !std::holds_alternative<std::monostate>(field.default_value);
  Column out(field, has_default ? column.row_count() : 0);
  for (size_t row = 0; row < column.row_count(); ++row) {
    if (column.IsValid(row)) {
      if (has_default) out.AppendFrom(column, row);
    } else if (has_default) {
      AppendDefault(field, &out);
    } else if (!field.nullable) {
      return Invalid("field (", field.name, ") is neither nullable nor has a default, but row ", row, " is null");
    }
  }
  return has_default ? std::move(out) : std::move(column);
}

// The same texts as a column of the field's own type: String and Text are VarChar here.
Column Retyped(const FieldSchema& field, const Column& column) {
  Column out(field, column.row_count());
  for (size_t row = 0; row < column.row_count(); ++row) {
    if (column.IsValid(row)) {
      out.AppendVariable(column.Text(row));
    } else {
      out.AppendNull();
    }
  }
  return out;
}

Result<Column> CheckValues(const FieldSchema& field, Column column, int64_t dim) {
  if (IsVector(field.type)) return CheckVectors(field, std::move(column), dim);
  if (IsInteger(field.type)) return CheckIntegers(field, std::move(column));
  if (IsFloating(field.type)) return CheckFloats(field, std::move(column));
  if (field.type == DataType::kArray) return CheckArrays(field, std::move(column));
  const bool same = IsString(field.type) ? IsString(column.type()) : column.type() == field.type;
  if (!same) return TypeMismatch(field, column.type());
  for (size_t row = 0; row < column.row_count(); ++row) {
    if (!column.IsValid(row)) continue;
    if (field.type == DataType::kVarChar) TRY(CheckText(field, column.Text(row), row));
    if (field.type == DataType::kJson) TRY(CheckJson(column.Text(row), field.name));
  }
  return column.type() == field.type ? std::move(column) : Retyped(field, column);
}

}  // namespace

Result<Column> CheckColumn(const FieldSchema& field, Column column, int64_t dim) {
  Column checked = TRY(CheckValues(field, std::move(column), dim));
  return ReplaceNulls(field, std::move(checked));
}

}  // namespace saker::proxy
