// Members of analyzer JSON, each read with its type.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "common/result.h"

namespace saker::analyzer {

inline constexpr size_t kMaxListItems = 100'000;

// The member, or nothing; a null is nothing.
inline std::optional<simdjson::dom::element> FindMember(simdjson::dom::object object, std::string_view key) {
  simdjson::dom::element element;
  if (object.at_key(key).get(element) != simdjson::SUCCESS || element.is_null()) return std::nullopt;
  return element;
}

// The member as text; an error when it is missing or something else.
inline Result<std::string_view> TextMember(simdjson::dom::object object, std::string_view key, std::string_view missing,
                                           std::string_view wrong) {
  const auto member = FindMember(object, key);
  std::string_view text;
  if (!member) return InvalidArgument(missing);
  if (member->get(text) != simdjson::SUCCESS) return InvalidArgument(wrong);
  return text;
}

// A list of strings; `what` names it in errors.
inline Result<std::vector<std::string>> StringList(simdjson::dom::element list, std::string_view what) {
  simdjson::dom::array array;
  if (list.get(array) != simdjson::SUCCESS) return InvalidArgument(what, " should be array");
  std::vector<std::string> words;
  for (const simdjson::dom::element item : array) {
    std::string_view word;
    if (item.get(word) != simdjson::SUCCESS) return InvalidArgument(what, " item should be string");
    if (words.size() == kMaxListItems) return InvalidArgument(what, " has more than ", kMaxListItems, " items");
    words.emplace_back(word);
  }
  return words;
}

}  // namespace saker::analyzer
