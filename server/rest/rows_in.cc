#include "server/rest/rows_in.h"

#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "server/rest/vector_json.h"

namespace saker::rest {

namespace {

namespace dom = simdjson::dom;

template <typename... Parts>
Status BadData(const Parts&... parts) {
  return RestError(kBadInsertData, "fail to deal the insert data, error: ", parts...);
}

Status WrongType(DataType wanted, const JsonElement& value) {
  return InvalidArgument("a ", DataTypeName(wanted), " cannot be ", TypeName(value), " (", simdjson::minify(value).substr(0, 64), ")");
}

Result<int64_t> ToInteger(DataType type, const JsonElement& value) {
  int64_t number = 0;
  std::string_view text;
  if (value.get(number) != simdjson::SUCCESS && !(value.get(text) == simdjson::SUCCESS && ParseInteger(text, &number))) {
    return WrongType(type, value);
  }
  const int bits = type == DataType::kInt8 ? 8 : type == DataType::kInt16 ? 16 : type == DataType::kInt32 ? 32 : 64;
  if (bits < 64 && (number < -(int64_t{1} << (bits - 1)) || number >= int64_t{1} << (bits - 1))) {
    return InvalidArgument(number, " is out of range for ", DataTypeName(type));
  }
  return number;
}

Result<double> ToNumber(DataType type, const JsonElement& value) {
  double number = 0;
  int64_t integer = 0;
  uint64_t large = 0;
  std::string_view text;
  if (value.get(integer) == simdjson::SUCCESS) {
    number = static_cast<double>(integer);
  } else if (value.get(large) == simdjson::SUCCESS) {
    number = static_cast<double>(large);
  } else if (value.get(number) != simdjson::SUCCESS && !(value.get(text) == simdjson::SUCCESS && ParseDouble(text, &number))) {
    return WrongType(type, value);
  }
  if (!std::isfinite(number) || (type == DataType::kFloat && std::abs(number) > std::numeric_limits<float>::max())) {
    return InvalidArgument("value '", number, "' is not a number or infinity");
  }
  return number;
}

Result<bool> ToBool(const JsonElement& value) {
  bool result = false;
  if (value.get(result) == simdjson::SUCCESS) return result;
  return WrongType(DataType::kBool, value);
}

Result<std::string> ToArray(const FieldSchema& field, const JsonElement& value) {
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return WrongType(DataType::kArray, value);
  ArrayBuilder builder(field.element_type);
  for (const JsonElement element : list) {
    if (field.element_type == DataType::kBool) {
      builder.AddBool(TRY(ToBool(element)));
    } else if (IsInteger(field.element_type)) {
      builder.AddInteger(TRY(ToInteger(field.element_type, element)));
    } else if (IsFloating(field.element_type)) {
      builder.AddNumber(TRY(ToNumber(field.element_type, element)));
    } else if (IsString(field.element_type)) {
      std::string_view text;
      if (element.get(text) != simdjson::SUCCESS) return WrongType(field.element_type, element);
      builder.AddString(text);
    } else {
      return Unimplemented("arrays of ", DataTypeName(field.element_type), " cannot be inserted by REST");
    }
  }
  return builder.Finish();
}

template <typename T>
void AppendAs(Column* column, T value) {
  column->AppendFixed(&value);
}

Status AppendInteger(DataType type, int64_t number, Column* column) {
  switch (type) {
    case DataType::kInt8: AppendAs(column, static_cast<int8_t>(number)); break;
    case DataType::kInt16: AppendAs(column, static_cast<int16_t>(number)); break;
    case DataType::kInt32: AppendAs(column, static_cast<int32_t>(number)); break;
    default: AppendAs(column, number);
  }
  return OkStatus();
}

Status AppendVector(const FieldSchema& field, const JsonElement& value, proxy::NamedColumn* to) {
  std::string bytes;
  TRY(AppendVectorBytes(field.type, field.dim, value, &bytes, &to->dim));
  if (to->column.variable()) {
    to->column.AppendVariable(bytes);
    return OkStatus();
  }
  if (bytes.size() != to->column.width_bytes()) {
    return InvalidArgument("the vector has ", bytes.size(), " bytes, the field has ", to->column.width_bytes(),
                           ": vector dimension mismatch");
  }
  to->column.AppendFixed(bytes.data());
  return OkStatus();
}

Status AppendValue(const FieldSchema& field, const JsonElement& value, proxy::NamedColumn* to) {
  Column* column = &to->column;
  if (value.is_null()) {
    if (!field.nullable && std::holds_alternative<std::monostate>(field.default_value))
      return InvalidArgument("it is null and the field is not nullable");
    column->AppendNull();
    return OkStatus();
  }
  if (IsVector(field.type)) return AppendVector(field, value, to);
  if (field.type == DataType::kBool) {
    AppendAs(column, static_cast<uint8_t>(TRY(ToBool(value))));
    return OkStatus();
  }
  if (IsInteger(field.type)) return AppendInteger(field.type, TRY(ToInteger(field.type, value)), column);
  if (IsFloating(field.type)) {
    const double number = TRY(ToNumber(field.type, value));
    field.type == DataType::kFloat ? AppendAs(column, static_cast<float>(number)) : AppendAs(column, number);
    return OkStatus();
  }
  std::string_view text;
  if (IsString(field.type)) {
    if (value.get(text) != simdjson::SUCCESS) return WrongType(field.type, value);
    column->AppendVariable(text);
    return OkStatus();
  }
  if (field.type == DataType::kJson) {
    // A string is meant as JSON text when it is JSON text, as with Milvus; any other string is a JSON string.
    std::string json;
    if (value.get(text) != simdjson::SUCCESS || !MinifyJson(text, &json)) json = simdjson::minify(value);
    column->AppendVariable(json);
    return OkStatus();
  }
  if (field.type == DataType::kArray) {
    column->AppendVariable(TRY(ToArray(field, value)));
    return OkStatus();
  }
  return Unimplemented("the type ", DataTypeName(field.type), " cannot be inserted by REST");
}

// Builds all columns side by side. A column begins with the first row that has the field; rows before and after that
// lack it get a null where the schema allows one.
class RowReader {
 public:
  RowReader(const proxy::CollectionInfo& collection, RowsFor purpose, size_t rows) : purpose_(purpose), rows_(rows) {
    for (const FieldSchema& field : collection.schema.fields) {
      if (field.is_dynamic) {
        dynamic_.emplace(proxy::NamedColumn{std::string(kDynamicFieldName), true, Column(field, rows), 0});
        continue;
      }
      by_name_.emplace(field.name, targets_.size());
      targets_.push_back({&field, proxy::NamedColumn{field.name, false, Column(), field.dim}, false});
    }
    const std::string* allowed = FindValue(collection.properties, "allow_insert_auto_id");
    allow_auto_id_ = allowed != nullptr && (*allowed == "true" || *allowed == "True");
  }

  Status Add(dom::object row) {
    dynamic_keys_.clear();
    size_t expected = 0;
    std::string dynamic;
    for (const auto member : row) {
      // Rows mostly name their fields in the same order: the next one is tried before the map.
      size_t at = expected;
      if (at >= targets_.size() || targets_[at].field->name != member.key) {
        const auto found = by_name_.find(member.key);
        if (found == by_name_.end()) {
          TRY(AddDynamic(member.key, member.value, &dynamic));
          continue;
        }
        at = found->second;
      }
      expected = at + 1;
      TRY(AddField(&targets_[at], member.value));
    }
    if (dynamic_) dynamic_->column.AppendVariable(dynamic.empty() ? "{}" : dynamic + "}");
    for (Target& target : targets_) {
      if (target.started && target.out.column.row_count() == row_) TRY(Skip(&target, row_));
    }
    ++row_;
    return OkStatus();
  }

  Result<ColumnsOfRows> Finish() {
    ColumnsOfRows result;
    result.row_count = row_;
    for (Target& target : targets_) {
      if (target.started) {
        result.columns.push_back(std::move(target.out));
      } else if (!MayLack(*target.field)) {
        return BadData("fieldSchema(", target.field->name, ") has no corresponding fieldData pass in: invalid parameter");
      }
    }
    if (dynamic_) result.columns.push_back(std::move(*dynamic_));
    return result;
  }

 private:
  struct Target {
    const FieldSchema* field;
    proxy::NamedColumn out;
    bool started;
  };

  bool MayBeNull(const FieldSchema& field) const { return field.nullable || !std::holds_alternative<std::monostate>(field.default_value); }
  bool MayLack(const FieldSchema& field) const {
    if (field.is_function_output || MayBeNull(field) || (purpose_ == RowsFor::kPartialUpsert && !field.is_primary_key)) return true;
    return field.auto_id && purpose_ == RowsFor::kInsert;
  }

  Status Skip(Target* target, size_t row) {
    if (!MayBeNull(*target->field)) { return BadData("row ", row, " has no value for field ", target->field->name, ", other rows have"); }
    target->out.column.AppendNull();
    return OkStatus();
  }

  Status AddField(Target* target, const JsonElement& value) {
    const FieldSchema& field = *target->field;
    if (field.auto_id && purpose_ == RowsFor::kInsert && !allow_auto_id_) {
      return BadData("no need to pass pk field(", field.name, ") when autoid==true in insert");
    }
    if (field.is_function_output) return BadData("field ", field.name, " is filled by a function and cannot be given");
    if (!target->started) {
      target->started = true;
      target->out.column = Column(field, rows_);
      for (size_t row = 0; row < row_; ++row) TRY(Skip(target, row));
    }
    if (target->out.column.row_count() != row_) return BadData("row ", row_, " has field ", field.name, " twice");
    const Status status = AppendValue(field, value, &target->out);
    if (!status.ok()) return BadData("row ", row_, ", field ", field.name, ": ", status.message());
    return OkStatus();
  }

  Status AddDynamic(std::string_view key, const JsonElement& value, std::string* json) {
    if (!dynamic_) {
      return BadData("row ", row_, " has the field ", key,
                     ", which the collection does not have: has pass more fields without dynamic schema, please check it");
    }
    if (key == kDynamicFieldName) return BadData("row ", row_, ": ", key, " cannot be given, its keys stand beside the fields");
    if (!dynamic_keys_.insert(key).second) return BadData("row ", row_, " has the key ", key, " twice");
    json->push_back(json->empty() ? '{' : ',');
    AppendJsonString(json, key);
    json->push_back(':');
    *json += simdjson::minify(value);
    return OkStatus();
  }

  const RowsFor purpose_;
  const size_t rows_;
  size_t row_ = 0;
  bool allow_auto_id_ = false;
  std::vector<Target> targets_;
  std::unordered_map<std::string_view, size_t> by_name_;
  std::optional<proxy::NamedColumn> dynamic_;
  std::unordered_set<std::string_view> dynamic_keys_;
};

}  // namespace

Result<ColumnsOfRows> RowsToColumns(const JsonElement& data, const proxy::CollectionInfo& collection, RowsFor purpose) {
  dom::object one;
  if (data.get(one) == simdjson::SUCCESS) {
    RowReader reader(collection, purpose, 1);
    TRY(reader.Add(one));
    return reader.Finish();
  }
  dom::array list;
  if (data.get(list) != simdjson::SUCCESS) return BadJson("`data` should be a list of rows, it is ", TypeName(data));
  RowReader reader(collection, purpose, list.size());
  size_t count = 0;
  for (const JsonElement element : list) {
    if (element.get(one) != simdjson::SUCCESS) return BadData("a row should be an object, row ", count, " is ", TypeName(element));
    TRY(reader.Add(one));
    ++count;
  }
  if (count == 0) return BadData("`data` has no rows");
  return reader.Finish();
}

}  // namespace saker::rest
