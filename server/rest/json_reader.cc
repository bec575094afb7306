#include "server/rest/json_reader.h"

#include <charconv>
#include <unordered_set>

namespace saker::rest {

namespace {

namespace dom = simdjson::dom;

Status WrongType(std::string_view key, std::string_view wanted, const JsonElement& got) {
  return BadJson("`", key, "` should be ", wanted, ", it is ", TypeName(got));
}
Status Missing(std::string_view key) {
  return RestError(kMissingParameters, "missing required parameters, error: Key: '", key, "' Error: `", key, "` is required");
}

Result<int64_t> ToInteger(std::string_view key, const JsonElement& value) {
  int64_t number = 0;
  if (value.get(number) == simdjson::SUCCESS) return number;
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS && ParseInteger(text, &number)) return number;
  return WrongType(key, "an integer of 64 bits", value);
}

}  // namespace

std::string_view TypeName(const JsonElement& value) {
  switch (value.type()) {
    case dom::element_type::ARRAY: return "a list";
    case dom::element_type::OBJECT: return "an object";
    case dom::element_type::INT64:
    case dom::element_type::UINT64: return "an integer";
    case dom::element_type::DOUBLE: return "a number";
    case dom::element_type::STRING: return "a string";
    case dom::element_type::BOOL: return "a bool";
    case dom::element_type::NULL_VALUE: return "null";
  }
  return "unknown";
}

bool ParseInteger(std::string_view text, int64_t* value) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

bool ParseDouble(std::string_view text, double* value) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

bool MinifyJson(std::string_view text, std::string* minified) {
  dom::parser parser;
  JsonElement element;
  if (parser.allocate(text.size(), JsonDocument::kMaxDepth) != simdjson::SUCCESS) return false;
  if (parser.parse(text.data(), text.size(), true).get(element) != simdjson::SUCCESS) return false;
  *minified = simdjson::minify(element);
  return true;
}

std::string ValueText(const JsonElement& value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(value);
}

std::optional<JsonElement> JsonObject::Find(std::string_view key) const {
  if (!object_) return std::nullopt;
  JsonElement value;
  if (object_->at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

Result<JsonElement> JsonObject::Any(std::string_view key) const {
  const auto value = Find(key);
  if (!value) return Missing(key);
  return *value;
}

Result<std::string> JsonObject::Text(std::string_view key) const {
  std::string text = TRY(TextOr(key, ""));
  if (text.empty()) return Missing(key);
  return text;
}

Result<std::string> JsonObject::TextOr(std::string_view key, std::string_view otherwise) const {
  const auto value = Find(key);
  if (!value) return std::string(otherwise);
  std::string_view text;
  if (value->get(text) != simdjson::SUCCESS) return WrongType(key, "a string", *value);
  return std::string(text);
}

Result<int64_t> JsonObject::IntegerOr(std::string_view key, int64_t otherwise) const {
  const auto value = Find(key);
  return value ? ToInteger(key, *value) : Result<int64_t>(otherwise);
}

Result<bool> JsonObject::BoolOr(std::string_view key, bool otherwise) const {
  const auto value = Find(key);
  if (!value) return otherwise;
  bool result = false;
  if (value->get(result) == simdjson::SUCCESS) return result;
  std::string_view text;
  if (value->get(text) == simdjson::SUCCESS) {
    if (text == "true" || text == "True") return true;
    if (text == "false" || text == "False") return false;
  }
  return WrongType(key, "a bool", *value);
}

Result<std::vector<std::string>> JsonObject::Texts(std::string_view key) const {
  std::vector<std::string> texts;
  const auto value = Find(key);
  if (!value) return texts;
  std::string_view text;
  if (value->get(text) == simdjson::SUCCESS) {
    texts.emplace_back(text);
    return texts;
  }
  dom::array list;
  if (value->get(list) != simdjson::SUCCESS) return WrongType(key, "a list of strings", *value);
  for (const JsonElement element : list) {
    if (element.get(text) != simdjson::SUCCESS) return WrongType(key, "a list of strings", element);
    texts.emplace_back(text);
  }
  return texts;
}

Result<std::optional<JsonObject>> JsonObject::Object(std::string_view key) const {
  const auto value = Find(key);
  if (!value) return std::optional<JsonObject>();
  dom::object object;
  if (value->get(object) != simdjson::SUCCESS) return WrongType(key, "an object", *value);
  return std::optional<JsonObject>(JsonObject(object));
}

Result<std::vector<JsonObject>> JsonObject::Objects(std::string_view key) const {
  std::vector<JsonObject> objects;
  const auto value = Find(key);
  if (!value) return objects;
  dom::array list;
  if (value->get(list) != simdjson::SUCCESS) return WrongType(key, "a list of objects", *value);
  for (const JsonElement element : list) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return WrongType(key, "a list of objects", element);
    objects.emplace_back(object);
  }
  return objects;
}

Result<KeyValues> JsonObject::Pairs(std::string_view key) const {
  KeyValues pairs;
  const std::optional<JsonObject> object = TRY(Object(key));
  if (!object) return pairs;
  for (const auto field : *object->raw()) {
    if (!field.value.is_null()) pairs.emplace_back(std::string(field.key), ValueText(field.value));
  }
  return pairs;
}

Result<std::unique_ptr<JsonDocument>> JsonDocument::Parse(std::string_view text) {
  auto document = std::make_unique<JsonDocument>();
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return document;
  simdjson::error_code error = document->parser_.allocate(text.size(), kMaxDepth);
  JsonElement element;
  if (error == simdjson::SUCCESS) error = document->parser_.parse(text.data(), text.size(), true).get(element);
  if (error == simdjson::MEMALLOC || error == simdjson::CAPACITY) {
    return ResourceExhausted("not enough memory to read ", text.size(), " bytes of JSON");
  }
  if (error != simdjson::SUCCESS) return BadJson(simdjson::error_message(error));
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return BadJson("the body should be an object, it is ", TypeName(element));
  std::unordered_set<std::string_view> keys;
  for (const auto field : object) {
    if (!keys.insert(field.key).second) return BadJson("the key `", field.key, "` is there twice");
  }
  document->root_ = JsonObject(object);
  return document;
}

}  // namespace saker::rest
