#include "embed/tokenizer/unicode.h"

#include <algorithm>
#include <cstring>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>

namespace saker::embed {
namespace {

// The ranges of the Rust tokenizer, its 2B920 (for 2B820) included: vectors in the wild were made with it.
bool IsCjk(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

const UNormalizer2* Nfd() {
  UErrorCode error = U_ZERO_ERROR;
  return unorm2_getNFDInstance(&error);
}

}  // namespace

const UnicodeTable& UnicodeTable::Get() {
  static const UnicodeTable* const table = new UnicodeTable();  // never destroyed: threads may outlive main's statics
  return *table;
}

UnicodeTable::UnicodeTable() : flags_(0x10000) {
  for (char32_t c = 0; c < flags_.size(); ++c) flags_[c] = Compute(c);
}

uint8_t UnicodeTable::Compute(char32_t c) {
  const auto code = static_cast<UChar32>(c);
  const int8_t category = u_charType(code);
  uint8_t flags = 0;
  const bool other = category == U_CONTROL_CHAR || category == U_FORMAT_CHAR || category == U_PRIVATE_USE_CHAR || category == U_SURROGATE;
  if ((other && c != '\t' && c != '\n' && c != '\r') || c == 0xFFFD) flags |= kControl;
  if (u_isUWhiteSpace(code)) flags |= kWhiteSpace;
  const bool ascii_punctuation = c > 0x20 && c < 0x7F && !u_isalnum(code);
  if (ascii_punctuation || (U_GET_GC_MASK(code) & U_GC_P_MASK) != 0) flags |= kPunctuation;
  if (IsCjk(c)) flags |= kCjk;
  if (category == U_NON_SPACING_MARK) flags |= kMark;
  UChar decomposition[32];
  UErrorCode error = U_ZERO_ERROR;
  if (unorm2_getDecomposition(Nfd(), code, decomposition, 32, &error) >= 0) flags |= kDecomposes;
  if (u_tolower(code) != code) flags |= kLowers;
  return flags;
}

size_t UnicodeTable::Decompose(char32_t c, char32_t* out) const {
  UChar units[2 * kMaxDecomposition];
  UErrorCode error = U_ZERO_ERROR;
  const int32_t length = unorm2_getDecomposition(Nfd(), static_cast<UChar32>(c), units, 2 * kMaxDecomposition, &error);
  if (length < 0 || U_FAILURE(error)) {
    out[0] = c;
    return 1;
  }
  size_t count = 0;
  for (int32_t i = 0; i < length && count < kMaxDecomposition;) {
    UChar32 next;
    U16_NEXT(units, i, length, next);
    out[count++] = static_cast<char32_t>(next);
  }
  return count;
}

size_t UnicodeTable::Lower(char32_t c, char32_t* out) const {
  if (c == 0x130) {  // the one character whose unconditional lower case has two
    out[0] = 'i';
    out[1] = 0x307;
    return 2;
  }
  out[0] = static_cast<char32_t>(u_tolower(static_cast<UChar32>(c)));
  return 1;
}

bool DecodeUtf8(std::string_view text, size_t* at, char32_t* c) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const size_t left = text.size() - *at;
  if (left == 0) return false;
  const uint8_t lead = byte(*at);
  if (lead < 0x80) {
    *c = lead;
    *at += 1;
    return true;
  }
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || left < length) return false;
  char32_t value = lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    const uint8_t next = byte(*at + i);
    if ((next & 0xC0) != 0x80) return false;
    value = value << 6 | (next & 0x3F);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return false;
  *c = value;
  *at += length;
  return true;
}

void AppendUtf8(char32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xC0 | c >> 6));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | c >> 12));
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | c >> 18));
    out->push_back(static_cast<char>(0x80 | (c >> 12 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

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
    char32_t c;
    if (!DecodeUtf8(text, &at, &c)) return at;
  }
  return at;
}

}  // namespace saker::embed
