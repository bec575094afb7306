#include "server/scalar_index/spec.h"

#include <array>
#include <charconv>
#include <utility>

#include "common/checksum.h"
#include "server/analyzer/analyzer.h"
#include "server/schema/error.h"

namespace saker::scalar_index {
namespace {

constexpr std::array<std::pair<std::string_view, JsonCast>, 7> kCasts = {{
    {"BOOL", JsonCast::kBool},
    {"DOUBLE", JsonCast::kDouble},
    {"VARCHAR", JsonCast::kVarChar},
    {"ARRAY_BOOL", JsonCast::kArrayBool},
    {"ARRAY_DOUBLE", JsonCast::kArrayDouble},
    {"ARRAY_VARCHAR", JsonCast::kArrayVarChar},
    {"JSON", JsonCast::kAny},
}};

template <typename... Parts>
Status Invalid(const Parts&... parts) {
  return MilvusError(MilvusErrorCode::kInvalidParameter, parts..., ": invalid parameter");
}

template <typename... Parts>
Status Missing(const Parts&... parts) {
  return MilvusError(MilvusErrorCode::kMissingParameter, parts..., ": missing parameter");
}

std::string UpperCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

bool IsOrdered(DataType type) {
  return IsNumber(type) || IsString(type) || type == DataType::kTimestamptz;
}

Result<uint32_t> GramLength(std::string_view key, const std::string& value) {
  int32_t length = 0;
  const auto end = std::from_chars(value.data(), value.data() + value.size(), length);
  if (end.ec != std::errc() || end.ptr != value.data() + value.size()) {
    return Invalid(key, " for Ngram index must be an integer, got: ", value);
  }
  return static_cast<uint32_t>(std::max(length, 0));
}

Status ReadGrams(const FieldSchema& field, const KeyValues& params, Spec* spec) {
  if (!IsString(field.type) && field.type != DataType::kJson) return Invalid("ngram index can only be created on VARCHAR or JSON field");
  if (field.type == DataType::kJson) {
    const std::string* cast = FindValue(params, "json_cast_type");
    if (cast == nullptr) return Missing("JSON field with ngram index must specify json_cast_type");
    if (UpperCase(*cast) != "VARCHAR")
      return Invalid("JSON field with ngram index only supports VARCHAR cast type, got: ", UpperCase(*cast));
  }
  const std::string* least = FindValue(params, "min_gram");
  const std::string* greatest = FindValue(params, "max_gram");
  if (least == nullptr || greatest == nullptr) return Missing("Ngram index must specify both min_gram and max_gram");
  spec->min_gram = TRY(GramLength("min_gram", *least));
  spec->max_gram = TRY(GramLength("max_gram", *greatest));
  if (spec->min_gram == 0 || spec->min_gram > spec->max_gram) {
    return Invalid("invalid min_gram or max_gram value for Ngram index, min_gram: ", *least, ", max_gram: ", *greatest);
  }
  return OkStatus();
}

Status ReadJson(const FieldSchema& field, const KeyValues& params, Spec* spec) {
  const std::string* path = FindValue(params, "json_path");
  if (path != nullptr) {
    auto keys = ParsePath(*path, field.name);
    if (!keys.ok()) return Invalid(keys.status().message());
    spec->path = *std::move(keys);
  }
  const std::string* cast = FindValue(params, "json_cast_type");
  // AUTOINDEX on a whole JSON field: Milvus takes it for an index of everything.
  if (cast == nullptr && path == nullptr && spec->type == "AUTOINDEX") {
    spec->cast = JsonCast::kAny;
    return OkStatus();
  }
  if (cast == nullptr || cast->empty()) return Missing("json index must specify cast type");
  for (const auto& [name, value] : kCasts) {
    if (name == UpperCase(*cast)) spec->cast = value;
  }
  if (spec->cast == JsonCast::kNone) return Invalid("index params][json_cast_type][", UpperCase(*cast), "] is not supported");
  const std::string* function = FindValue(params, "json_cast_function");
  if (function == nullptr) return OkStatus();
  if (UpperCase(*function) != "STRING_TO_DOUBLE") return Invalid("json_cast_function ", *function, " is not supported");
  if (spec->cast != JsonCast::kDouble && spec->cast != JsonCast::kArrayDouble)
    return Invalid("json_cast_function STRING_TO_DOUBLE needs json_cast_type DOUBLE, got: ", UpperCase(*cast));
  spec->string_to_double = spec->cast == JsonCast::kDouble;  // Milvus takes it for arrays and converts none of their elements
  return OkStatus();
}

// Whether an index of this type may lie over the field.
Status CheckType(const FieldSchema& field, const std::string& type) {
  const DataType element = field.type == DataType::kArray ? field.element_type : field.type;
  const bool json = field.type == DataType::kJson;
  if (type == "AUTOINDEX" || type == "INVERTED") {
    if (json || element == DataType::kBool || IsOrdered(element)) return OkStatus();
    return Invalid("INVERTED are not supported on ", DataTypeName(field.type), " field");
  }
  if (type == "BITMAP") {
    if (field.is_primary_key) return Invalid("create bitmap index on primary key not supported");
    if (element == DataType::kBool || IsInteger(element) || IsString(element)) return OkStatus();
    return Invalid("bitmap index are only supported on bool, int, string ", field.type == DataType::kArray ? "for" : "and", " array field");
  }
  if (type == "STL_SORT") {
    return IsOrdered(field.type) ? OkStatus() : Invalid("STL_SORT are only supported on numeric, varchar or timestamptz field");
  }
  if (type == "TRIE") return IsString(field.type) ? OkStatus() : Invalid("TRIE are only supported on varchar field");
  if (type == "NGRAM") return OkStatus();
  if (type == "RTREE") return Invalid("RTREE index can only be built on geometry field");
  return Invalid("invalid index type: ", type);
}

}  // namespace

std::string Spec::Text() const {
  std::string text =
      internal::Join(tokens()  ? "TOKENS"
                     : ngram() ? "NGRAM"
                               : "SORTED",
                     " field ", field_id, " type ", static_cast<int>(field_type), " element ", static_cast<int>(element_type));
  if (field_type == DataType::kJson) text += internal::Join(" cast ", static_cast<int>(cast), " path");
  for (const PathKey& key : path) text += internal::Join(" ", key.name.size(), ":", key.name);
  if (string_to_double) text += " strings too";
  if (ngram()) text += internal::Join(" grams ", min_gram, " to ", max_gram);
  // Other parameters, or another version of what reads them, might make other tokens of the same texts.
  if (tokens())
    text += internal::Join(" analyzer ", Checksum(analyzer_params), " of ", analyzer_params.size(), " bytes, ", analyzer::Version());
  return text;
}

bool Spec::of_elements() const {
  return field_type == DataType::kArray || cast == JsonCast::kArrayBool || cast == JsonCast::kArrayDouble ||
         cast == JsonCast::kArrayVarChar;
}

Result<Spec> MakeSpec(const FieldSchema& field, std::string_view index_type, const KeyValues& params) {
  Spec spec;
  spec.type = UpperCase(index_type);
  if (spec.type.empty()) spec.type = "AUTOINDEX";
  if (spec.type == "MARISA-TRIE") spec.type = "TRIE";
  spec.field_id = field.id;
  spec.field_type = field.type;
  spec.element_type = field.type == DataType::kArray ? field.element_type : DataType::kNone;
  TRY(CheckType(field, spec.type));
  if (spec.ngram()) TRY(ReadGrams(field, params, &spec));
  if (field.type == DataType::kJson) TRY(ReadJson(field, params, &spec));
  return spec;
}

bool WantsTokens(const FieldSchema& field) {
  return IsString(field.type) && IsTrueParam(field.type_params, "enable_match");
}

Spec TokenSpec(const FieldSchema& field) {
  Spec spec;
  spec.type = "TOKENS";
  spec.field_id = field.id;
  spec.field_type = field.type;
  if (const std::string* params = FindValue(field.type_params, "analyzer_params"); params != nullptr) spec.analyzer_params = *params;
  return spec;
}

}  // namespace saker::scalar_index
