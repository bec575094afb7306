#include "server/schema/schema.h"

#include <algorithm>
#include <iterator>

#include "common/check.h"

namespace saker {
namespace {

template <typename Predicate>
const FieldSchema* FindField(const std::vector<FieldSchema>& fields, Predicate predicate) {
  const auto found = std::find_if(fields.begin(), fields.end(), predicate);
  return found == fields.end() ? nullptr : &*found;
}

}  // namespace

const std::string* FindValue(const KeyValues& values, std::string_view key) {
  for (const auto& [name, value] : values) {
    if (name == key) return &value;
  }
  return nullptr;
}

bool IsTrueParam(const KeyValues& values, std::string_view key) {
  const std::string* value = FindValue(values, key);
  static constexpr std::string_view kYes[] = {"true", "True", "TRUE", "1", "t", "T"};
  return value != nullptr && std::find(std::begin(kYes), std::end(kYes), *value) != std::end(kYes);
}

int CollectionSchema::FieldIndex(std::string_view field_name) const {
  const FieldSchema* field = Find(field_name);
  return field == nullptr ? -1 : static_cast<int>(field - fields.data());
}

const FieldSchema* CollectionSchema::Find(std::string_view field_name) const {
  return FindField(fields, [&](const FieldSchema& field) { return field.name == field_name; });
}

const FieldSchema* CollectionSchema::FindId(int64_t id) const {
  return FindField(fields, [&](const FieldSchema& field) { return field.id == id; });
}

const FieldSchema& CollectionSchema::PrimaryKey() const {
  return fields[static_cast<size_t>(PrimaryKeyIndex())];
}

int CollectionSchema::PrimaryKeyIndex() const {
  const FieldSchema* field = FindField(fields, [](const FieldSchema& f) { return f.is_primary_key; });
  CHECK(field != nullptr);
  return static_cast<int>(field - fields.data());
}

const FieldSchema* CollectionSchema::PartitionKey() const {
  return FindField(fields, [](const FieldSchema& field) { return field.is_partition_key; });
}

const FieldSchema* CollectionSchema::DynamicField() const {
  return FindField(fields, [](const FieldSchema& field) { return field.is_dynamic; });
}

const FunctionSchema* CollectionSchema::FunctionFor(std::string_view output) const {
  for (const FunctionSchema& function : functions) {
    if (std::find(function.outputs.begin(), function.outputs.end(), output) != function.outputs.end()) return &function;
  }
  return nullptr;
}

bool CollectionSchema::IsBm25Output(const FieldSchema& field) const {
  if (!field.is_function_output) return false;
  const FunctionSchema* function = FunctionFor(field.name);
  return function != nullptr && function->type == FunctionType::kBm25;
}

}  // namespace saker
