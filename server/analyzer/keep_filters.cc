#include "server/analyzer/filters.h"

#include <algorithm>
#include <utility>

#include "server/analyzer/string_set.h"
#include "server/analyzer/unicode.h"

namespace saker::analyzer {
namespace {

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

// One that decides by the token alone.
template <typename Keep>
class KeepIf : public TokenFilter {
 public:
  explicit KeepIf(Keep keep) : keep_(std::move(keep)) {}
  Status Apply(std::vector<Token>* tokens) const override {
    std::erase_if(*tokens, [&](const Token& token) { return !keep_(std::string_view(token.text)); });
    return OkStatus();
  }

 private:
  const Keep keep_;
};
template <typename Keep>
FilterPtr MakeKeepIf(Keep keep) {
  return std::make_unique<KeepIf<Keep>>(std::move(keep));
}

bool IsAsciiLetter(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsAsciiAlphanumeric(char32_t c) {
  return IsAsciiLetter(c) || (c >= '0' && c <= '9');
}

template <typename Test>
bool AnyChar(std::string_view text, Test&& test) {
  for (size_t at = 0; at < text.size();) {
    if (test(NextChar(text, &at))) return true;
  }
  return false;
}

}  // namespace

FilterPtr MakeStop(std::vector<std::string> words) {
  return std::make_unique<Stop>(std::move(words));
}

std::span<const std::string_view> EnglishStopWords() {
  return kEnglish;
}

FilterPtr MakeLength(uint64_t max_bytes) {
  return MakeKeepIf([=](std::string_view text) { return text.size() <= max_bytes; });
}

FilterPtr MakeClassFilter(TokenClass wanted) {
  const auto has = [](char32_t c, uint16_t flags) { return (CharTable::Get().Flags(c) & flags) != 0; };
  switch (wanted) {
    case TokenClass::kAscii:
      return MakeKeepIf([](std::string_view text) { return !AnyChar(text, [](char32_t c) { return !IsAsciiAlphanumeric(c); }); });
    case TokenClass::kAsciiLetters:
      return MakeKeepIf([](std::string_view text) { return !AnyChar(text, [](char32_t c) { return !IsAsciiLetter(c); }); });
    case TokenClass::kHasHan:
      return MakeKeepIf([=](std::string_view text) { return AnyChar(text, [&](char32_t c) { return has(c, kHan); }); });
    case TokenClass::kHasHanOrAscii:
      return MakeKeepIf(
          [=](std::string_view text) { return AnyChar(text, [&](char32_t c) { return IsAsciiAlphanumeric(c) || has(c, kHan); }); });
    default:
      return MakeKeepIf(
          [=](std::string_view text) { return !AnyChar(text, [&](char32_t c) { return has(c, kPunctuation | kWhitespace); }); });
  }
}

}  // namespace saker::analyzer
