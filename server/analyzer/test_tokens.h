// What the module's tests share: tokens and refusals of analyzer JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "server/analyzer/analyzer.h"

namespace saker::analyzer {

inline std::vector<Token> Tokens(std::string_view params, std::string_view text) {
  const auto analyzer = Analyzer::Make(params);
  EXPECT_TRUE(analyzer.ok()) << analyzer.status().ToString();
  std::vector<Token> tokens;
  if (!analyzer.ok()) return tokens;
  const Status status = analyzer.value()->Analyze(text, &tokens);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return tokens;
}

inline std::vector<std::string> Words(std::string_view params, std::string_view text) {
  std::vector<std::string> words;
  for (const Token& token : Tokens(params, text)) words.push_back(token.text);
  return words;
}

// Why the parameters are refused; empty when they are not.
inline std::string Refusal(std::string_view params) {
  const auto analyzer = Analyzer::Make(params);
  return analyzer.ok() ? "" : analyzer.status().message();
}

}  // namespace saker::analyzer
