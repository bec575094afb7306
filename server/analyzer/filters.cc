#include "server/analyzer/filters.h"

#include <algorithm>
#include <utility>

#include "server/analyzer/string_set.h"
#include "server/analyzer/unicode.h"

namespace saker::analyzer {
namespace {

class Lowercase : public TokenFilter {
 public:
  Status Apply(std::vector<Token>* tokens) const override {
    for (Token& token : *tokens) {
      uint8_t all = 0;
      for (char& c : token.text) {
        all |= static_cast<uint8_t>(c);
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
      }
      if (all >= 0x80) LowerAll(&token.text);
    }
    return OkStatus();
  }

 private:
  static void LowerAll(std::string* text) {
    const CharTable& table = CharTable::Get();
    bool changes = false;
    for (size_t at = 0; at < text->size() && !changes;) changes = (table.Flags(NextChar(*text, &at)) & kLowers) != 0;
    if (!changes) return;
    std::string lower;
    lower.reserve(text->size() + 1);
    for (size_t at = 0; at < text->size();) AppendLower(NextChar(*text, &at), &lower);
    *text = std::move(lower);
  }
};

class Stop : public TokenFilter {
 public:
  explicit Stop(std::vector<std::string> words) : words_(words.begin(), words.end()) {
    for (const std::string& word : words_) longest_ = std::max(longest_, word.size());
  }
  Status Apply(std::vector<Token>* tokens) const override {
    std::erase_if(*tokens, [&](const Token& token) { return token.text.size() <= longest_ && words_.contains(token.text); });
    return OkStatus();
  }

 private:
  StringSet words_;
  size_t longest_ = 0;
};

constexpr std::string_view kEnglish[] = {"a",   "an",    "and",  "are",   "as",    "at",   "be",   "but", "by",  "for",  "if",
                                         "in",  "into",  "is",   "it",    "no",    "not",  "of",   "on",  "or",  "such", "that",
                                         "the", "their", "then", "there", "these", "they", "this", "to",  "was", "will", "with"};

}  // namespace

std::unique_ptr<TokenFilter> MakeLowercase() {
  return std::make_unique<Lowercase>();
}

std::unique_ptr<TokenFilter> MakeStop(std::vector<std::string> words) {
  return std::make_unique<Stop>(std::move(words));
}

std::span<const std::string_view> EnglishStopWords() {
  return kEnglish;
}

}  // namespace saker::analyzer
