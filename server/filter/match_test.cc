// text_match and phrase_match in expressions: what they choose, their NULLs, and a naive twin.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>
#include <sstream>

#include "server/analyzer/analyzer.h"
#include "server/filter/filter.h"

namespace saker::filter {
namespace {

using Texts = std::vector<std::optional<std::string>>;

CollectionSchema Schema(std::string analyzer_params = "") {
  CollectionSchema schema;
  schema.fields.resize(3);
  schema.fields[0].id = 100;
  schema.fields[0].name = "id";
  schema.fields[0].type = DataType::kInt64;
  schema.fields[0].is_primary_key = true;
  schema.fields[1].id = 101;
  schema.fields[1].name = "t";
  schema.fields[1].type = DataType::kVarChar;
  schema.fields[1].nullable = true;
  schema.fields[1].type_params = {{"enable_analyzer", "true"}, {"enable_match", "true"}};
  if (!analyzer_params.empty()) schema.fields[1].type_params.emplace_back("analyzer_params", std::move(analyzer_params));
  schema.fields[2] = schema.fields[1];
  schema.fields[2].id = 102;
  schema.fields[2].name = "added";
  schema.fields[2].default_value = std::string("some default words");
  return schema;
}

RowBatch Rows(const CollectionSchema& schema, const Texts& texts) {
  RowBatch rows;
  rows.row_count = texts.size();
  rows.field_ids = {100, 101};
  rows.columns = {Column(schema.fields[0]), Column(schema.fields[1])};
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto id = static_cast<int64_t>(i);
    rows.columns[0].AppendFixed(&id);
    texts[i].has_value() ? rows.columns[1].AppendVariable(*texts[i]) : rows.columns[1].AppendNull();
  }
  return rows;
}

std::string Chosen(const CollectionSchema& schema, const RowBatch& rows, std::string_view text, const Templates& templates = {},
                   const RowIndexes& indexes = {}) {
  const auto filter = Filter::Compile(text, schema, templates);
  if (!filter.ok()) return filter.status().message();
  const auto bits = (*filter)->Evaluate(rows, indexes, Context());
  if (!bits.ok()) return bits.status().message();
  std::string out;
  bits->ForEach([&](size_t row) { out += std::to_string(row) + " "; });
  return out;
}

std::string Chosen(std::string_view text, const Templates& templates = {}) {
  static const CollectionSchema schema = Schema();
  static const RowBatch rows =
      Rows(schema, {"Machine learning, deep LEARNING", "learning machine", "a machine that is learning", "", std::nullopt});
  return Chosen(schema, rows, text, templates);
}

TEST(TextMatch, IsAnyOfItsWords) {
  EXPECT_EQ(Chosen("text_match(t, 'machine')"), "0 1 2 ");
  EXPECT_EQ(Chosen("TEXT_MATCH(t, 'DEEP that')"), "0 2 ");
  EXPECT_EQ(Chosen("text_match(t, 'mach')"), "");
  EXPECT_EQ(Chosen("text_match(t, '')"), "");
  EXPECT_EQ(Chosen("text_match(t, ' ,. ')"), "");
  EXPECT_EQ(Chosen("text_match(t, {words})", {{"words", {std::string("deep")}}}), "0 ");
  EXPECT_EQ(Chosen("text_match(t, 'machine') and text_match(t, 'is')"), "2 ");
  EXPECT_EQ(Chosen("id < 2 and text_match(t, 'learning')"), "0 1 ");
}

TEST(TextMatch, CountsWordsForItsMinimum) {
  EXPECT_EQ(Chosen("text_match(t, 'deep machine that', minimum_should_match=2)"), "0 2 ");
  EXPECT_EQ(Chosen("text_match(t, 'deep machine that', minimum_should_match=3)"), "");
  EXPECT_EQ(Chosen("text_match(t, 'machine learning', minimum_should_match=2)"), "0 1 2 ");
  EXPECT_EQ(Chosen("text_match(t, 'deep deep', minimum_should_match=2)"), "0 ");
  EXPECT_EQ(Chosen("text_match(t, 'deep', minimum_should_match=2)"), "");
}

TEST(PhraseMatch, WantsOrderAndNearness) {
  EXPECT_EQ(Chosen("phrase_match(t, 'machine learning')"), "0 ");
  EXPECT_EQ(Chosen("phrase_match(t, 'machine learning', 0)"), "0 ");
  EXPECT_EQ(Chosen("phrase_match(t, 'machine learning', 1)"), "0 ");
  EXPECT_EQ(Chosen("phrase_match(t, 'machine learning', 2)"), "0 1 2 ");
  EXPECT_EQ(Chosen("phrase_match(t, 'learning learning')"), "");
  EXPECT_EQ(Chosen("phrase_match(t, 'learning deep learning')"), "0 ");
  EXPECT_EQ(Chosen("phrase_match(t, 'learning')"), "0 1 2 ");
  EXPECT_EQ(Chosen("phrase_match(t, '')"), "");
  EXPECT_EQ(Chosen("phrase_match(t, {p}, {n})", {{"p", {std::string("machine learning")}}, {"n", {int64_t{2}}}}), "0 1 2 ");
}

TEST(TextMatch, IsNullForNullRows) {
  EXPECT_EQ(Chosen("not text_match(t, 'machine')"), "3 ");
  EXPECT_EQ(Chosen("not text_match(t, '')"), "0 1 2 3 ");
  EXPECT_EQ(Chosen("text_match(t, 'deep') or t is null"), "0 4 ");
  EXPECT_EQ(Chosen("not phrase_match(t, 'deep learning')"), "1 2 3 ");
  EXPECT_EQ(Chosen("text_match(added, 'default')"), "0 1 2 3 4 ");  // older rows have the default
}

TEST(TextMatch, ReadsBySchemaAnalyzer) {
  const CollectionSchema english = Schema(R"({"type":"english"})");
  const RowBatch rows = Rows(english, {"running shoes", "the run", "runner"});
  EXPECT_EQ(Chosen(english, rows, "text_match(t, 'Runs the')"), "0 1 ");
  const CollectionSchema chinese = Schema(R"({"type":"chinese"})");
  const RowBatch sentences = Rows(chinese, {"网球和滑雪", "网球以及滑雪", "滑雪"});
  EXPECT_EQ(Chosen(chinese, sentences, "text_match(t, '网球')"), "0 1 ");
  EXPECT_EQ(Chosen(chinese, sentences, "phrase_match(t, '网球滑雪', 1)"), "0 ");
  EXPECT_EQ(Chosen(chinese, sentences, "phrase_match(t, '网球滑雪', 2)"), "0 1 ");
}

TEST(TextMatch, FailsWhereAnalysisDoes) {
  const CollectionSchema hostile = Schema(R"({"tokenizer":"whitespace","filter":[{"type":"regex","expr":"(a+)+$"}]})");
  const RowBatch rows = Rows(hostile, {"aaa", std::string(60, 'a') + "b"});
  EXPECT_NE(Chosen(hostile, rows, "text_match(t, 'aaa')").find("gives up"), std::string::npos);
}

// Words are letters a to e; the twin splits at spaces and tries every choice of places.
std::vector<std::string> Split(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

bool TwinAnyOf(const std::vector<std::string>& words, const std::vector<std::string>& query, int64_t minimum) {
  int64_t found = 0;
  for (const std::string& word : query) found += std::count(words.begin(), words.end(), word) > 0 ? 1 : 0;
  return !query.empty() && found >= minimum;
}

bool TwinPhrase(const std::vector<std::string>& words, const std::vector<std::string>& query, size_t i, int64_t low, int64_t high,
                int64_t slop) {
  if (i == query.size()) return !query.empty();
  for (size_t place = 0; place < words.size(); ++place) {
    if (words[place] != query[i]) continue;
    const int64_t moved = static_cast<int64_t>(place) - static_cast<int64_t>(i);
    const int64_t new_low = i == 0 ? moved : std::min(low, moved);
    const int64_t new_high = i == 0 ? moved : std::max(high, moved);
    if (new_high - new_low <= slop && TwinPhrase(words, query, i + 1, new_low, new_high, slop)) return true;
  }
  return false;
}

TEST(TextMatch, AgreesWithANaiveTwin) {
  const char* given = std::getenv("SAKER_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20261130;
  SCOPED_TRACE(testing::Message() << "SAKER_SEED=" << seed);
  std::mt19937_64 random(seed);
  const auto text_of = [&](size_t most) {
    std::string text;
    for (size_t n = random() % (most + 1); n > 0; --n) text += std::string(1, static_cast<char>('a' + random() % 5)) + " ";
    return text;
  };
  const CollectionSchema schema = Schema();
  Texts texts;
  for (int i = 0; i < 4200; ++i) texts.push_back(random() % 10 == 0 ? std::nullopt : std::optional(text_of(9)));
  const RowBatch rows = Rows(schema, texts);
  scalar_index::IndexMap indexes;
  indexes[-101] = scalar_index::BuildInMemory(scalar_index::TokenSpec(schema.fields[1]), rows.columns[1], Context()).value();
  for (int round = 0; round < 40; ++round) {
    const bool phrase = random() % 2 == 0;
    const bool negated = random() % 4 == 0;
    const auto number = static_cast<int64_t>(random() % 5 + (phrase ? 0 : 1));
    const std::string query = text_of(4);
    const std::string call = phrase ? "phrase_match(t, '" + query + "', " + std::to_string(number) + ")"
                                    : "text_match(t, '" + query + "', minimum_should_match=" + std::to_string(number) + ")";
    std::string expected;
    for (size_t row = 0; row < texts.size(); ++row) {
      if (!texts[row].has_value()) continue;
      const auto words = Split(*texts[row]);
      const bool truth = phrase ? TwinPhrase(words, Split(query), 0, 0, 0, number) : TwinAnyOf(words, Split(query), number);
      if (truth != negated) expected += std::to_string(row) + " ";
    }
    ASSERT_EQ(Chosen(schema, rows, (negated ? "not " : "") + call), expected) << call;
    ASSERT_EQ(Chosen(schema, rows, (negated ? "not " : "") + call, {}, RowIndexes{.scalars = &indexes}), expected) << call;
  }
}

}  // namespace
}  // namespace saker::filter
