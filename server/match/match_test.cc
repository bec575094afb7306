// Questions asked of single texts.
#include <gtest/gtest.h>

#include "server/match/match_query.h"

namespace saker::match {
namespace {

using analyzer::Analyzer;
using analyzer::Token;

std::shared_ptr<const Analyzer> Standard() {
  return Analyzer::Make("").value();
}

std::vector<Token> Tokens(std::string_view text, const Analyzer& analyzer = *Standard()) {
  std::vector<Token> tokens;
  EXPECT_TRUE(analyzer.Analyze(text, &tokens).ok());
  return tokens;
}

TEST(LeastSlop, IsTheSmallestSpread) {
  const auto slop = [](std::string_view phrase, std::string_view text) { return LeastSlop(Tokens(phrase), Tokens(text)); };
  EXPECT_EQ(slop("data privacy", "Ensure data privacy now."), 0u);
  EXPECT_EQ(slop("data privacy", "Ensure data user privacy now."), 1u);
  EXPECT_EQ(slop("data privacy", "privacy of data"), 3u);
  EXPECT_EQ(slop("a b", "b a"), 2u);
  EXPECT_EQ(slop("a b", "a c d e b f g a b"), 0u);
  EXPECT_EQ(slop("a b a", "a b a"), 0u);
  EXPECT_EQ(slop("I like swimming and skiing", "x x x x x x x x x x Skiing and swimming are sports that I like the most."), 10u);
  EXPECT_EQ(slop("a z", "a b"), std::nullopt);
  EXPECT_EQ(slop("", "a b"), 0u);
}

TEST(MatchQuery, HolesOfStopWordsCount) {
  const auto english = Analyzer::Make(R"({"type":"english"})").value();
  const MatchQuery query = MatchQuery::Phrase(*english, "cat in the hat", 0).value();
  EXPECT_TRUE(query.Matches(Tokens("a cat on a hat", *english)));
  EXPECT_FALSE(query.Matches(Tokens("a cat hat", *english)));
}

}  // namespace
}  // namespace saker::match
