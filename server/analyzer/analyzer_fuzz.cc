// Any bytes as analyzer JSON and text (a zero byte between them): refused, or tokens that keep the promises of analyzer.h.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "server/analyzer/analyzer.h"
#include "server/analyzer/multi_analyzer.h"
#include "server/analyzer/unicode.h"

namespace {

using saker::analyzer::Analyzer;
using saker::analyzer::Token;

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckTokens(const Analyzer& analyzer, std::string_view text) {
  std::vector<Token> tokens;
  if (!analyzer.Analyze(text, &tokens).ok()) return;
  uint32_t position = 0;
  Require(tokens.size() <= saker::analyzer::kMaxTokens);
  for (const Token& token : tokens) {
    Require(token.start <= token.end && token.end <= text.size());
    Require(token.position >= position);
    Require(saker::ValidUtf8Prefix(token.text) == token.text.size());
    position = token.position;
  }
  std::vector<Token> again;
  Require(analyzer.Analyze(text, &again).ok() && again == tokens);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t split = bytes.find('\0');
  const std::string_view params = bytes.substr(0, split);
  const std::string_view text = split == std::string_view::npos ? std::string_view() : bytes.substr(split + 1);
  if (const auto analyzer = Analyzer::Make(params); analyzer.ok()) CheckTokens(*analyzer.value(), text);
  if (const auto several = saker::analyzer::MultiAnalyzer::Make(params); several.ok()) {
    CheckTokens(several.value()->For("default"), text);
    CheckTokens(several.value()->For(several.value()->by_field()), text);
  }
  return 0;
}
