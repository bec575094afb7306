// What a collection is made of: fields, functions, properties. Plain values; immutable once published.
//
// Field ids begin at 100 in schema order; 0 and 1 are Milvus' RowID and Timestamp. A collection with dynamic fields has a
// last hidden field `$meta` (JSON, is_dynamic).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "server/schema/types.h"

namespace saker {

inline constexpr std::string_view kDynamicFieldName = "$meta";
using KeyValues = std::vector<std::pair<std::string, std::string>>;

// The value for `key`, or nullptr.
const std::string* FindValue(const KeyValues& values, std::string_view key);
// Whether the value for `key` says yes, in one of the spellings that clients use; false when there is none.
bool IsTrueParam(const KeyValues& values, std::string_view key);

// One scalar value: a default, a template, a group key. monostate is null; bytes of JSON are a string.
using ScalarValue = std::variant<std::monostate, bool, int64_t, double, std::string>;

struct FieldSchema {
  int64_t id = 0;
  std::string name;
  std::string description;
  DataType type = DataType::kNone;
  DataType element_type = DataType::kNone;  // of kArray
  bool is_primary_key = false;
  bool auto_id = false;
  bool is_partition_key = false;
  bool is_clustering_key = false;
  bool is_dynamic = false;
  bool nullable = false;
  bool is_function_output = false;
  ScalarValue default_value;  // monostate: none
  int64_t dim = 0;            // vectors but sparse; bits for binary
  int64_t max_length = 0;     // bytes of a VarChar or of a VarChar array element
  int64_t max_capacity = 0;   // elements of an array
  KeyValues type_params;      // as the client gave them, echoed by describe
};

enum class FunctionType : int32_t { kUnknown = 0, kBm25 = 1, kTextEmbedding = 2, kRerank = 3, kMinHash = 4 };

struct FunctionSchema {
  int64_t id = 0;
  std::string name;
  std::string description;
  FunctionType type = FunctionType::kUnknown;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  KeyValues params;
};

struct CollectionSchema {
  std::string name;
  std::string description;
  bool enable_dynamic_field = false;
  std::vector<FieldSchema> fields;  // $meta included, last, when dynamic
  std::vector<FunctionSchema> functions;
  KeyValues properties;
  int32_t version = 1;  // grows with each added field

  // Index into `fields`, or -1.
  int FieldIndex(std::string_view field_name) const;
  const FieldSchema* Find(std::string_view field_name) const;
  const FieldSchema* FindId(int64_t id) const;
  const FieldSchema& PrimaryKey() const;
  int PrimaryKeyIndex() const;
  const FieldSchema* PartitionKey() const;  // nullptr when none
  const FieldSchema* DynamicField() const;  // nullptr when none
  // The function that fills this field, or nullptr.
  const FunctionSchema* FunctionFor(std::string_view output) const;
  // Whether a BM25 function fills the field: it is searched with text, and its rows are never given back.
  bool IsBm25Output(const FieldSchema& field) const;
};

enum class ConsistencyLevel : int32_t { kStrong = 0, kSession = 1, kBounded = 2, kEventually = 3, kCustomized = 4 };

}  // namespace saker
