#include "server/proxy/json_text.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstdio>

#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {

void AppendNumber(double value, std::string* out) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value);
  out->append(text, end.ptr);
}

Status AppendArray(const ArrayView& array, std::string* out) {
  if (!array.Valid()) return Invalid("array value is broken");
  *out += '[';
  for (size_t i = 0; i < array.size(); ++i) {
    if (i > 0) *out += ',';
    if (array.element_type() == DataType::kBool) {
      *out += array.GetBool(i) ? "true" : "false";
    } else if (IsInteger(array.element_type())) {
      *out += std::to_string(array.GetInteger(i));
    } else if (IsFloating(array.element_type())) {
      AppendNumber(array.GetNumber(i), out);
    } else {
      AppendJsonString(array.GetString(i), out);
    }
  }
  *out += ']';
  return OkStatus();
}

}  // namespace

Status CheckJson(std::string_view text, std::string_view field_name, const CollectionSchema* schema) {
  if (text.size() > kMaxJsonBytes) {
    return Invalid("the length (", text.size(), ") of json field (", field_name, ") exceeds max length (", kMaxJsonBytes, ")");
  }
  if (text == "{}") return OkStatus();
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element root;
  const simdjson::error_code error = parser.parse(text.data(), text.size()).get(root);
  if (error != simdjson::SUCCESS) {
    return Invalid("field ", field_name, ": value is not valid JSON (", simdjson::error_message(error), "): ", text.substr(0, 100));
  }
  if (schema == nullptr) return OkStatus();
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) return Invalid("dynamic fields of a row are not a JSON object: ", text.substr(0, 100));
  for (const auto& [key, value] : object) {
    if (key == kDynamicFieldName) return Invalid("cannot set key to: ", kDynamicFieldName);
    const FieldSchema* field = schema->Find(key);
    if (field != nullptr) return Invalid("dynamic field cannot include the static field: ", key);
  }
  return OkStatus();
}

void AppendJsonString(std::string_view text, std::string* out) {
  *out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      *out += escaped;
    } else {
      *out += c;
    }
  }
  *out += '"';
}

Status AppendJsonValue(const Column& column, size_t row, std::string* out) {
  if (!column.IsValid(row)) {
    *out += "null";
    return OkStatus();
  }
  const DataType type = column.type();
  if (type == DataType::kBool) {
    *out += column.GetInteger(row) != 0 ? "true" : "false";
  } else if (IsInteger(type)) {
    *out += std::to_string(column.GetInteger(row));
  } else if (IsFloating(type)) {
    const double value = column.GetNumber(row);
    if (!std::isfinite(value)) return Invalid("value '", value, "' is not a number or infinity");
    AppendNumber(value, out);
  } else if (IsString(type)) {
    if (!simdjson::validate_utf8(column.Text(row))) return Invalid("row ", row, " is not valid UTF-8");
    AppendJsonString(column.Text(row), out);
  } else if (type == DataType::kJson) {
    TRY(CheckJson(column.Text(row), kDynamicFieldName));
    out->append(column.Text(row));
  } else if (type == DataType::kArray) {
    return AppendArray(ArrayView(column.Text(row), column.element_type()), out);
  } else {
    return Invalid("a value of type ", DataTypeName(type), " cannot be a dynamic field");
  }
  return OkStatus();
}

}  // namespace saker::proxy
