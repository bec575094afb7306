// Appends JSON to a string: no tree, commas by itself, floats in their shortest form that reads back the same.
//
// The caller keeps begin and end in pairs and gives a key before each member. Not thread-safe.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace saker::rest {

void AppendJsonString(std::string* out, std::string_view text);

class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view name) {
    Comma();
    AppendJsonString(&out_, name);
    out_.push_back(':');
    comma_ = false;
    return *this;
  }
  JsonWriter& String(std::string_view text) {
    Comma();
    AppendJsonString(&out_, text);
    return *this;
  }
  JsonWriter& Bool(bool value) { return Raw(value ? "true" : "false"); }
  JsonWriter& Null() { return Raw("null"); }
  // JSON has no NaN and no infinity: they are written as null.
  template <typename T>
  JsonWriter& Number(T value) {
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) return Null();
    }
    Comma();
    char text[32];
    out_.append(text, std::to_chars(text, text + sizeof(text), value).ptr);
    return *this;
  }
  // Text that is JSON already.
  JsonWriter& Raw(std::string_view json) {
    Comma();
    out_.append(json);
    return *this;
  }

  std::string Take() { return std::move(out_); }
  std::string& text() { return out_; }

 private:
  JsonWriter& Open(char bracket) {
    Comma();
    out_.push_back(bracket);
    comma_ = false;
    return *this;
  }
  JsonWriter& Close(char bracket) {
    out_.push_back(bracket);
    comma_ = true;
    return *this;
  }
  void Comma() {
    if (comma_) out_.push_back(',');
    comma_ = true;
  }

  std::string out_;
  bool comma_ = false;
};

}  // namespace saker::rest
