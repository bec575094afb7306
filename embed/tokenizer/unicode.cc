#include "embed/tokenizer/unicode.h"

#include <algorithm>

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

}  // namespace saker::embed
