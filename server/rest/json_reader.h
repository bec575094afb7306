// A request's JSON body: parsed once with bounds, read by key with Milvus' wording for what is wrong.
//
// simdjson refuses what JSON refuses: more than 64 levels, numbers out of range, lone surrogates, bytes that are not
// UTF-8. So every text that comes out of here is valid UTF-8. A null member counts as absent, in Milvus and here.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "server/schema/schema.h"

namespace saker::rest {

using JsonElement = simdjson::dom::element;

// Milvus' codes of this dialect alone.
enum RestErrorCode : int32_t { kNotAuthenticatedRest = 1800, kBadJson = 1801, kMissingParameters = 1802, kBadInsertData = 1804 };

template <typename... Parts>
Status RestError(RestErrorCode code, const Parts&... parts) {
  return Status(StatusCode::kInvalidArgument, internal::Join(parts...), code);
}
template <typename... Parts>
Status BadJson(const Parts&... parts) {
  return RestError(kBadJson, "can only accept json format request, error: ", parts...);
}

class JsonObject {
 public:
  JsonObject() = default;
  explicit JsonObject(simdjson::dom::object object) : object_(object) {}

  std::optional<JsonElement> Find(std::string_view key) const;
  bool Has(std::string_view key) const { return Find(key).has_value(); }
  // Required ones: absent or empty is 1802, another type 1801.
  Result<std::string> Text(std::string_view key) const;
  Result<JsonElement> Any(std::string_view key) const;
  // Optional ones.
  Result<std::string> TextOr(std::string_view key, std::string_view otherwise) const;
  Result<int64_t> IntegerOr(std::string_view key, int64_t otherwise) const;  // a number or its text
  Result<bool> BoolOr(std::string_view key, bool otherwise) const;           // a bool or its text
  Result<std::vector<std::string>> Texts(std::string_view key) const;        // a list of texts, or one text
  Result<std::optional<JsonObject>> Object(std::string_view key) const;
  Result<std::vector<JsonObject>> Objects(std::string_view key) const;  // a list of objects
  Result<KeyValues> Pairs(std::string_view key) const;                  // an object's members as texts
  const std::optional<simdjson::dom::object>& raw() const { return object_; }

 private:
  std::optional<simdjson::dom::object> object_;  // none: an empty object
};

class JsonDocument {
 public:
  static constexpr size_t kMaxDepth = 64;
  // The document must be an object without repeated keys; empty text is an empty object.
  static Result<std::unique_ptr<JsonDocument>> Parse(std::string_view text);
  const JsonObject& root() const { return root_; }

 private:
  simdjson::dom::parser parser_;
  JsonObject root_;
};

// As a parameter's text: a string's content, a number's digits, "true", or JSON.
std::string ValueText(const JsonElement& value);
std::string_view TypeName(const JsonElement& value);
bool ParseInteger(std::string_view text, int64_t* value);
bool ParseDouble(std::string_view text, double* value);
// True when the text alone is a JSON document within the bounds; `minified` is then its compact form.
bool MinifyJson(std::string_view text, std::string* minified);

}  // namespace saker::rest
