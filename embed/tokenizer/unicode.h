// What BERT's normaliser asks about a code point, from ICU, as one byte of flags.
//
// Immutable after the first Get(); any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/utf8.h"

namespace saker::embed {

enum UnicodeFlag : uint8_t {
  kControl = 1,      // Cc, Cf, Co, Cs, U+FFFD and NUL, but not TAB, LF, CR: what clean_text deletes
  kWhiteSpace = 2,   // the White_Space property
  kPunctuation = 4,  // ASCII punctuation or general category P*
  kCjk = 8,          // the ideographs that BERT puts spaces around
  kMark = 16,        // category Mn: an accent once decomposed
  kDecomposes = 32,  // has a canonical decomposition
  kLowers = 64,      // has another lower-case form
};

class UnicodeTable {
 public:
  static const UnicodeTable& Get();

  uint8_t flags(char32_t c) const { return c < flags_.size() ? flags_[c] : Compute(c); }
  // Full canonical decomposition; at most kMaxDecomposition code points are written and counted.
  static constexpr size_t kMaxDecomposition = 18;
  size_t Decompose(char32_t c, char32_t* out) const;
  // Unconditional full lower case without context (no final sigma), at most two code points, as Rust's char does it.
  size_t Lower(char32_t c, char32_t* out) const;

 private:
  UnicodeTable();
  static uint8_t Compute(char32_t c);
  std::vector<uint8_t> flags_;  // of the Basic Multilingual Plane
};

}  // namespace saker::embed
