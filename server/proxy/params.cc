#include "server/proxy/params.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {

constexpr size_t kMaxParamsBytes = 102400;  // Milvus' own limit for an index' parameters

std::string NumberText(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value);
  return {text, end.ptr};
}

std::string ValueText(const simdjson::dom::element& value) {
  switch (value.type()) {
    case simdjson::dom::element_type::STRING: return std::string(std::string_view(value.get_string().value_unsafe()));
    case simdjson::dom::element_type::INT64: return std::to_string(value.get_int64().value_unsafe());
    case simdjson::dom::element_type::UINT64: return std::to_string(value.get_uint64().value_unsafe());
    case simdjson::dom::element_type::DOUBLE: return NumberText(value.get_double().value_unsafe());
    case simdjson::dom::element_type::BOOL: return value.get_bool().value_unsafe() ? "true" : "false";
    case simdjson::dom::element_type::NULL_VALUE: return "";
    default: return simdjson::minify(value);
  }
}

}  // namespace

Result<Params> Params::Parse(const KeyValues& source, Duplicates duplicates) {
  Params params;
  params.values_.reserve(source.size() + 4);
  const auto add = [&](std::string_view key, std::string value) -> Status {
    const std::string* old = params.Find(key);
    if (old == nullptr) {
      params.values_.emplace_back(std::string(key), std::move(value));
    } else if (duplicates == Duplicates::kRefused && *old != value) {
      return Invalid("duplicated index param (key=", key, ") (value=", value, ") found");
    }
    return OkStatus();
  };
  for (const auto& [key, value] : source) {
    if (key != "params") TRY(add(key, value));
  }
  for (const auto& [key, value] : source) {
    if (key != "params" || value.empty()) continue;
    if (value.size() > kMaxParamsBytes) { return Invalid("params have ", value.size(), " bytes, which is more than ", kMaxParamsBytes); }
    thread_local simdjson::dom::parser parser;
    simdjson::dom::element root;
    simdjson::dom::object object;
    if (parser.parse(value).get(root) != simdjson::SUCCESS) return Invalid("params is not valid JSON: ", value);
    if (root.is_null()) continue;
    if (root.get(object) != simdjson::SUCCESS) return Invalid("params is not a JSON object: ", value);
    for (const auto& [name, element] : object) {
      if (!element.is_null()) TRY(add(name, ValueText(element)));
    }
  }
  return params;
}

Result<std::optional<int64_t>> Params::Integer(std::string_view key) const {
  const std::string* text = Find(key);
  if (text == nullptr || text->empty()) return std::optional<int64_t>();
  int64_t value = 0;
  if (!ParseInteger(*text, &value)) return Invalid("invalid integer value, key: '", key, "', value: '", *text, "'");
  return std::optional<int64_t>(value);
}

Result<std::optional<double>> Params::Number(std::string_view key) const {
  const std::string* text = Find(key);
  if (text == nullptr || text->empty()) return std::optional<double>();
  double value = 0;
  if (!ParseNumber(*text, &value)) return Invalid("invalid number, key: '", key, "', value: '", *text, "'");
  return std::optional<double>(value);
}

Result<std::optional<bool>> Params::Boolean(std::string_view key) const {
  const std::string* text = Find(key);
  if (text == nullptr || text->empty()) return std::optional<bool>();
  bool value = false;
  if (!ParseBoolean(*text, &value)) return Invalid("invalid boolean value, key: '", key, "', value: '", *text, "'");
  return std::optional<bool>(value);
}

std::string Params::Text(std::string_view key) const {
  const std::string* text = Find(key);
  return text == nullptr ? std::string() : *text;
}

bool ParseInteger(std::string_view text, int64_t* value) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto end = std::from_chars(text.data(), text.data() + text.size(), *value);
  return end.ec == std::errc() && end.ptr == text.data() + text.size();
}

bool ParseNumber(std::string_view text, double* value) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto end = std::from_chars(text.data(), text.data() + text.size(), *value);
  return end.ec == std::errc() && end.ptr == text.data() + text.size() && std::isfinite(*value);
}

bool ParseBoolean(std::string_view text, bool* value) {
  const std::string lower = LowerCase(text);
  *value = lower == "true" || lower == "1" || lower == "t";
  return *value || lower == "false" || lower == "0" || lower == "f";
}

std::string UpperCase(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return out;
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace saker::proxy
