// What the filter's tests share: a collection with every type, some rows of it, and what an expression chooses among them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "server/filter/filter.h"
#include "server/schema/error.h"

namespace saker::filter {

inline FieldSchema Field(int64_t id, std::string name, DataType type, bool nullable = false, DataType element = DataType::kNone) {
  FieldSchema field;
  field.id = id;
  field.name = std::move(name);
  field.type = type;
  field.element_type = element;
  field.nullable = nullable;
  field.dim = type == DataType::kFloatVector ? 2 : 0;
  return field;
}

inline CollectionSchema Schema(bool dynamic = true) {
  CollectionSchema schema;
  schema.fields = {
      Field(100, "id", DataType::kInt64),
      Field(101, "i8", DataType::kInt8, true),
      Field(102, "f", DataType::kFloat, true),
      Field(103, "d", DataType::kDouble),
      Field(104, "s", DataType::kVarChar, true),
      Field(105, "b", DataType::kBool, true),
      Field(106, "ai", DataType::kArray, true, DataType::kInt32),
      Field(107, "as", DataType::kArray, false, DataType::kVarChar),
      Field(108, "j", DataType::kJson, true),
      Field(109, "v", DataType::kFloatVector),
      Field(110, "i32", DataType::kInt32, true),
      Field(111, "tenant", DataType::kVarChar),
      Field(112, "added", DataType::kInt64, true),
      Field(113, "added_default", DataType::kVarChar, true),
      Field(114, "af", DataType::kArray, false, DataType::kFloat),
      Field(115, "ts", DataType::kTimestamptz),
  };
  schema.fields[0].is_primary_key = true;
  schema.fields[11].is_partition_key = true;
  schema.fields[13].default_value = std::string("none");
  schema.fields[4].type_params = {{"enable_match", "true"}};
  schema.enable_dynamic_field = dynamic;
  if (dynamic) {
    schema.fields.push_back(Field(120, "$meta", DataType::kJson));
    schema.fields.back().is_dynamic = true;
  }
  return schema;
}

template <typename T>
Column Fixed(const FieldSchema& field, std::vector<std::optional<T>> values) {
  Column column(field);
  for (const auto& value : values) {
    if (value.has_value()) {
      const T stored = *value;
      column.AppendFixed(&stored);
    } else {
      column.AppendNull();
    }
  }
  return column;
}

inline Column Texts(const FieldSchema& field, std::vector<std::optional<std::string>> values) {
  Column column(field);
  for (const auto& value : values) value.has_value() ? column.AppendVariable(*value) : column.AppendNull();
  return column;
}

inline std::string Ints(std::vector<int64_t> values, DataType type = DataType::kInt32) {
  ArrayBuilder builder(type);
  for (const int64_t value : values) builder.AddInteger(value);
  return builder.Finish();
}

inline std::string Strings(std::vector<std::string> values) {
  ArrayBuilder builder(DataType::kVarChar);
  for (const std::string& value : values) builder.AddString(value);
  return builder.Finish();
}

inline std::string Floats(std::vector<double> values) {
  ArrayBuilder builder(DataType::kFloat);
  for (const double value : values) builder.AddNumber(value);
  return builder.Finish();
}

// Five rows; row 4 is null wherever it may be.
inline RowBatch Rows(const CollectionSchema& schema) {
  const auto field = [&](std::string_view name) -> const FieldSchema& { return *schema.Find(name); };
  RowBatch rows;
  rows.row_count = 5;
  const auto add = [&](std::string_view name, Column column) {
    rows.field_ids.push_back(field(name).id);
    rows.columns.push_back(std::move(column));
  };
  add("id", Fixed<int64_t>(field("id"), {0, 1, 2, 3, 4}));
  add("i8", Fixed<int8_t>(field("i8"), {-128, 0, 10, 127, std::nullopt}));
  add("f", Fixed<float>(field("f"), {0.1F, 0.5F, -2.F, 1e10F, std::nullopt}));
  add("d", Fixed<double>(field("d"), {0.1, 0.5, -2., 1e10, 3.}));
  add("s", Texts(field("s"), {"apple", "banana", "", "日本語 100%", std::nullopt}));
  add("b", Fixed<uint8_t>(field("b"), {1, 0, 1, 0, std::nullopt}));
  add("ai", Texts(field("ai"), {Ints({1, 2, 3}), Ints({}), Ints({3}), Ints({7, 7}), std::nullopt}));
  add("as", Texts(field("as"), {Strings({"x", "y"}), Strings({}), Strings({"y"}), Strings({"xyz"}), Strings({"q"})}));
  add("j", Texts(field("j"), {R"({"a":1,"s":"abc","l":[1,"x",[2,3]],"n":null,"o":{"k":[10,20]},"e":{"e":[{},null]},"b":true})",
                              R"({"a":2.5,"s":7,"l":5,"o":{}})", R"({})", R"({"a":"1","l":[],"big":9007199254740993})", std::nullopt}));
  add("i32", Fixed<int32_t>(field("i32"), {-7, 0, 10, 2147483647, std::nullopt}));
  add("tenant", Texts(field("tenant"), {"a", "b", "a", "c", "d"}));
  add("af", Texts(field("af"), {Floats({0.1, 0.2}), Floats({}), Floats({1}), Floats({2, 3}), Floats({0.1})}));
  add("ts", Fixed<int64_t>(field("ts"), {0, 0, 0, 0, 0}));
  if (schema.enable_dynamic_field) {
    add("$meta",
        Texts(field("$meta"), {R"({"color":"red","n":1})", R"({"color":"blue","n":2})", R"({"颜色":"红"})", R"({"n":null})", "{}"}));
  }
  return rows;
}

inline std::string Chosen(std::string_view text, const Templates& templates = {}) {
  const CollectionSchema schema = Schema();
  const auto filter = Filter::Compile(text, schema, templates);
  if (!filter.ok()) return filter.status().message();
  const auto bits = (*filter)->Evaluate(Rows(schema), Context());
  if (!bits.ok()) return bits.status().message();
  std::string out;
  bits->ForEach([&](size_t row) { out += std::to_string(row); });
  return out;
}

inline std::string Detail(std::string_view text, const Templates& templates = {}) {
  const auto filter = Filter::Compile(text, Schema(false), templates);
  if (filter.ok()) return "accepted";
  EXPECT_EQ(MilvusCode(filter.status()), 1100);
  const std::string prefix = "cannot parse expression: " + std::string(text) + ", error: ";
  const std::string suffix = ": invalid parameter";
  const std::string& message = filter.status().message();
  EXPECT_TRUE(message.starts_with(prefix) && message.ends_with(suffix)) << message;
  return message.substr(prefix.size(), message.size() - prefix.size() - suffix.size());
}

struct Case {
  const char* text;
  const char* rows;
};

inline void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(Chosen(c.text), c.rows) << c.text;
}

}  // namespace saker::filter
