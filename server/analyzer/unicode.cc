#include "server/analyzer/unicode.h"

#include <cstring>

#include <unicode/uchar.h>
#include <unicode/uscript.h>

namespace saker::analyzer {
namespace {

// The bytes of the character at `at`, or 0 when it is not well formed (Unicode 15, table 3-7).
size_t CharLength(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at < length) return 0;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;  // surrogates
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;  // beyond U+10FFFF
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

size_t ValidUtf8Prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t word;
    if (text.size() - at >= sizeof word) {
      std::memcpy(&word, text.data() + at, sizeof word);
      if ((word & 0x8080808080808080u) == 0) {
        at += sizeof word;
        continue;
      }
    }
    const size_t length = CharLength(text, at);
    if (length == 0) return at;
    at += length;
  }
  return at;
}

void AppendUtf8(char32_t c, std::string* out) {
  const auto tail = [&](int shift) { out->push_back(static_cast<char>(0x80 | (c >> shift & 0x3F))); };
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xC0 | c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | c >> 12));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xF0 | c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

size_t CountChars(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  return count;
}

const CharTable& CharTable::Get() {
  static const CharTable* const table = new CharTable();  // never destroyed: threads may outlive main's statics
  return *table;
}

CharTable::CharTable() {
  for (char32_t c = 0; c < flags_.size(); ++c) flags_[c] = Compute(c);
}

uint16_t CharTable::Compute(char32_t c) {
  const auto code = static_cast<UChar32>(c);
  const uint32_t category = U_GET_GC_MASK(code);
  uint16_t flags = 0;
  if (u_isUAlphabetic(code)) flags |= kAlphabetic | kAlphanumeric;
  if ((category & U_GC_N_MASK) != 0) flags |= kAlphanumeric;
  if ((category & U_GC_ND_MASK) != 0) flags |= kDecimalDigit;
  if ((category & U_GC_P_MASK) != 0) flags |= kPunctuation;
  if ((category & U_GC_S_MASK) != 0) flags |= kSymbol;
  if (u_isUWhiteSpace(code)) flags |= kWhitespace;
  UErrorCode error = U_ZERO_ERROR;
  if (uscript_getScript(code, &error) == USCRIPT_HAN) flags |= kHan;
  if (u_tolower(code) != code) flags |= kLowers;
  if (u_hasBinaryProperty(code, UCHAR_EXTENDED_PICTOGRAPHIC) || u_hasBinaryProperty(code, UCHAR_EMOJI_PRESENTATION) ||
      u_hasBinaryProperty(code, UCHAR_REGIONAL_INDICATOR) || c == 0x20E3) {
    flags |= kEmoji;
  }
  return flags;
}

void AppendLower(char32_t c, std::string* out) {
  if (c == 0x130) {  // the one character whose unconditional lower case has two
    out->append("i\u0307");
    return;
  }
  AppendUtf8(static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))), out);
}

}  // namespace saker::analyzer
