#include "server/analyzer/unicode.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>

namespace saker::analyzer {

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
