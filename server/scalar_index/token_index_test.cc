// Matches of text through an index must be those of each text alone; and what damage does to the index' file.
#include <cstdlib>
#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "index/test_files.h"
#include "server/analyzer/analyzer.h"
#include "server/scalar_index/scalar_index.h"

namespace saker::scalar_index {
namespace {

using analyzer::Analyzer;
using analyzer::Token;
using match::MatchQuery;
using Texts = std::vector<std::optional<std::string>>;

FieldSchema Field(const std::string& params = "") {
  FieldSchema field;
  field.id = 102;
  field.name = "t";
  field.type = DataType::kVarChar;
  field.type_params = {{"enable_match", "true"}};
  if (!params.empty()) field.type_params.emplace_back("analyzer_params", params);
  return field;
}

Column ColumnOf(const Texts& texts) {
  Column column(DataType::kVarChar, DataType::kNone, 0);
  for (const auto& text : texts) text.has_value() ? column.AppendVariable(*text) : column.AppendNull();
  return column;
}

Result<std::shared_ptr<const ScalarIndex>> Open(const std::string& bytes, const Spec& spec, size_t rows) {
  index::StringFileSystem files;
  files.contents["tokens"] = bytes;
  return OpenScalarIndex(TRY(files.Load("tokens")), "tokens", spec, rows);
}

Query Ask(MatchQuery query) {
  return {.op = Query::Op::kMatch, .boolean = false, .operand = std::move(query)};
}

std::vector<size_t> Find(const ScalarIndex& index, const MatchQuery& query) {
  const Matches found = index.Find(Ask(query));
  EXPECT_FALSE(found.unsure.has_value());
  EXPECT_LE(found.matching.Count(), index.EstimateMatches(Ask(query))->rows);
  std::vector<size_t> rows;
  found.matching.ForEach([&](size_t row) { rows.push_back(row); });
  return rows;
}

uint64_t Seed() {
  const char* given = std::getenv("SAKER_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

TEST(TokenIndex, AnswersForEmptyAndNullRows) {
  const auto standard = Analyzer::Make("").value();
  const MatchQuery word = MatchQuery::AnyOf(*standard, "a", 1).value();
  for (const Texts& texts : {Texts{}, {std::nullopt}, {""}, {std::nullopt, "", "b"}}) {
    const auto index = BuildInMemory(TokenSpec(Field()), ColumnOf(texts), Context()).value();
    EXPECT_EQ(index->row_count(), texts.size());
    EXPECT_THAT(Find(*index, word), testing::IsEmpty());
    EXPECT_THAT(Find(*index, MatchQuery::AnyOf(*standard, "", 1).value()), testing::IsEmpty());
    EXPECT_THAT(Find(*index, MatchQuery::Phrase(*standard, "", 3).value()), testing::IsEmpty());
    const Matches found = index->Find(Ask(word));
    for (size_t row = 0; row < texts.size() && found.known != nullptr; ++row)
      EXPECT_EQ(found.known[row / 64] >> (row % 64) & 1, texts[row].has_value());
  }
}

TEST(TokenIndex, StopsWhenTheRequestEnds) {
  Context late;
  late.Cancel();
  EXPECT_FALSE(BuildScalarIndex(TokenSpec(Field()), ColumnOf({"a"}), late).ok());
}

TEST(TokenIndex, IsOfOneAnalyzerAndAnswersNothingElse) {
  const Column column = ColumnOf({"running shoes"});
  const std::string bytes = BuildScalarIndex(TokenSpec(Field()), column, Context()).value();
  const auto opened = Open(bytes, TokenSpec(Field(R"({"type":"english"})")), 1);
  EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
  const auto index = Open(bytes, TokenSpec(Field()), 1).value();
  EXPECT_EQ(index->EstimateMatches({.op = Query::Op::kKnown, .boolean = false, .operand = Terms<int64_t>()}), std::nullopt);
  EXPECT_EQ(index->EstimateMatches({.op = Query::Op::kText, .boolean = false, .operand = TextTest{"r", {}, {}}}), std::nullopt);
  const Query words = Ask(MatchQuery::AnyOf(*Analyzer::Make("").value(), "shoes", 1).value());
  for (const char* type : {"INVERTED", "NGRAM"}) {
    const Spec other = MakeSpec(Field(), type, {{"min_gram", "2"}, {"max_gram", "2"}}).value();
    EXPECT_EQ(BuildInMemory(other, column, Context()).value()->EstimateMatches(words), std::nullopt) << type;
  }
  EXPECT_FALSE(MakeSpec(Field(), "TOKENS", {}).ok()) << "nobody may ask for one by name";
}

TEST(TokenIndex, AgreesWithEachTextAlone) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(testing::Message() << "SAKER_SEED=" << seed);
  std::mt19937_64 random(seed);
  const std::string params = R"({"tokenizer":"standard","filter":[{"type":"synonym","synonyms":["w0, w1, w2"]}]})";
  const auto analyzer = Analyzer::Make(params).value();
  const auto text_of = [&](size_t most, uint64_t vocabulary) {
    std::string text;
    for (size_t n = random() % (most + 1); n > 0; --n) text += "w" + std::to_string(random() % (random() % vocabulary + 1)) + " ";
    return text;
  };
  std::vector<Token> tokens;
  for (const size_t rows : {size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{1000}}) {
    Texts texts;
    for (size_t i = 0; i < rows; ++i)
      texts.push_back(random() % 9 == 0 ? std::nullopt : std::optional(text_of(i % 100 == 7 ? 600 : 12, 40)));
    const Spec spec = TokenSpec(Field(params));
    const std::string bytes = BuildScalarIndex(spec, ColumnOf(texts), Context()).value();
    const auto index = Open(bytes, spec, rows).value();
    for (int round = 0; round < 60; ++round) {
      const std::string text = text_of(4, 45);
      const auto number = static_cast<uint32_t>(random() % 5);
      const MatchQuery query =
          round % 2 == 0 ? MatchQuery::AnyOf(*analyzer, text, number).value() : MatchQuery::Phrase(*analyzer, text, number).value();
      std::vector<size_t> expected;
      for (size_t row = 0; row < rows; ++row) {
        if (!texts[row].has_value()) continue;
        ASSERT_TRUE(analyzer->Analyze(*texts[row], &tokens).ok());
        if (query.Matches(tokens)) expected.push_back(row);
      }
      ASSERT_EQ(Find(*index, query), expected) << text << (round % 2 == 0 ? " minimum " : " slop ") << number;
    }
  }
}

// Every kind of section; tokens of one row and of all, rows whose numbers take two bytes.
Texts Golden(size_t rows) {
  Texts texts;
  for (size_t i = 0; i < rows; ++i) {
    std::string text = "every word" + std::to_string(i % 7);
    if (i == 1 || i + 1 == rows) text += " seldom word1 WORD1 again";
    texts.push_back(i % 5 == 3 ? std::nullopt : std::optional(text));
  }
  return texts;
}

TEST(TokenIndex, RefusesTruncatedAndFlippedFiles) {
  const Spec spec = TokenSpec(Field());
  const std::string bytes = BuildScalarIndex(spec, ColumnOf(Golden(150)), Context()).value();
  ASSERT_TRUE(Open(bytes, spec, 150).ok());
  EXPECT_FALSE(Open(bytes, spec, 151).ok());
  for (size_t length = 0; length < bytes.size(); ++length)
    ASSERT_EQ(Open(bytes.substr(0, length), spec, 150).status().code(), StatusCode::kDataLoss) << length;
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    ASSERT_EQ(Open(flipped, spec, 150).status().code(), StatusCode::kDataLoss) << at;
  }
}

// What a wrong writer might leave behind right checksums: refused, or an index that answers without reading outside.
TEST(TokenIndex, SurvivesDamageBehindRightChecksums) {
  const Spec spec = TokenSpec(Field());
  const std::string bytes = BuildScalarIndex(spec, ColumnOf(Golden(150)), Context()).value();
  const uint64_t seed = Seed();
  SCOPED_TRACE(testing::Message() << "SAKER_SEED=" << seed);
  std::mt19937_64 random(seed);
  const auto analyzer = Analyzer::Make("").value();
  const MatchQuery any = MatchQuery::AnyOf(*analyzer, "every word1 seldom", 2).value();
  const MatchQuery phrase = MatchQuery::Phrase(*analyzer, "every word1 again", 1).value();
  size_t refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    index::Reseal(damaged);
    const auto opened = Open(damaged, spec, 150);
    refused += opened.ok() ? 0 : 1;
    if (!opened.ok()) continue;
    EXPECT_LE((*opened)->Find(Ask(any)).matching.Count(), 150u);
    EXPECT_LE((*opened)->Find(Ask(phrase)).matching.Count(), 150u);
  }
  EXPECT_GT(refused, 500u);
}

// Tokens of another version are refused, and their index built again.
TEST(TokenIndex, RefusesTokensOfAnEarlierVersion) {
  std::ifstream file("tests/golden/scalar_index/tokens-1.sci", std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(std::string(Open(bytes, TokenSpec(Field()), 150).status().message()), testing::HasSubstr("tokens 1 ICU 72.1"));
}

// The golden file was made by ICU 72.1; with another it is one of another version.
TEST(TokenIndex, OpensFilesOfEveryRelease) {
  const std::string path = "tests/golden/scalar_index/tokens-2.sci";
  const Spec spec = TokenSpec(Field());
  if (std::getenv("SAKER_WRITE_GOLDEN") != nullptr)
    std::ofstream(path, std::ios::binary) << BuildScalarIndex(spec, ColumnOf(Golden(150)), Context()).value();
  std::ifstream file(path, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  const auto opened = Open(bytes, spec, 150);
  if (analyzer::Version() != "tokens 2 ICU 72.1") {
    EXPECT_THAT(std::string(opened.status().message()), testing::HasSubstr("ICU 72.1"));
    GTEST_SKIP() << analyzer::Version();
  }
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  const auto analyzer = Analyzer::Make("").value();
  EXPECT_EQ(Find(**opened, MatchQuery::AnyOf(*analyzer, "Seldom", 1).value()), (std::vector<size_t>{1, 149}));
  EXPECT_EQ(Find(**opened, MatchQuery::Phrase(*analyzer, "word1 word1", 0).value()), (std::vector<size_t>{1, 149}));
  EXPECT_EQ(Find(**opened, MatchQuery::Phrase(*analyzer, "every word1 seldom", 0).value()), (std::vector<size_t>{1}));
}

}  // namespace
}  // namespace saker::scalar_index
