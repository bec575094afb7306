// Questions asked of single texts and of an index over many: both must agree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "server/match/match_index.h"
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

Column Texts(const std::vector<std::optional<std::string>>& texts) {
  Column column(DataType::kVarChar, DataType::kNone, 0);
  for (const auto& text : texts) text.has_value() ? column.AppendVariable(*text) : column.AppendNull();
  return column;
}

std::vector<size_t> Find(const MatchIndex& index, const MatchQuery& query) {
  std::vector<uint64_t> words((index.row_count() + 63) / 64 + 1);
  index.Find(query, words.data());
  std::vector<size_t> rows;
  for (size_t row = 0; row < words.size() * 64; ++row) {
    if ((words[row / 64] >> (row % 64) & 1) != 0) rows.push_back(row);
  }
  EXPECT_LE(rows.size(), index.Estimate(query));
  return rows;
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

TEST(MatchIndex, AnswersForEmptyAndNullRows) {
  const auto standard = Standard();
  const MatchQuery word = MatchQuery::AnyOf(*standard, "a", 1).value();
  for (const auto& texts : {std::vector<std::optional<std::string>>{}, {std::nullopt}, {""}, {std::nullopt, "", "b"}}) {
    const auto index = MatchIndex::Build(Texts(texts), *standard, Context()).value();
    EXPECT_EQ(index->row_count(), texts.size());
    EXPECT_THAT(Find(*index, word), testing::IsEmpty());
    EXPECT_THAT(Find(*index, MatchQuery::AnyOf(*standard, "", 1).value()), testing::IsEmpty());
    EXPECT_THAT(Find(*index, MatchQuery::Phrase(*standard, "", 3).value()), testing::IsEmpty());
  }
}

TEST(MatchIndex, StopsWhenTheRequestEnds) {
  const auto standard = Standard();
  Context late;
  late.Cancel();
  EXPECT_FALSE(MatchIndex::Build(Texts({"a"}), *standard, late).ok());
}

TEST(MatchIndex, AgreesWithEachTextAlone) {
  const char* given = std::getenv("SAKER_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20261130;
  SCOPED_TRACE(testing::Message() << "SAKER_SEED=" << seed);
  std::mt19937_64 random(seed);
  const auto analyzer = Analyzer::Make(R"({"tokenizer":"standard","filter":[{"type":"synonym","synonyms":["w0, w1, w2"]}]})").value();
  const auto text_of = [&](size_t most, uint64_t vocabulary) {
    std::string text;
    for (size_t n = random() % (most + 1); n > 0; --n) text += "w" + std::to_string(random() % (random() % vocabulary + 1)) + " ";
    return text;
  };
  for (const size_t rows : {size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{1000}}) {
    std::vector<std::optional<std::string>> texts;
    for (size_t i = 0; i < rows; ++i)
      texts.push_back(random() % 9 == 0 ? std::nullopt : std::optional(text_of(i % 100 == 7 ? 600 : 12, 40)));
    const auto index = MatchIndex::Build(Texts(texts), *analyzer, Context()).value();
    for (int round = 0; round < 60; ++round) {
      const std::string text = text_of(4, 45);
      const auto number = static_cast<uint32_t>(random() % 5);
      const MatchQuery query =
          round % 2 == 0 ? MatchQuery::AnyOf(*analyzer, text, number).value() : MatchQuery::Phrase(*analyzer, text, number).value();
      std::vector<size_t> expected;
      for (size_t row = 0; row < rows; ++row) {
        if (texts[row].has_value() && query.Matches(Tokens(*texts[row], *analyzer))) expected.push_back(row);
      }
      ASSERT_EQ(Find(*index, query), expected) << text << (round % 2 == 0 ? " minimum " : " slop ") << number;
    }
  }
}

}  // namespace
}  // namespace saker::match
