// What the tokenizers and filters ask about characters, quick for the first 65,536 of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/utf8.h"

namespace saker::analyzer {

// The character at *at, which moves behind it. `text` must be valid and longer than *at.
inline char32_t NextChar(std::string_view text, size_t* at) {
  const auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<uint8_t>(text[*at + i])); };
  const char32_t lead = byte(0);
  char32_t c;
  size_t length;
  if (lead < 0x80) {
    c = lead, length = 1;
  } else if (lead < 0xE0) {
    c = (lead & 0x1F) << 6 | (byte(1) & 0x3F), length = 2;
  } else if (lead < 0xF0) {
    c = (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), length = 3;
  } else {
    c = (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), length = 4;
  }
  *at += length;
  return c;
}

size_t CountChars(std::string_view text);

// Properties of a character; "alphanumeric" is Alphabetic or a number of any kind, as in Rust, which Milvus' tokenizers use.
enum CharFlag : uint16_t {
  kAlphanumeric = 1,
  kAlphabetic = 2,
  kWhitespace = 4,
  kPunctuation = 8,
  kSymbol = 16,
  kHan = 32,
  kDecimalDigit = 64,
  kLowers = 128,  // lower case differs
  kEmoji = 256,   // pictographic, emoji presentation, regional indicator or enclosing keycap
};

class CharTable {
 public:
  static const CharTable& Get();
  uint16_t Flags(char32_t c) const { return c < flags_.size() ? flags_[c] : Compute(c); }

 private:
  CharTable();
  static uint16_t Compute(char32_t c);
  std::array<uint16_t, 0x10000> flags_;
};

// The lower case of c by the unconditional full mapping.
void AppendLower(char32_t c, std::string* out);

}  // namespace saker::analyzer
