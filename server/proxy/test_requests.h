// For tests: short ways to write schemas, columns and requests.
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "server/proxy/requests.h"
#include "server/proxy/text_embedder.h"

namespace saker::proxy {

inline FieldSchema Field(const std::string& name, DataType type, KeyValues type_params = {}) {
  FieldSchema field;
  field.name = name;
  field.type = type;
  field.type_params = std::move(type_params);
  return field;
}

inline FieldSchema KeyField(const std::string& name = "id", DataType type = DataType::kInt64) {
  FieldSchema field = Field(name, type);
  field.is_primary_key = true;
  if (type == DataType::kVarChar) field.type_params = {{"max_length", "64"}};
  return field;
}

// id, a vector of two numbers, a price, a word; dynamic.
inline CollectionSchema ShopSchema() {
  CollectionSchema schema;
  schema.enable_dynamic_field = true;
  schema.fields = {KeyField(), Field("vector", DataType::kFloatVector, {{"dim", "2"}}), Field("price", DataType::kInt32),
                   Field("word", DataType::kVarChar, {{"max_length", "16"}})};
  schema.fields[2].nullable = true;
  schema.fields[3].default_value = std::string("none");
  return schema;
}

inline NamedColumn Integers(const std::string& name, std::vector<int64_t> values) {
  NamedColumn column;
  column.name = name;
  column.column = Column(DataType::kInt64, DataType::kNone, 8);
  for (const int64_t value : values) column.column.AppendFixed(&value);
  return column;
}

inline NamedColumn Texts(const std::string& name, const std::vector<std::string>& values, DataType type = DataType::kVarChar) {
  NamedColumn column;
  column.name = name;
  column.column = Column(type, DataType::kNone, 0);
  for (const std::string& value : values) column.column.AppendVariable(value);
  return column;
}

inline NamedColumn Vectors(const std::string& name, const std::vector<std::vector<float>>& values) {
  NamedColumn column;
  column.name = name;
  column.dim = static_cast<int64_t>(values[0].size());
  column.column = Column(DataType::kFloatVector, DataType::kNone, values[0].size() * 4);
  for (const auto& value : values) column.column.AppendFixed(value.data());
  return column;
}

inline std::string Packed(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * 4};
}

inline AnnRequest Nearest(const std::vector<std::vector<float>>& queries, KeyValues params) {
  AnnRequest ann;
  ann.queries.kind = Queries::Kind::kVectors;
  for (const auto& query : queries) ann.queries.values.push_back(Packed(query));
  ann.params = std::move(params);
  return ann;
}

// Two numbers for a text: its length and its first byte.
class FakeEmbedder final : public TextEmbedder {
 public:
  Result<TextModel> Describe(const std::string& model) override {
    if (model != "mini") return NotFound("model ", model, " is not configured; there is mini");
    return TextModel{"mini", fingerprint, 2};
  }
  Result<std::vector<float>> Embed(const std::string& /*model*/, std::span<const std::string> texts, Use use,
                                   const Context& /*context*/) override {
    std::vector<float> out;
    for (const std::string& text : texts) {
      out.push_back(static_cast<float>(text.size()));
      out.push_back(static_cast<float>(text[0]));
    }
    ++uses[use];
    return out;
  }
  std::string fingerprint = "f1";
  std::map<Use, int> uses;
};

}  // namespace saker::proxy
