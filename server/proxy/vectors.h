// Vectors as clients send them, checked and converted to the field's element type.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "index/metric.h"
#include "server/schema/schema.h"

namespace saker::proxy {

// How the field's vectors are stored; nullopt for a field without vectors.
std::optional<index::VectorType> VectorTypeOf(DataType type);
size_t VectorBytes(const FieldSchema& field);  // of one vector; 0 for sparse

// The place of the first element that is NaN or infinite in packed vectors, or nullopt. Binary and int8 have none.
std::optional<size_t> FindNotFinite(DataType type, std::string_view bytes);
std::string NotFiniteText(DataType type, std::string_view bytes, size_t element);  // "NaN", "+Inf", "-Inf"

// Packed float32 to the field's fp16, bf16 or int8. Invalid when a value does not fit.
Result<std::string> ConvertFloats(std::string_view floats, DataType to, std::string_view field_name);

// Sorts the pairs by index; Invalid for a broken length, a repeated or too large index, or a value not finite.
Result<std::string> NormalizeSparse(std::string_view pairs, std::string_view field_name);

uint16_t FloatToHalf(float value);      // rounds to nearest even
uint16_t FloatToBFloat16(float value);  // rounds to nearest even

}  // namespace saker::proxy
