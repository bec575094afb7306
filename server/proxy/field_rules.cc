#include <algorithm>
#include <limits>
#include <set>
#include <string_view>

#include "server/proxy/analyzer_rules.h"
#include "server/proxy/names.h"
#include "server/proxy/params.h"
#include "server/proxy/refusal.h"
#include "server/proxy/schema_rules.h"

namespace saker::proxy {
namespace {

constexpr int64_t kMaxDim = 32768;
constexpr int64_t kMaxBinaryDim = 262144;
constexpr int64_t kMaxVarChar = 65535;
constexpr int64_t kMaxCapacity = 4096;

// The number of a type parameter, from the parameter's text or else from what the dialect parsed already.
Status ReadNumber(FieldSchema* field, std::string_view key, int64_t* value) {
  const std::string* text = FindValue(field->type_params, key);
  if (text == nullptr) {
    if (*value != 0) field->type_params.emplace_back(std::string(key), std::to_string(*value));
    return OkStatus();
  }
  if (ParseInteger(*text, value)) return OkStatus();
  return Invalid("invalid ", key, " of field ", field->name, ": ", *text, " is no whole number");
}

Status CheckDim(FieldSchema* field) {
  TRY(ReadNumber(field, "dim", &field->dim));
  if (field->type == DataType::kSparseFloatVector) {
    if (FindValue(field->type_params, "dim") == nullptr) return OkStatus();
    return Invalid("dimension should not be specified for sparse vector field ", field->name);
  }
  if (FindValue(field->type_params, "dim") == nullptr) {
    return Invalid("dimension is not defined in field type params, check type param `dim` for vector field ", field->name);
  }
  const std::string start = internal::Join("invalid dimension: ", field->dim, " of field ", field->name, ". ");
  if (field->type == DataType::kBinaryVector) {
    if (field->dim % 8 != 0) return Invalid(start, "binary vector dimension should be multiple of 8.");
    if (field->dim < 8 || field->dim > kMaxBinaryDim) {
      return Invalid(start, "binary vector dimension should be in range 8 ~ ", kMaxBinaryDim);
    }
    return OkStatus();
  }
  if (field->dim < 2 || field->dim > kMaxDim) return Invalid(start, "float vector dimension should be in range 2 ~ ", kMaxDim);
  return OkStatus();
}

Status CheckMaxLength(FieldSchema* field, std::string_view collection) {
  TRY(ReadNumber(field, "max_length", &field->max_length));
  if (FindValue(field->type_params, "max_length") == nullptr) {
    return Invalid("type param(max_length) should be specified for the field(", field->name, ") of collection ", collection);
  }
  if (field->max_length >= 1 && field->max_length <= kMaxVarChar) return OkStatus();
  return Invalid("the maximum length specified for the field(", field->name, ") should be in (0, ", kMaxVarChar, "], but got ",
                 field->max_length, " instead");
}

Status CheckArray(FieldSchema* field, std::string_view collection) {
  const DataType element = field->element_type;
  if (element != DataType::kBool && !IsNumber(element) && element != DataType::kVarChar) {
    return Invalid("element type ", DataTypeName(element), " is not supported: array field ", field->name);
  }
  if (element == DataType::kVarChar) TRY(CheckMaxLength(field, collection));
  TRY(ReadNumber(field, "max_capacity", &field->max_capacity));
  if (FindValue(field->type_params, "max_capacity") == nullptr) {
    return Invalid("type param(max_capacity) should be specified for the field(", field->name, ") of collection ", collection);
  }
  if (field->max_capacity >= 1 && field->max_capacity <= kMaxCapacity) return OkStatus();
  return Invalid("the maximum capacity specified for the field(", field->name, ") should be in (0, ", kMaxCapacity, "], but got ",
                 field->max_capacity, " instead");
}

Status DefaultMismatch(const FieldSchema& field, std::string_view given) {
  return Invalid("type (", DataTypeName(field.type), ") of field (", field.name, ") is not equal to the type (", given,
                 ") of default_value");
}

Status CheckIntegerDefault(const FieldSchema& field) {
  const int64_t* value = std::get_if<int64_t>(&field.default_value);
  if (value == nullptr) return DefaultMismatch(field, "not an integer");
  int64_t limit = std::numeric_limits<int64_t>::max();
  if (field.type == DataType::kInt8) limit = 127;
  if (field.type == DataType::kInt16) limit = 32767;
  if (field.type == DataType::kInt32) limit = std::numeric_limits<int32_t>::max();
  if (*value <= limit && *value >= -limit - 1) return OkStatus();
  return Invalid("[", -limit - 1, ", ", limit, "] is the range of ", DataTypeName(field.type), ", but default_value of field ", field.name,
                 " is ", *value);
}

Status CheckDefault(const FieldSchema& field) {
  if (std::holds_alternative<std::monostate>(field.default_value)) return OkStatus();
  if (field.is_primary_key) return Invalid("primary field not support default_value, field name = ", field.name);
  if (field.type == DataType::kBool) {
    return std::holds_alternative<bool>(field.default_value) ? OkStatus() : DefaultMismatch(field, "not a bool");
  }
  if (IsInteger(field.type)) return CheckIntegerDefault(field);
  if (IsFloating(field.type)) {
    return std::holds_alternative<double>(field.default_value) ? OkStatus() : DefaultMismatch(field, "not a floating number");
  }
  if (field.type != DataType::kVarChar) {
    return Invalid("type not support default_value, type:", DataTypeName(field.type), ", name:", field.name);
  }
  const std::string* text = std::get_if<std::string>(&field.default_value);
  if (text == nullptr) return DefaultMismatch(field, "not a string");
  if (static_cast<int64_t>(text->size()) <= field.max_length) return OkStatus();
  return Invalid("the length (", text->size(), ") of string exceeds max length (", field.max_length, "): default_value of field ",
                 field.name);
}

Status CheckKeys(const FieldSchema& field) {
  const bool key_type = field.type == DataType::kInt64 || field.type == DataType::kVarChar;
  if (field.auto_id && !field.is_primary_key) {
    return Invalid("only primary field can speficy AutoID with true, field name = ", field.name);
  }
  if (field.is_primary_key) {
    if (!key_type) return Invalid("the data type of primary key should be Int64 or VarChar, field name = ", field.name);
    if (field.nullable) return Invalid("primary field not support null, field name = ", field.name);
  }
  if (field.is_partition_key) {
    if (field.is_primary_key) return Invalid("the partition key field must not be primary field, field name = ", field.name);
    if (!key_type) return Invalid("the data type of partition key should be Int64 or VarChar, field name = ", field.name);
    if (field.nullable) return Invalid("partition key field not support nullable, field name = ", field.name);
  }
  return OkStatus();
}

}  // namespace

Status CompleteField(FieldSchema* field, std::string_view collection) {
  TRY(CheckFieldName(field->name));
  std::set<std::string_view> keys;
  for (const auto& [key, value] : field->type_params) {
    if (!keys.insert(key).second) return Invalid("duplicated type param key of field ", field->name, ": ", key);
  }
  if (field->type == DataType::kString) field->type = DataType::kVarChar;
  switch (field->type) {
    case DataType::kBool:
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32:
    case DataType::kInt64:
    case DataType::kFloat:
    case DataType::kDouble:
    case DataType::kJson: break;
    case DataType::kVarChar: TRY(CheckMaxLength(field, collection)); break;
    case DataType::kArray: TRY(CheckArray(field, collection)); break;
    case DataType::kBinaryVector:
    case DataType::kFloatVector:
    case DataType::kFloat16Vector:
    case DataType::kBFloat16Vector:
    case DataType::kSparseFloatVector:
    case DataType::kInt8Vector: TRY(CheckDim(field)); break;
    default:
      return Invalid("data type ", DataTypeName(field->type), " (", static_cast<int>(field->type), ") of field ", field->name,
                     " is not supported by this server");
  }
  TRY(CheckKeys(*field));
  return CheckDefault(*field);
}

Status AddFieldTo(CollectionSchema* schema, FieldSchema field) {
  if (!field.nullable) return Invalid("added field must be nullable, please check it, field name = ", field.name);
  if (field.is_primary_key || field.is_partition_key || field.is_clustering_key || field.auto_id) {
    return Invalid("added field can be no key, please check it, field name = ", field.name);
  }
  if (IsVector(field.type)) return Invalid("not support to add vector field, field name = ", field.name);
  TRY(CompleteField(&field, schema->name));
  if (schema->Find(field.name) != nullptr) return Invalid("duplicated field name: ", field.name);
  TRY(CheckAnalyzers(*schema, field));
  const size_t hidden = schema->DynamicField() != nullptr ? 1 : 0;
  if (schema->fields.size() - hidden >= 64) return Invalid("maximum field's number should be limited to 64");
  field.id = kFirstFieldId;
  for (const FieldSchema& other : schema->fields) field.id = std::max(field.id, other.id + 1);
  schema->fields.insert(schema->fields.end() - static_cast<std::ptrdiff_t>(hidden), std::move(field));
  ++schema->version;
  return OkStatus();
}

Status AlterFieldIn(CollectionSchema* schema, std::string_view name, const KeyValues& set, const std::vector<std::string>& remove) {
  const int place = schema->FieldIndex(name);
  if (place < 0 || schema->fields[static_cast<size_t>(place)].is_dynamic) {
    return MilvusError(MilvusErrorCode::kFieldNotFound, "field not found[field=", name, "]");
  }
  FieldSchema altered = schema->fields[static_cast<size_t>(place)];
  const int64_t old_length = altered.max_length;
  for (const auto& [key, value] : set) {
    if (key == "field.description") {
      altered.description = value;
      continue;
    }
    const bool settable = key == "max_length" || key == "max_capacity" || key == "mmap.enabled" || key.rfind("warmup", 0) == 0;
    if (!settable) return Invalid(key, " is not a configable field property, field name = ", name);
    std::erase_if(altered.type_params, [k = &key](const auto& param) { return param.first == *k; });
    altered.type_params.emplace_back(key, value);
  }
  for (const std::string& key : remove) {
    if (key == "max_length" || key == "max_capacity" || key == "dim") return Invalid("can not delete property ", key, " of field ", name);
    std::erase_if(altered.type_params, [&](const auto& param) { return param.first == key; });
  }
  if (FindValue(set, "max_length") != nullptr && old_length == 0) {
    return Invalid("can not modify the maxlength for non-string types, field name = ", name);
  }
  TRY(CompleteField(&altered, schema->name));
  schema->fields[static_cast<size_t>(place)] = std::move(altered);
  return OkStatus();
}

}  // namespace saker::proxy
