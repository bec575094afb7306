// A path into a JSON value, and the value there: the same steps for a filter and for an index.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "common/result.h"

namespace saker::scalar_index {

// One step into a JSON value; a string of digits also indexes an array, as in a JSON pointer.
struct PathKey {
  std::string name;
  int64_t index = -1;
  bool is_string = false;
  bool operator==(const PathKey& other) const { return name == other.name; }

  static PathKey FromText(std::string text);
  static PathKey FromIndex(int64_t place);
};

// The keys behind the field's name in `meta["a"][0]['b']`. A path of a dynamic field may begin with its first key:
// `color`, `color["x"]`. InvalidArgument when the text is no such path.
Result<std::vector<PathKey>> ParsePath(std::string_view path, std::string_view field_name);

// False when the value lacks the path.
bool Descend(const simdjson::dom::element& root, const std::vector<PathKey>& keys, simdjson::dom::element* out);

// The number that a text begins with, as strtod reads it: behind white space, decimal, hexadecimal, inf or nan, whatever follows.
// Nothing when there is none or a double cannot hold it. Milvus' json_cast_function STRING_TO_DOUBLE.
std::optional<double> StringToDouble(std::string_view text);

}  // namespace saker::scalar_index
