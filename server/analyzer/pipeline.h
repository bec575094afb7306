// The two kinds of stages an analyzer is made of. Immutable; may run on many threads at once.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "server/analyzer/analyzer.h"

namespace saker::analyzer {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // Appends the tokens of `text`, which is valid UTF-8 of at most kMaxTextBytes.
  virtual Status Tokenize(std::string_view text, std::vector<Token>* out) const = 0;
};

class TokenFilter {
 public:
  virtual ~TokenFilter() = default;
  // Changes, removes or multiplies tokens; an error when there would be more than kMaxTokens.
  virtual Status Apply(std::vector<Token>* tokens) const = 0;
};

}  // namespace saker::analyzer
