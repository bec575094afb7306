#include <google/protobuf/stubs/common.h>

#include "server/rpc/field_data.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

template <typename... Parts>
Status Invalid(const Parts&... parts) {
  return MilvusError(MilvusErrorCode::kInvalidParameter, parts...);
}

size_t ElementBytes(DataType type) {
  switch (type) {
    case DataType::kFloatVector: return 4;
    case DataType::kFloat16Vector:
    case DataType::kBFloat16Vector: return 2;
    default: return 1;
  }
}

Status DecodeVectorValues(pb::common::PlaceholderValue* group, proxy::Queries* out) {
  out->kind = proxy::Queries::Kind::kVectors;
  out->vector_type = static_cast<DataType>(group->type());
  const size_t element = ElementBytes(out->vector_type);
  for (std::string& value : *group->mutable_values()) {
    if (out->vector_type == DataType::kSparseFloatVector) {
      int64_t dim = 0;
      out->values.push_back(TRY(NormalizeSparseRow(value, &dim)));
      continue;
    }
    if (value.empty() || value.size() % element != 0) {
      return Invalid("a query of ", value.size(), " bytes is not a ", DataTypeName(out->vector_type));
    }
    out->values.push_back(std::move(value));
  }
  return OkStatus();
}

Status DecodeArray(const pb::schema::TemplateArrayValue& array, int depth, filter::TemplateValue* out) {
  using pb::schema::TemplateArrayValue;
  constexpr int kMaxDepth = 64;
  if (depth > kMaxDepth) return Invalid("a template value is nested deeper than ", kMaxDepth);
  auto& list = out->value.emplace<filter::TemplateValue::List>();
  const auto all = [&](const auto& values, auto convert) {
    list.reserve(static_cast<size_t>(values.size()));
    for (const auto& value : values) list.emplace_back().value = convert(value);
  };
  switch (array.data_case()) {
    case TemplateArrayValue::kBoolData: all(array.bool_data().data(), [](bool v) { return v; }); break;
    case TemplateArrayValue::kLongData: all(array.long_data().data(), [](int64_t v) { return v; }); break;
    case TemplateArrayValue::kDoubleData: all(array.double_data().data(), [](double v) { return v; }); break;
    case TemplateArrayValue::kStringData: all(array.string_data().data(), [](const std::string& v) { return v; }); break;
    case TemplateArrayValue::kJsonData: all(array.json_data().data(), [](const std::string& v) { return filter::Json{v}; }); break;
    case TemplateArrayValue::kArrayData:
      for (const TemplateArrayValue& inner : array.array_data().data()) TRY(DecodeArray(inner, depth + 1, &list.emplace_back()));
      break;
    default: break;
  }
  return OkStatus();
}

Status DecodeTemplate(const std::string& name, const pb::schema::TemplateValue& value, filter::TemplateValue* out) {
  using pb::schema::TemplateValue;
  switch (value.val_case()) {
    case TemplateValue::kBoolVal: out->value = value.bool_val(); return OkStatus();
    case TemplateValue::kInt64Val: out->value = value.int64_val(); return OkStatus();
    case TemplateValue::kFloatVal: out->value = value.float_val(); return OkStatus();
    case TemplateValue::kStringVal: out->value = value.string_val(); return OkStatus();
    case TemplateValue::kBytesVal: out->value = value.bytes_val(); return OkStatus();
    case TemplateValue::kArrayVal: return DecodeArray(value.array_val(), 1, out);
    default: return Invalid("the template {", name, "} has no value");
  }
}

}  // namespace

Result<proxy::Queries> DecodePlaceholders(std::string_view bytes) {
  pb::common::PlaceholderGroup group;
  if (!group.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Invalid("the placeholder group of ", bytes.size(), " bytes cannot be parsed");
  }
  if (group.placeholders_size() != 1) return Invalid("a search takes one placeholder, not ", group.placeholders_size());
  auto* placeholder = group.mutable_placeholders(0);
  proxy::Queries out;
  out.values.reserve(static_cast<size_t>(placeholder->values_size()));
  const int type = placeholder->type();
  if (type >= pb::common::BinaryVector && type <= pb::common::Int8Vector) {
    TRY(DecodeVectorValues(placeholder, &out));
    return out;
  }
  if (type != pb::common::PlaceholderType::VarChar) return Invalid("the placeholder type ", type, " is not supported");
  out.kind = proxy::Queries::Kind::kTexts;
  for (std::string& value : *placeholder->mutable_values()) {
    if (!google::protobuf::internal::IsStructurallyValidUTF8(value.data(), static_cast<int>(value.size()))) {
      return Invalid("a query text is not valid UTF-8");
    }
    out.values.push_back(std::move(value));
  }
  return out;
}

Result<PrimaryKeys> DecodeIds(const pb::schema::IDs& ids) {
  PrimaryKeys keys;
  switch (ids.id_field_case()) {
    case pb::schema::IDs::kIntId: keys.ints.assign(ids.int_id().data().begin(), ids.int_id().data().end()); return keys;
    case pb::schema::IDs::kStrId:
      keys.type = DataType::kVarChar;
      keys.strings.assign(ids.str_id().data().begin(), ids.str_id().data().end());
      return keys;
    case pb::schema::IDs::ID_FIELD_NOT_SET: return keys;
    default: return Invalid("primary keys must be integers or strings");
  }
}

Result<filter::Templates> DecodeTemplates(const google::protobuf::Map<std::string, pb::schema::TemplateValue>& values) {
  filter::Templates out;
  for (const auto& [name, value] : values) TRY(DecodeTemplate(name, value, &out[name]));
  return out;
}

}  // namespace saker::rpc
