// JSON texts of rows: checking them and composing $meta.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "server/schema/column.h"
#include "server/schema/schema.h"

namespace saker::proxy {

inline constexpr size_t kMaxJsonBytes = 65536;

// Valid JSON of bounded size; with `schema`: an object of dynamic fields, whose keys are no fields of the schema.
Status CheckJson(std::string_view text, std::string_view field_name, const CollectionSchema* schema = nullptr);

void AppendJsonString(std::string_view text, std::string* out);
// Any scalar value; vectors and broken arrays are Invalid.
Status AppendJsonValue(const Column& column, size_t row, std::string* out);

}  // namespace saker::proxy
