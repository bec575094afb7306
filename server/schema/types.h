// The types of Milvus' data model, with Milvus' numbers.
#pragma once

#include <cstdint>
#include <string_view>

namespace saker {

enum class DataType : int32_t {
  kNone = 0,
  kBool = 1,
  kInt8 = 2,
  kInt16 = 3,
  kInt32 = 4,
  kInt64 = 5,
  kFloat = 10,
  kDouble = 11,
  kString = 20,
  kVarChar = 21,
  kArray = 22,
  kJson = 23,
  kGeometry = 24,
  kText = 25,
  kTimestamptz = 26,
  kBinaryVector = 100,
  kFloatVector = 101,
  kFloat16Vector = 102,
  kBFloat16Vector = 103,
  kSparseFloatVector = 104,
  kInt8Vector = 105,
  kArrayOfVector = 106,
  kArrayOfStruct = 200,
  kStruct = 201,
};

constexpr bool IsVector(DataType type) {
  return type >= DataType::kBinaryVector && type <= DataType::kArrayOfVector;
}
constexpr bool IsInteger(DataType type) {
  return type >= DataType::kInt8 && type <= DataType::kInt64;
}
constexpr bool IsFloating(DataType type) {
  return type == DataType::kFloat || type == DataType::kDouble;
}
constexpr bool IsNumber(DataType type) {
  return IsInteger(type) || IsFloating(type);
}
constexpr bool IsString(DataType type) {
  return type == DataType::kVarChar || type == DataType::kString || type == DataType::kText;
}
// Rows of unequal length: strings, JSON, arrays, sparse vectors.
constexpr bool IsVariable(DataType type) {
  return IsString(type) || type == DataType::kJson || type == DataType::kArray || type == DataType::kSparseFloatVector ||
         type == DataType::kGeometry;
}

std::string_view DataTypeName(DataType type);  // "Int64", "FloatVector": the proto enum's names
// 0 for an unknown name. Case-sensitive, as Milvus.
DataType DataTypeFromName(std::string_view name);

}  // namespace saker
