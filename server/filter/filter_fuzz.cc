// Any bytes as an expression: it is refused, or it compiles and evaluates without a crash and by the laws of logic.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/analyzer/analyzer.h"
#include "server/filter/filter.h"

namespace saker::filter {
namespace {

FieldSchema Field(int64_t id, const char* name, DataType type, DataType element = DataType::kNone) {
  FieldSchema field;
  field.id = id;
  field.name = name;
  field.type = type;
  field.element_type = element;
  field.nullable = id != 100;
  return field;
}

struct World {
  CollectionSchema schema;
  RowBatch rows;
  saker::scalar_index::IndexMap indexes;

  World() {
    schema.fields = {Field(100, "id", DataType::kInt64),
                     Field(101, "f", DataType::kFloat),
                     Field(102, "s", DataType::kVarChar),
                     Field(103, "b", DataType::kBool),
                     Field(104, "a", DataType::kArray, DataType::kInt32),
                     Field(105, "as", DataType::kArray, DataType::kVarChar),
                     Field(106, "j", DataType::kJson),
                     Field(107, "i8", DataType::kInt8),
                     Field(108, "gone", DataType::kInt64),
                     Field(109, "$meta", DataType::kJson)};
    schema.fields[0].is_primary_key = true;
    schema.fields[2].is_partition_key = true;
    schema.fields[2].type_params = {{"enable_match", "true"}};
    schema.fields[9].is_dynamic = true;
    schema.enable_dynamic_field = true;
    rows.row_count = 70;
    for (const FieldSchema& field : schema.fields) {
      if (field.name == "gone") continue;
      rows.field_ids.push_back(field.id);
      rows.columns.push_back(Fill(field));
    }
    indexes[-102] = scalar_index::BuildInMemory(scalar_index::TokenSpec(schema.fields[2]), *rows.Find(102), Context()).value();
  }

  static Column Fill(const FieldSchema& field) {
    Column column(field);
    for (int64_t i = 0; i < 70; ++i) {
      const auto number = static_cast<float>(i);
      const char bytes[8] = {static_cast<char>(field.type == DataType::kBool ? i % 2 : i)};
      ArrayBuilder array(field.element_type);
      for (int64_t n = 0; n < i % 4; ++n) field.element_type == DataType::kInt32 ? array.AddInteger(n) : array.AddString(std::to_string(n));
      if (field.nullable && i % 5 == 0) {
        column.AppendNull();
      } else if (field.type == DataType::kArray) {
        column.AppendVariable(array.Finish());
      } else if (field.type == DataType::kJson) {
        column.AppendVariable(i % 2 == 0 ? R"({"a":1,"b":[1,"x",{"c":null}],"s":"text"})" : "[1,2,{}]");
      } else if (field.type == DataType::kVarChar) {
        column.AppendVariable(std::string(static_cast<size_t>(i % 7), 'a') + "é");
      } else {
        column.AppendFixed(field.type == DataType::kFloat ? static_cast<const void*>(&number) : bytes);
      }
    }
    return column;
  }
};

void Expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace
}  // namespace saker::filter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace saker::filter;
  static const World world;
  const Templates templates = {{"x", TemplateValue{int64_t{1}}}, {"l", TemplateValue{TemplateValue::List{TemplateValue{int64_t{1}}}}}};
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto filter = Filter::Compile(text, world.schema, templates, 1);
  if (!filter.ok()) {
    Expect(filter.status().detail_code() == 1100);
    return 0;
  }
  const auto chosen = (*filter)->Evaluate(world.rows, saker::Context());
  Expect(chosen.ok() && chosen->size() == world.rows.row_count);
  auto indexed = *(*filter)->Evaluate(world.rows, RowIndexes{.scalars = &world.indexes}, saker::Context());
  const size_t by_index = indexed.Count();
  indexed.And(*chosen);
  Expect(by_index == chosen->Count() && indexed.Count() == by_index);
  if ((*filter)->always_true()) Expect(chosen->Count() == world.rows.row_count);
  const auto negated = Filter::Compile("not (" + text + ")", world.schema, templates, 1);
  if (!negated.ok()) return 0;
  auto other = *(*negated)->Evaluate(world.rows, saker::Context());
  other.And(*chosen);
  Expect(other.Count() == 0);
  return 0;
}
