#include "server/scalar_index/json_path.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <utility>

namespace saker::scalar_index {
namespace {

constexpr size_t kMaxSteps = 64;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsWord(char c) {
  return c == '_' || c == '$' || IsDigit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

}  // namespace

PathKey PathKey::FromText(std::string text) {
  PathKey key;
  key.name = std::move(text);
  key.is_string = true;
  const bool canonical = !key.name.empty() && key.name.size() < 10 && (key.name[0] != '0' || key.name.size() == 1);
  if (canonical && std::all_of(key.name.begin(), key.name.end(), IsDigit)) {
    std::from_chars(key.name.data(), key.name.data() + key.name.size(), key.index);
  }
  return key;
}

PathKey PathKey::FromIndex(int64_t place) {
  return {.name = std::to_string(place), .index = place, .is_string = false};
}

Result<std::vector<PathKey>> ParsePath(std::string_view path, std::string_view field_name) {
  const auto bad = [path] { return InvalidArgument("json_path '", path, R"(' is not a path; write it as meta["a"]["b"])"); };
  size_t at = 0;
  while (at < path.size() && IsWord(path[at])) ++at;
  if (at == 0 || IsDigit(path[0])) return bad();
  std::vector<PathKey> keys;
  if (path.substr(0, at) != field_name) keys.push_back(PathKey::FromText(std::string(path.substr(0, at))));
  while (at < path.size()) {
    if (path[at++] != '[' || at == path.size() || keys.size() >= kMaxSteps) return bad();
    const char quote = path[at];
    std::string text;
    if (quote == '"' || quote == '\'') {
      for (++at; at < path.size() && path[at] != quote; ++at) {
        if (path[at] == '\\' && ++at == path.size()) return bad();
        text.push_back(path[at]);
      }
      if (at++ >= path.size()) return bad();
      keys.push_back(PathKey::FromText(std::move(text)));
    } else {
      while (at < path.size() && IsDigit(path[at])) text.push_back(path[at++]);
      int64_t place = 0;
      const auto end = std::from_chars(text.data(), text.data() + text.size(), place);
      if (text.empty() || end.ec != std::errc()) return bad();
      keys.push_back(PathKey::FromIndex(place));
    }
    if (at >= path.size() || path[at++] != ']') return bad();
  }
  return keys;
}

bool Descend(const simdjson::dom::element& root, const std::vector<PathKey>& keys, simdjson::dom::element* out) {
  simdjson::dom::element at = root;
  for (const PathKey& key : keys) {
    if (at.is_object()) {
      if (at.get_object().value_unsafe().at_key(key.name).get(at) != simdjson::SUCCESS) return false;
    } else if (at.is_array() && key.index >= 0) {
      if (at.get_array().value_unsafe().at(static_cast<size_t>(key.index)).get(at) != simdjson::SUCCESS) return false;
    } else {
      return false;
    }
  }
  *out = at;
  return true;
}

std::optional<double> StringToDouble(std::string_view text) {
  const std::string ended(text);
  char* end = nullptr;
  errno = 0;
  const double value = std::strtod(ended.c_str(), &end);
  if (end == ended.c_str() || errno == ERANGE) return std::nullopt;
  return value;
}

}  // namespace saker::scalar_index
