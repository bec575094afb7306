#include "server/rpc/schema_codec.h"

#include <charconv>

#include "server/schema/error.h"

namespace saker::rpc {
namespace {

template <typename... Parts>
Status Invalid(const Parts&... parts) {
  return MilvusError(MilvusErrorCode::kInvalidParameter, parts...);
}

Result<int64_t> ParseParam(const FieldSchema& field, std::string_view key, const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Invalid("the type param (", key, ") of field (", field.name, ") must be an integer, not '", text, "'");
  }
  return value;
}

Status ReadTypeParams(FieldSchema* field) {
  if (const std::string* dim = FindValue(field->type_params, "dim")) {
    if (field->type == DataType::kSparseFloatVector) {
      return Invalid("dimension should not be specified for sparse vector field: ", field->name);
    }
    field->dim = TRY(ParseParam(*field, "dim", *dim));
  }
  if (const std::string* length = FindValue(field->type_params, "max_length"))
    field->max_length = TRY(ParseParam(*field, "max_length", *length));
  if (const std::string* capacity = FindValue(field->type_params, "max_capacity")) {
    field->max_capacity = TRY(ParseParam(*field, "max_capacity", *capacity));
  }
  return OkStatus();
}

Result<ScalarValue> DecodeDefault(const pb::schema::FieldSchema& field) {
  using pb::schema::ValueField;
  const ValueField& value = field.default_value();
  switch (value.data_case()) {
    case ValueField::DATA_NOT_SET: return ScalarValue();
    case ValueField::kBoolData: return ScalarValue(value.bool_data());
    case ValueField::kIntData: return ScalarValue(int64_t{value.int_data()});
    case ValueField::kLongData: return ScalarValue(value.long_data());
    case ValueField::kFloatData: return ScalarValue(double{value.float_data()});
    case ValueField::kDoubleData: return ScalarValue(value.double_data());
    case ValueField::kStringData: return ScalarValue(value.string_data());
    case ValueField::kBytesData: return ScalarValue(value.bytes_data());
    default: return Invalid("the default value of field (", field.name(), ") has a type that is not supported");
  }
}

void EncodeDefault(const FieldSchema& field, pb::schema::ValueField* out) {
  if (const auto* boolean = std::get_if<bool>(&field.default_value)) out->set_bool_data(*boolean);
  if (const auto* integer = std::get_if<int64_t>(&field.default_value)) {
    if (field.type == DataType::kInt64) {
      out->set_long_data(*integer);
    } else {
      out->set_int_data(static_cast<int32_t>(*integer));
    }
  }
  if (const auto* number = std::get_if<double>(&field.default_value)) {
    if (field.type == DataType::kFloat) {
      out->set_float_data(static_cast<float>(*number));
    } else {
      out->set_double_data(*number);
    }
  }
  if (const auto* text = std::get_if<std::string>(&field.default_value)) {
    if (field.type == DataType::kJson) {
      out->set_bytes_data(*text);
    } else {
      out->set_string_data(*text);
    }
  }
}

void EncodeFieldSchema(const FieldSchema& field, pb::schema::FieldSchema* out) {
  out->set_fieldid(field.id);
  out->set_name(field.name);
  out->set_description(field.description);
  out->set_data_type(static_cast<pb::schema::DataType>(field.type));
  out->set_element_type(static_cast<pb::schema::DataType>(field.element_type));
  out->set_is_primary_key(field.is_primary_key);
  out->set_autoid(field.auto_id);
  out->set_is_partition_key(field.is_partition_key);
  out->set_is_clustering_key(field.is_clustering_key);
  out->set_nullable(field.nullable);
  out->set_is_function_output(field.is_function_output);
  EncodeKeyValues(field.type_params, out->mutable_type_params());
  if (field.default_value.index() != 0) EncodeDefault(field, out->mutable_default_value());
}

void EncodeFunction(const CollectionSchema& schema, const FunctionSchema& function, pb::schema::FunctionSchema* out) {
  out->set_name(function.name);
  out->set_id(function.id);
  out->set_description(function.description);
  out->set_type(static_cast<pb::schema::FunctionType>(function.type));
  for (const std::string& name : function.inputs) {
    out->add_input_field_names(name);
    if (const FieldSchema* field = schema.Find(name)) out->add_input_field_ids(field->id);
  }
  for (const std::string& name : function.outputs) {
    out->add_output_field_names(name);
    if (const FieldSchema* field = schema.Find(name)) out->add_output_field_ids(field->id);
  }
  EncodeKeyValues(function.params, out->mutable_params());
}

}  // namespace

KeyValues DecodeKeyValues(const PbKeyValues& pairs) {
  KeyValues values;
  values.reserve(static_cast<size_t>(pairs.size()));
  for (const auto& pair : pairs) values.emplace_back(pair.key(), pair.value());
  return values;
}

void EncodeKeyValues(const KeyValues& values, PbKeyValues* out) {
  out->Reserve(static_cast<int>(values.size()));
  for (const auto& [key, value] : values) {
    auto* pair = out->Add();
    pair->set_key(key);
    pair->set_value(value);
  }
}

Result<FieldSchema> DecodeFieldSchema(const pb::schema::FieldSchema& in) {
  FieldSchema field;
  field.name = in.name();
  field.description = in.description();
  field.type = static_cast<DataType>(in.data_type());
  field.element_type = static_cast<DataType>(in.element_type());
  field.is_primary_key = in.is_primary_key();
  field.auto_id = in.autoid();
  field.is_partition_key = in.is_partition_key();
  field.is_clustering_key = in.is_clustering_key();
  field.is_dynamic = in.is_dynamic();
  field.nullable = in.nullable();
  field.is_function_output = in.is_function_output();
  field.type_params = DecodeKeyValues(in.type_params());
  if (!in.external_field().empty() || in.has_type_schema())
    return Invalid("field (", in.name(), ") is external or nested, which is not supported");
  TRY(ReadTypeParams(&field));
  field.default_value = TRY(DecodeDefault(in));
  return field;
}

FunctionSchema DecodeFunction(const pb::schema::FunctionSchema& in) {
  FunctionSchema function;
  function.name = in.name();
  function.description = in.description();
  function.type = static_cast<FunctionType>(in.type());
  function.inputs.assign(in.input_field_names().begin(), in.input_field_names().end());
  function.outputs.assign(in.output_field_names().begin(), in.output_field_names().end());
  function.params = DecodeKeyValues(in.params());
  return function;
}

Result<CollectionSchema> DecodeCollectionSchema(std::string_view bytes) {
  pb::schema::CollectionSchema in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Invalid("the collection schema of ", bytes.size(), " bytes cannot be parsed");
  if (in.struct_array_fields_size() != 0) return Invalid("struct array fields are not supported");
  if (!in.external_source().empty()) return Invalid("external collections are not supported");
  CollectionSchema schema;
  schema.name = in.name();
  schema.description = in.description();
  schema.enable_dynamic_field = in.enable_dynamic_field();
  schema.properties = DecodeKeyValues(in.properties());
  for (const auto& field : in.fields()) {
    schema.fields.push_back(TRY(DecodeFieldSchema(field)));
    // Old clients say auto id on the schema only.
    if (in.autoid() && schema.fields.back().is_primary_key) schema.fields.back().auto_id = true;
  }
  for (const auto& function : in.functions()) schema.functions.push_back(DecodeFunction(function));
  return schema;
}

void EncodeCollectionSchema(const CollectionSchema& schema, pb::schema::CollectionSchema* out) {
  out->set_name(schema.name);
  out->set_description(schema.description);
  out->set_enable_dynamic_field(schema.enable_dynamic_field);
  out->set_version(schema.version);
  EncodeKeyValues(schema.properties, out->mutable_properties());
  for (const FieldSchema& field : schema.fields) {
    if (field.is_dynamic) continue;
    EncodeFieldSchema(field, out->add_fields());
    if (field.is_primary_key && field.auto_id) out->set_autoid(true);
  }
  for (const FunctionSchema& function : schema.functions) EncodeFunction(schema, function, out->add_functions());
}

}  // namespace saker::rpc
