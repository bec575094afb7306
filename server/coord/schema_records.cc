#include "server/coord/schema_records.h"

namespace saker::coord {
namespace {

void ToRecord(const ScalarValue& value, catalog::Value* out) {
  if (const bool* b = std::get_if<bool>(&value)) out->set_bool_value(*b);
  if (const int64_t* i = std::get_if<int64_t>(&value)) out->set_int_value(*i);
  if (const double* d = std::get_if<double>(&value)) out->set_double_value(*d);
  if (const std::string* s = std::get_if<std::string>(&value)) out->set_string_value(*s);
}

ScalarValue FromRecord(const catalog::Value& record) {
  switch (record.kind_case()) {
    case catalog::Value::kBoolValue: return record.bool_value();
    case catalog::Value::kIntValue: return record.int_value();
    case catalog::Value::kDoubleValue: return record.double_value();
    case catalog::Value::kStringValue: return record.string_value();
    case catalog::Value::KIND_NOT_SET: break;
  }
  return std::monostate{};
}

void ToRecord(const FieldSchema& field, catalog::Field* out) {
  out->set_id(field.id);
  out->set_name(field.name);
  out->set_description(field.description);
  out->set_type(static_cast<int32_t>(field.type));
  out->set_element_type(static_cast<int32_t>(field.element_type));
  out->set_primary_key(field.is_primary_key);
  out->set_auto_id(field.auto_id);
  out->set_partition_key(field.is_partition_key);
  out->set_clustering_key(field.is_clustering_key);
  out->set_dynamic(field.is_dynamic);
  out->set_nullable(field.nullable);
  out->set_function_output(field.is_function_output);
  if (!std::holds_alternative<std::monostate>(field.default_value)) ToRecord(field.default_value, out->mutable_default_value());
  out->set_dim(field.dim);
  out->set_max_length(field.max_length);
  out->set_max_capacity(field.max_capacity);
  ToRecords(field.type_params, out->mutable_type_params());
}

FieldSchema FromRecord(const catalog::Field& record) {
  FieldSchema field;
  field.id = record.id();
  field.name = record.name();
  field.description = record.description();
  field.type = static_cast<DataType>(record.type());
  field.element_type = static_cast<DataType>(record.element_type());
  field.is_primary_key = record.primary_key();
  field.auto_id = record.auto_id();
  field.is_partition_key = record.partition_key();
  field.is_clustering_key = record.clustering_key();
  field.is_dynamic = record.dynamic();
  field.nullable = record.nullable();
  field.is_function_output = record.function_output();
  if (record.has_default_value()) field.default_value = FromRecord(record.default_value());
  field.dim = record.dim();
  field.max_length = record.max_length();
  field.max_capacity = record.max_capacity();
  field.type_params = FromRecords(record.type_params());
  return field;
}

void ToRecord(const FunctionSchema& function, catalog::Function* out) {
  out->set_id(function.id);
  out->set_name(function.name);
  out->set_description(function.description);
  out->set_type(static_cast<int32_t>(function.type));
  for (const std::string& input : function.inputs) out->add_inputs(input);
  for (const std::string& output : function.outputs) out->add_outputs(output);
  ToRecords(function.params, out->mutable_params());
}

FunctionSchema FromRecord(const catalog::Function& record) {
  FunctionSchema function;
  function.id = record.id();
  function.name = record.name();
  function.description = record.description();
  function.type = static_cast<FunctionType>(record.type());
  function.inputs.assign(record.inputs().begin(), record.inputs().end());
  function.outputs.assign(record.outputs().begin(), record.outputs().end());
  function.params = FromRecords(record.params());
  return function;
}

}  // namespace

void ToRecords(const KeyValues& values, KeyValueRecords* out) {
  for (const auto& [key, value] : values) {
    catalog::KeyValue* record = out->Add();
    record->set_key(key);
    record->set_value(value);
  }
}

KeyValues FromRecords(const KeyValueRecords& records) {
  KeyValues values;
  for (const catalog::KeyValue& record : records) values.emplace_back(record.key(), record.value());
  return values;
}

void ToRecord(const CollectionSchema& schema, catalog::Schema* out) {
  out->set_name(schema.name);
  out->set_description(schema.description);
  out->set_enable_dynamic_field(schema.enable_dynamic_field);
  for (const FieldSchema& field : schema.fields) ToRecord(field, out->add_fields());
  for (const FunctionSchema& function : schema.functions) ToRecord(function, out->add_functions());
  ToRecords(schema.properties, out->mutable_properties());
  out->set_version(schema.version);
}

CollectionSchema FromRecord(const catalog::Schema& record) {
  CollectionSchema schema;
  schema.name = record.name();
  schema.description = record.description();
  schema.enable_dynamic_field = record.enable_dynamic_field();
  for (const catalog::Field& field : record.fields()) schema.fields.push_back(FromRecord(field));
  for (const catalog::Function& function : record.functions()) schema.functions.push_back(FromRecord(function));
  schema.properties = FromRecords(record.properties());
  schema.version = record.version();
  return schema;
}

}  // namespace saker::coord
