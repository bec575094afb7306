// One vector between JSON and the bytes of a column, for every vector type; used by inserts and by searches.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"
#include "server/rest/json_reader.h"
#include "server/rest/json_writer.h"
#include "server/schema/types.h"

namespace saker::rest {

// Appends the little-endian bytes. `dim` 0 takes any length. For a sparse vector `sparse_dim` grows to its largest index
// plus one. InvalidArgument says what is wrong with the value.
Status AppendVectorBytes(DataType type, int64_t dim, const JsonElement& value, std::string* out, int64_t* sparse_dim);
// A list of numbers as float32 bytes whatever the field's type is.
Status AppendFloats(const JsonElement& value, std::string* out);

void WriteVector(DataType type, std::string_view bytes, JsonWriter* out);

}  // namespace saker::rest
