#include "server/proxy/names.h"

#include <algorithm>
#include <array>
#include <string>

#include "server/proxy/refusal.h"
#include "server/schema/schema.h"

namespace saker::proxy {
namespace {

constexpr size_t kMaxName = 255;

bool IsLetter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool StartsWell(std::string_view name) {
  return name[0] == '_' || IsLetter(name[0]);
}
bool AllOf(std::string_view name, std::string_view extra) {
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return c == '_' || IsLetter(c) || IsDigit(c) || extra.find(c) != std::string_view::npos; });
}

Status CheckCollectionOrAlias(std::string_view name, std::string_view kind) {
  if (name.empty()) return Invalid("collection ", kind, " should not be empty");
  const std::string start = internal::Join("Invalid collection ", kind, ": ", name, ". ");
  if (name.size() > kMaxName) { return Invalid(start, "the length of a collection ", kind, " must be less than 255 characters"); }
  if (!StartsWell(name)) return Invalid(start, "the first character of a collection ", kind, " must be an underscore or letter");
  if (!AllOf(name, "")) return Invalid(start, "collection ", kind, " can only contain numbers, letters and underscores");
  return OkStatus();
}

// Words of the filter language cannot name a field.
bool IsKeyword(std::string_view name) {
  static constexpr std::array<std::string_view, 36> kWords = {"and",
                                                              "AND",
                                                              "or",
                                                              "OR",
                                                              "not",
                                                              "NOT",
                                                              "in",
                                                              "IN",
                                                              "like",
                                                              "LIKE",
                                                              "exists",
                                                              "EXISTS",
                                                              "is",
                                                              "IS",
                                                              "null",
                                                              "NULL",
                                                              "true",
                                                              "True",
                                                              "TRUE",
                                                              "false",
                                                              "False",
                                                              "FALSE",
                                                              "Bool",
                                                              "Int8",
                                                              "Int16",
                                                              "Int32",
                                                              "Int64",
                                                              "Float",
                                                              "Double",
                                                              "VarChar",
                                                              "String",
                                                              "Timestamp",
                                                              "RowID",
                                                              "json_contains",
                                                              "array_contains",
                                                              "text_match"};
  return std::find(kWords.begin(), kWords.end(), name) != kWords.end();
}

}  // namespace

Status CheckCollectionName(std::string_view name) {
  return CheckCollectionOrAlias(name, "name");
}

Status CheckAliasName(std::string_view name) {
  return CheckCollectionOrAlias(name, "alias");
}

Status CheckDatabaseName(std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    return MilvusError(MilvusErrorCode::kInvalidDatabaseName, why, ": invalid database name[database=", name, "]");
  };
  if (name.empty()) return refuse("database name couldn't be empty");
  if (name.size() > kMaxName) return refuse("the length of a database name must be less than 255 characters");
  if (!StartsWell(name)) return refuse("the first character of a database name must be an underscore or letter");
  if (!AllOf(name, "")) return refuse("database name can only contain numbers, letters and underscores");
  return OkStatus();
}

Status CheckPartitionName(std::string_view name) {
  const std::string start = internal::Join("Invalid partition name: ", name, ". ");
  if (name.empty()) return Invalid(start, "Partition name should not be empty.");
  if (name.size() > kMaxName) return Invalid(start, "The length of a partition name must be less than 255 characters.");
  if (!StartsWell(name) && !IsDigit(name[0])) {
    return Invalid(start, "The first character of a partition name must be an underscore or letter.");
  }
  if (!AllOf(name, "-$")) return Invalid(start, "Partition name can only contain numbers, letters and underscores.");
  return OkStatus();
}

Status CheckFieldName(std::string_view name) {
  if (name.empty()) return Invalid("field name should not be empty");
  const std::string start = internal::Join("Invalid field name: ", name, ". ");
  if (name.size() > kMaxName) return Invalid(start, "The length of a field name must be less than 255 characters.");
  if (!StartsWell(name)) return Invalid(start, "The first character of a field name must be an underscore or letter.");
  if (!AllOf(name, "")) return Invalid(start, "Field name can only contain numbers, letters, and underscores.");
  if (IsKeyword(name)) return Invalid(start, name, " is keyword in milvus.");
  return OkStatus();
}

Status CheckIndexName(std::string_view name) {
  if (name.empty()) return OkStatus();
  const std::string start = internal::Join("Invalid index name: ", name, ". ");
  if (name.size() > kMaxName) return Invalid(start, "The length of a index name must be less than 255 characters.");
  if (!StartsWell(name)) return Invalid(start, "The first character of a index name must be an underscore or letter.");
  if (!AllOf(name, "")) return Invalid(start, "Index name can only contain numbers, letters, and underscores.");
  return OkStatus();
}

}  // namespace saker::proxy
