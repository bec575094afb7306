// Text to tokens: what BM25, text_match, phrase_match and RunAnalyzer read a VarChar with.
//
// An analyzer is a tokenizer and filters behind it, described by Milvus' analyzer JSON (docs/text.md); the same JSON gives the
// same tokens in every version that reads it, for tokens are stored. Immutable; Analyze may run on many threads at once.
// Bounds: kMaxTextBytes of text, kMaxTokens tokens, kMaxParamsBytes of JSON; each refusal names both numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace saker::analyzer {

inline constexpr size_t kMaxTextBytes = 65'535;  // the longest VarChar
inline constexpr size_t kMaxTokens = 1 << 18;    // synonyms can make more tokens than there were characters
inline constexpr size_t kMaxParamsBytes = 1 << 20;

// `text` after all filters. [start, end) are bytes of the analysed text. Positions grow along the text and have holes where a
// filter took tokens out; tokens of one place (synonyms) share one.
struct Token {
  std::string text;
  uint32_t start = 0;
  uint32_t end = 0;
  uint32_t position = 0;
  uint32_t position_length = 1;
  bool operator==(const Token& other) const = default;
};

class Analyzer {
 public:
  // From Milvus' analyzer_params; empty text and {} mean the standard analyzer. InvalidArgument says what is wrong.
  static Result<std::shared_ptr<const Analyzer>> Make(std::string_view params_json);
  virtual ~Analyzer() = default;

  // Replaces *out by the tokens of `text`, in the order of their places. InvalidArgument for text that is not UTF-8 or too long.
  virtual Status Analyze(std::string_view text, std::vector<Token>* out) const = 0;
};

// One line that is another whenever the same analyzer might make other tokens of the same text: ours, and the machine's ICU.
std::string Version();

// The number that stands for a token in BM25's sparse vectors: Milvus' CRC-32 (IEEE) of its first 100 bytes, modulo 2^32 - 1, so
// that vectors and RunAnalyzer's hashes agree with Milvus'. Different tokens can share a number: among a million words some
// hundred pairs do, and long tokens that differ only behind 100 bytes always; text_match compares the tokens themselves.
uint32_t TermId(std::string_view token);

}  // namespace saker::analyzer
