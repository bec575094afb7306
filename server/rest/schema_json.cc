#include "server/rest/schema_json.h"

#include <algorithm>
#include <utility>

#include "server/rest/milvus_v2.h"

namespace saker::rest {

namespace {

Status ReadTypeParams(const JsonObject& object, FieldSchema* field) {
  field->type_params = TRY(object.Pairs("elementTypeParams"));
  for (const auto& [key, value] : field->type_params) {
    int64_t* to = key == "dim"            ? &field->dim
                  : key == "max_length"   ? &field->max_length
                  : key == "max_capacity" ? &field->max_capacity
                                          : nullptr;
    if (to != nullptr && !ParseInteger(value, to))
      return InvalidParameter("the ", key, " of field ", field->name, " should be an integer, it is '", value, "'");
  }
  return OkStatus();
}

Status ReadDefault(const JsonObject& object, FieldSchema* field) {
  const auto value = object.Find("defaultValue");
  if (!value) return OkStatus();
  bool truth = false;
  int64_t integer = 0;
  double number = 0;
  std::string_view text;
  if (field->type == DataType::kBool && value->get(truth) == simdjson::SUCCESS) {
    field->default_value = truth;
  } else if (IsInteger(field->type) && value->get(integer) == simdjson::SUCCESS) {
    field->default_value = integer;
  } else if (IsFloating(field->type) && (value->get(number) == simdjson::SUCCESS || value->get(integer) == simdjson::SUCCESS)) {
    field->default_value = number != 0 ? number : static_cast<double>(integer);
  } else if (IsString(field->type) && value->get(text) == simdjson::SUCCESS) {
    field->default_value = std::string(text);
  } else {
    return InvalidParameter("the defaultValue of field ", field->name, " should be a ", DataTypeName(field->type), ", it is ",
                            TypeName(*value));
  }
  return OkStatus();
}

Result<DataType> ReadDataType(std::string_view key, std::string_view name) {
  const DataType type = DataTypeFromName(name);
  if (type == DataType::kNone) return InvalidParameter(key, " ", name, " is invalid(case sensitive)");
  return type;
}

void WriteDefault(const FieldSchema& field, JsonWriter* out) {
  if (std::holds_alternative<std::monostate>(field.default_value)) return;
  out->Key("defaultValue").BeginObject().Key("Data").BeginObject();
  if (const bool* truth = std::get_if<bool>(&field.default_value)) {
    out->Key("BoolData").Bool(*truth);
  } else if (const int64_t* integer = std::get_if<int64_t>(&field.default_value)) {
    out->Key(field.type == DataType::kInt64 ? "LongData" : "IntData").Number(*integer);
  } else if (const double* number = std::get_if<double>(&field.default_value)) {
    out->Key(field.type == DataType::kFloat ? "FloatData" : "DoubleData").Number(*number);
  } else {
    out->Key("StringData").String(std::get<std::string>(field.default_value));
  }
  out->EndObject().EndObject();
}

}  // namespace

Result<FieldSchema> ReadField(const JsonObject& object) {
  FieldSchema field;
  field.name = TRY(object.Text("fieldName"));
  field.description = TRY(object.TextOr("description", ""));
  field.type = TRY(ReadDataType("data type", TRY(object.Text("dataType"))));
  if (field.type == DataType::kArray) { field.element_type = TRY(ReadDataType("element data type", TRY(object.Text("elementDataType")))); }
  field.is_primary_key = TRY(object.BoolOr("isPrimary", false));
  field.auto_id = TRY(object.BoolOr("autoID", TRY(object.BoolOr("autoId", false))));
  field.is_partition_key = TRY(object.BoolOr("isPartitionKey", false));
  field.is_clustering_key = TRY(object.BoolOr("isClusteringKey", false));
  field.nullable = TRY(object.BoolOr("nullable", false));
  TRY(ReadTypeParams(object, &field));
  TRY(ReadDefault(object, &field));
  return field;
}

Status ReadSchema(const JsonObject& object, CollectionSchema* schema) {
  schema->enable_dynamic_field = TRY(object.BoolOr("enableDynamicField", false));
  const bool auto_id = TRY(object.BoolOr("autoID", TRY(object.BoolOr("autoId", false))));
  for (const JsonObject& field : TRY(object.Objects("fields"))) {
    schema->fields.push_back(TRY(ReadField(field)));
    if (schema->fields.back().is_primary_key && auto_id) schema->fields.back().auto_id = true;
  }
  for (const JsonObject& function : TRY(object.Objects("functions"))) {
    schema->functions.push_back(TRY(ReadFunction(function)));
    for (FieldSchema& field : schema->fields) {
      const auto& outputs = schema->functions.back().outputs;
      if (std::find(outputs.begin(), outputs.end(), field.name) != outputs.end()) field.is_function_output = true;
    }
  }
  return OkStatus();
}

Status QuickSchema(const JsonObject& body, const KeyValues& params, CollectionSchema* schema) {
  const int64_t dimension = TRY(body.IntegerOr("dimension", 0));
  if (dimension == 0) return InvalidParameter("dimension is required for quickly create collection(default metric type: COSINE)");
  FieldSchema key;
  key.name = TRY(body.TextOr("primaryFieldName", "id"));
  key.is_primary_key = true;
  key.auto_id = TRY(body.BoolOr("autoID", TRY(body.BoolOr("autoId", false))));
  const std::string id_type = TRY(body.TextOr("idType", "Int64"));
  if (id_type == "VarChar" || id_type == "Varchar") {
    key.type = DataType::kVarChar;
    const std::string* length = FindValue(params, "max_length");
    key.type_params.emplace_back("max_length", length != nullptr ? *length : "65535");
    if (!ParseInteger(key.type_params[0].second, &key.max_length)) {
      return InvalidParameter("max_length should be an integer, it is '", key.type_params[0].second, "'");
    }
  } else if (id_type == "Int64") {
    key.type = DataType::kInt64;
  } else {
    return InvalidParameter("idType can only be [Int64, VarChar], default: Int64, it is ", id_type);
  }
  FieldSchema vector;
  vector.name = TRY(body.TextOr("vectorFieldName", "vector"));
  vector.type = DataType::kFloatVector;
  vector.dim = dimension;
  vector.type_params.emplace_back("dim", std::to_string(dimension));
  schema->fields = {std::move(key), std::move(vector)};
  schema->enable_dynamic_field = true;
  return OkStatus();
}

void WriteField(const FieldSchema& field, JsonWriter* out) {
  out->BeginObject().Key("name").String(field.name).Key("id").Number(field.id).Key("type").String(DataTypeName(field.type));
  out->Key("primaryKey").Bool(field.is_primary_key).Key("partitionKey").Bool(field.is_partition_key);
  out->Key("clusteringKey").Bool(field.is_clustering_key).Key("autoId").Bool(field.auto_id);
  out->Key("description").String(field.description).Key("nullable").Bool(field.nullable);
  if (!field.type_params.empty()) {
    out->Key("params");
    WritePairs(field.type_params, out);
  }
  if (field.type == DataType::kArray) out->Key("elementType").String(DataTypeName(field.element_type));
  WriteDefault(field, out);
  if (field.is_function_output) out->Key("isFunctionOutput").Bool(true);
  out->EndObject();
}

void WriteFunction(const FunctionSchema& function, JsonWriter* out) {
  const char* type = function.type == FunctionType::kBm25            ? "BM25"
                     : function.type == FunctionType::kTextEmbedding ? "TextEmbedding"
                     : function.type == FunctionType::kRerank        ? "Rerank"
                     : function.type == FunctionType::kMinHash       ? "MinHash"
                                                                     : "Unknown";
  out->BeginObject().Key("name").String(function.name).Key("id").Number(function.id).Key("description").String(function.description);
  out->Key("type").String(type).Key("inputFieldNames");
  WriteTexts(function.inputs, out);
  out->Key("outputFieldNames");
  WriteTexts(function.outputs, out);
  out->Key("params");
  WritePairs(function.params, out);
  out->EndObject();
}

}  // namespace saker::rest
