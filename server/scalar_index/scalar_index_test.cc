#include "server/scalar_index/scalar_index.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "index/test_files.h"
#include "server/schema/error.h"

namespace saker::scalar_index {
namespace {

using testing::HasSubstr;

FieldSchema Field(DataType type, DataType element = DataType::kNone) {
  FieldSchema field;
  field.id = 102;
  field.name = "f";
  field.type = type;
  field.element_type = element;
  return field;
}

Spec SpecOf(const FieldSchema& field, std::string_view type, const KeyValues& params = {}) {
  const auto spec = MakeSpec(field, type, params);
  EXPECT_TRUE(spec.ok()) << spec.status().message();
  return spec.ok() ? *spec : Spec();
}

Result<std::shared_ptr<const ScalarIndex>> Open(const std::string& bytes, const Spec& spec, size_t rows) {
  index::StringFileSystem files;
  files.contents["index"] = bytes;
  return OpenScalarIndex(TRY(files.Load("index")), "index", spec, rows);
}

std::shared_ptr<const ScalarIndex> Build(const Spec& spec, const Column& column) {
  const auto bytes = BuildScalarIndex(spec, column, Context());
  EXPECT_TRUE(bytes.ok()) << bytes.status().message();
  auto index = Open(*bytes, spec, column.row_count());
  EXPECT_TRUE(index.ok()) << index.status().message();
  return index.ok() ? *index : nullptr;
}

std::vector<size_t> Rows(const index::Bitset& bits) {
  std::vector<size_t> rows;
  bits.ForEach([&](size_t row) { rows.push_back(row); });
  return rows;
}

template <typename T>
Query In(std::vector<T> values, Query::Op op = Query::Op::kIn) {
  return {.op = op, .boolean = false, .operand = Terms<T>{.values = std::move(values), .low = std::nullopt, .high = std::nullopt}};
}

template <typename T>
Query Between(std::optional<T> low, bool with_low, std::optional<T> high, bool with_high) {
  Terms<T> terms;
  if (low) terms.low = {*low, with_low};
  if (high) terms.high = {*high, with_high};
  return {.op = Query::Op::kRange, .boolean = false, .operand = std::move(terms)};
}

TEST(ScalarIndex, FindsIntegersAsAScanDoes) {
  std::random_device device;
  for (int round = 0; round < 60; ++round) {
    const uint64_t seed = device();
    std::mt19937_64 random(seed);
    const size_t rows = random() % 4 == 0 ? random() % 3 : random() % 500;
    const int64_t spread = int64_t{1} << (random() % 12);
    const FieldSchema field = Field(DataType::kInt64);
    Column column(field);
    for (size_t i = 0; i < rows; ++i) {
      const auto value = static_cast<int64_t>(random()) % spread;
      random() % 8 == 0 ? column.AppendNull() : column.AppendFixed(&value);
    }
    const auto index = Build(SpecOf(field, "STL_SORT"), column);
    ASSERT_NE(index, nullptr);
    for (int i = 0; i < 20; ++i) {
      const auto a = static_cast<int64_t>(random()) % (spread + 2);
      const int64_t b = a + static_cast<int64_t>(random() % 20);
      const bool with_a = random() % 2 == 0, with_b = random() % 2 == 0;
      std::vector<size_t> between, among;
      for (size_t row = 0; row < rows; ++row) {
        const auto v = column.Get<int64_t>(row);
        if (!column.IsValid(row)) continue;
        if ((v > a || (with_a && v == a)) && (v < b || (with_b && v == b))) between.push_back(row);
        if (v == a || v == b) among.push_back(row);
      }
      const Query range = Between<int64_t>(a, with_a, b, with_b);
      const Matches found = index->Find(range);
      EXPECT_EQ(Rows(found.matching), between) << "seed " << seed;
      EXPECT_EQ(index->EstimateMatches(range)->rows, between.size()) << "seed " << seed;
      EXPECT_EQ(Rows(index->Find(In<int64_t>(a == b ? std::vector{a} : std::vector{a, b})).matching), among) << "seed " << seed;
      for (size_t row = 0; row < rows && found.known != nullptr; ++row)
        EXPECT_EQ(found.known[row / 64] >> (row % 64) & 1, column.IsValid(row));
    }
  }
}

TEST(ScalarIndex, TextsByPrefixAndByTest) {
  const FieldSchema field = Field(DataType::kVarChar);
  Column column(field);
  const std::vector<std::string> texts = {"apple", "", "apply", "ap\xff", "banana", "apple", "b\xff\xff", "ap\xff\x01"};
  for (const std::string& text : texts) column.AppendVariable(text);
  const auto index = Build(SpecOf(field, "Trie"), column);
  const auto with = [&](const std::string& prefix, std::function<bool(std::string_view)> test = {}) {
    return Rows(index->Find({.op = Query::Op::kText, .boolean = false, .operand = TextTest{prefix, std::move(test), {}}}).matching);
  };
  EXPECT_EQ(with("appl"), (std::vector<size_t>{0, 2, 5}));
  EXPECT_EQ(with("ap\xff"), (std::vector<size_t>{3, 7}));
  EXPECT_EQ(with("b\xff\xff"), (std::vector<size_t>{6}));
  EXPECT_EQ(with("").size(), texts.size());
  EXPECT_EQ(with("ap", [](std::string_view text) { return text.ends_with("le"); }), (std::vector<size_t>{0, 5}));
  EXPECT_EQ(Rows(index->Find(In<std::string>({"", "banana", "none"})).matching), (std::vector<size_t>{1, 4}));
  EXPECT_EQ(Rows(index->Find(Between<std::string>("apply", true, std::nullopt, false)).matching), (std::vector<size_t>{2, 3, 4, 6, 7}));
}

TEST(ScalarIndex, ElementsOfArrays) {
  const FieldSchema field = Field(DataType::kArray, DataType::kInt32);
  Column column(field);
  for (const std::vector<int64_t>& row : std::vector<std::vector<int64_t>>{{1, 2, 2}, {}, {2, 3}, {1, 2, 3}}) {
    ArrayBuilder builder(DataType::kInt32);
    for (const int64_t value : row) builder.AddInteger(value);
    column.AppendVariable(builder.Finish());
  }
  const auto index = Build(SpecOf(field, "INVERTED"), column);
  EXPECT_EQ(Rows(index->Find(In<int64_t>({1, 3}, Query::Op::kContainsAny)).matching), (std::vector<size_t>{0, 2, 3}));
  EXPECT_EQ(Rows(index->Find(In<int64_t>({2, 3}, Query::Op::kContainsAll)).matching), (std::vector<size_t>{2, 3}));
  EXPECT_TRUE(Rows(index->Find(In<int64_t>({2, 9}, Query::Op::kContainsAll)).matching).empty());
  EXPECT_EQ(index->EstimateMatches(In<int64_t>({1})), std::nullopt) << "an element is not the array";
  EXPECT_EQ(index->EstimateMatches(In<double>({1}, Query::Op::kContainsAny)), std::nullopt);
}

TEST(ScalarIndex, ValuesAtAJsonPath) {
  const FieldSchema field = Field(DataType::kJson);
  Column column(field);
  for (const char* text :
       {R"({"a":{"b":1.5}})", R"({"a":{"b":"1.5"}})", R"({"a":{"b":9007199254740993}})", R"({"a":7})", R"({"a":{"b":true}})"})
    column.AppendVariable(text);
  column.AppendNull();
  const auto numbers = Build(SpecOf(field, "INVERTED", {{"json_path", R"(f["a"]['b'])"}, {"json_cast_type", "double"}}), column);
  const Matches found = numbers->Find(In<double>({1.5}));
  EXPECT_EQ(Rows(found.matching), (std::vector<size_t>{0}));
  EXPECT_EQ(Rows(*found.unsure), (std::vector<size_t>{2})) << "no double holds it";
  EXPECT_EQ(found.known[0], 0b011111u);
  EXPECT_EQ(numbers->EstimateMatches(In<std::string>({"1.5"})), std::nullopt) << "strings are not in it";
  const auto all = Build(SpecOf(field, "INVERTED", {{"json_path", R"(f["a"]["b"])"}, {"json_cast_type", "JSON"}}), column);
  EXPECT_EQ(Rows(all->Find(In<std::string>({"1.5"})).matching), (std::vector<size_t>{1}));
  Query truth = In<int64_t>({1});
  EXPECT_EQ(all->EstimateMatches(truth), std::nullopt) << "JSON has no integers apart from its numbers";
  truth.boolean = true;
  EXPECT_EQ(Rows(all->Find(truth).matching), (std::vector<size_t>{4}));
}

TEST(ScalarIndex, NgramsNameEveryCandidate) {
  const uint64_t seed = std::random_device()();
  std::mt19937_64 random(seed);
  const FieldSchema field = Field(DataType::kVarChar);
  Column column(field);
  std::vector<std::string> texts;
  const char* const letters[] = {"a", "b", "ü", "日"};
  for (int i = 0; i < 400; ++i) {
    std::string text;
    for (size_t n = random() % 12; n > 0; --n) text += letters[random() % 4];
    if (i == 7) text += "\x80";
    texts.push_back(text);
    column.AppendVariable(text);
  }
  const auto index = Build(SpecOf(field, "NGRAM", {{"min_gram", "2"}, {"max_gram", "3"}}), column);
  EXPECT_EQ(index->EstimateMatches({.op = Query::Op::kText, .boolean = false, .operand = TextTest{"", {}, {"a"}}}), std::nullopt)
      << "too short";
  for (int i = 0; i < 200; ++i) {
    std::string literal;
    for (size_t n = 2 + random() % 3; n > 0; --n) literal += letters[random() % 4];
    const Query query{.op = Query::Op::kText, .boolean = false, .operand = TextTest{"", {}, {literal}}};
    const Matches found = index->Find(query);
    EXPECT_EQ(found.matching.Count(), 0u);
    EXPECT_GE(index->EstimateMatches(query)->unsure, found.unsure->Count());
    EXPECT_TRUE(found.unsure->Test(7));
    for (size_t row = 0; row < texts.size(); ++row) {
      const bool holds = texts[row].find(literal) != std::string::npos;
      EXPECT_TRUE(!holds || found.unsure->Test(row)) << "seed " << seed;
    }
  }
}

// One index with every kind of section.
std::pair<Spec, std::string> Rich(size_t rows) {
  const FieldSchema field = Field(DataType::kJson);
  Column column(field);
  for (size_t i = 0; i < rows; ++i) {
    const std::string number = i % 10 == 0 ? "9223372036854775807" : std::to_string(i / 3) + ".5";
    i % 7 == 3 ? column.AppendNull()
               : column.AppendVariable(i % 3 == 0 ? R"({"a":)" + number + "}" : R"({"a":")" + std::string(i % 5, 'x') + R"("})");
  }
  const Spec spec = SpecOf(field, "INVERTED", {{"json_path", R"(f["a"])"}, {"json_cast_type", "JSON"}});
  return {spec, BuildScalarIndex(spec, column, Context()).value()};
}

TEST(ScalarIndex, RefusesTruncatedAndFlippedFiles) {
  const auto [spec, bytes] = Rich(100);
  ASSERT_TRUE(Open(bytes, spec, 100).ok());
  EXPECT_FALSE(Open(bytes, spec, 101).ok());
  for (size_t length = 0; length < bytes.size(); ++length) {
    const auto opened = Open(bytes.substr(0, length), spec, 100);
    ASSERT_EQ(opened.status().code(), StatusCode::kDataLoss) << length;
    EXPECT_THAT(std::string(opened.status().message()), HasSubstr("index"));
  }
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    ASSERT_FALSE(Open(flipped, spec, 100).ok()) << at;
  }
}

// What a wrong writer might leave behind right checksums: refused, or an index that answers without reading outside.
TEST(ScalarIndex, SurvivesDamageBehindRightChecksums) {
  const auto [spec, bytes] = Rich(100);
  const uint64_t seed = std::random_device()();
  std::mt19937_64 random(seed);
  size_t refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    index::Reseal(damaged);
    const auto opened = Open(damaged, spec, 100);
    refused += opened.ok() ? 0 : 1;
    if (!opened.ok()) continue;
    EXPECT_LE((*opened)->Find(Between<double>(std::nullopt, true, 1e9, true)).matching.Count(), 100u) << "seed " << seed;
    EXPECT_LE((*opened)->Find(Between<std::string>(std::nullopt, true, std::nullopt, true)).matching.Count(), 100u);
  }
  EXPECT_GT(refused, 500u);
}

TEST(ScalarIndex, OpensFilesOfEveryRelease) {
  const std::string path = "tests/golden/scalar_index/json-1.sci";
  if (std::getenv("SAKER_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << Rich(40).second;
  std::ifstream file(path, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  const auto opened = Open(bytes, Rich(40).first, 40);
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_EQ(Rows((*opened)->Find(In<std::string>({"xx"})).matching), (std::vector<size_t>{2, 7, 22, 32, 37}));
  EXPECT_EQ(Rows(*(*opened)->Find(In<double>({2.5})).unsure), (std::vector<size_t>{0, 30}));
}

TEST(ScalarIndexSpec, SpeaksAsMilvusDoes) {
  const auto text = [](const FieldSchema& field, std::string_view type, const KeyValues& params = {}) {
    const auto spec = MakeSpec(field, type, params);
    return spec.ok() ? "" : std::string(spec.status().message());
  };
  FieldSchema key = Field(DataType::kInt64);
  key.is_primary_key = true;
  EXPECT_EQ(text(key, "BITMAP"), "create bitmap index on primary key not supported: invalid parameter");
  EXPECT_EQ(text(Field(DataType::kFloat), "BITMAP"),
            "bitmap index are only supported on bool, int, string and array field: invalid parameter");
  EXPECT_EQ(text(Field(DataType::kArray, DataType::kFloat), "BITMAP"),
            "bitmap index are only supported on bool, int, string for array field: invalid parameter");
  EXPECT_EQ(text(Field(DataType::kInt8), "TRIE"), "TRIE are only supported on varchar field: invalid parameter");
  EXPECT_EQ(text(Field(DataType::kBool), "STL_SORT"),
            "STL_SORT are only supported on numeric, varchar or timestamptz field: invalid parameter");
  EXPECT_EQ(text(Field(DataType::kVarChar), "NGRAM", {{"min_gram", "2"}}),
            "Ngram index must specify both min_gram and max_gram: missing parameter");
  EXPECT_EQ(text(Field(DataType::kVarChar), "NGRAM", {{"min_gram", "2.5"}, {"max_gram", "3"}}),
            "min_gram for Ngram index must be an integer, got: 2.5: invalid parameter");
  EXPECT_EQ(text(Field(DataType::kVarChar), "NGRAM", {{"min_gram", "4"}, {"max_gram", "3"}}),
            "invalid min_gram or max_gram value for Ngram index, min_gram: 4, max_gram: 3: invalid parameter");
  EXPECT_EQ(text(Field(DataType::kInt64), "NGRAM"), "ngram index can only be created on VARCHAR or JSON field: invalid parameter");
  const FieldSchema json = Field(DataType::kJson);
  EXPECT_EQ(text(json, "INVERTED", {{"json_path", "f"}}), "json index must specify cast type: missing parameter");
  EXPECT_THAT(text(json, "INVERTED", {{"json_path", "f"}, {"json_cast_type", "ARRAY_INT64"}}),
              HasSubstr("index params][json_cast_type][ARRAY_INT64] is not supported"));
  EXPECT_THAT(text(json, "NGRAM", {{"json_path", "f"}, {"json_cast_type", "DOUBLE"}, {"min_gram", "2"}, {"max_gram", "2"}}),
              HasSubstr("JSON field with ngram index only supports VARCHAR cast type, got: DOUBLE"));
  EXPECT_EQ(text(json, "INVERTED", {{"json_path", "f"}, {"json_cast_type", "DOUBLE"}, {"json_cast_function", "string_to_double"}}), "");
  EXPECT_EQ(text(Field(DataType::kVarChar), "RTREE"), "RTREE index can only be built on geometry field: invalid parameter");
  EXPECT_EQ(text(Field(DataType::kVarChar), "HYBRID"), "invalid index type: HYBRID: invalid parameter");
  EXPECT_EQ(MakeSpec(json, "INVERTED", {{"json_path", "f"}}).status().detail_code(),
            static_cast<int32_t>(MilvusErrorCode::kMissingParameter));
}

TEST(ScalarIndexSpec, PathsLoseTheFieldsNameAndKeepADynamicKey) {
  const auto names = [](std::string_view path, std::string_view field) {
    std::vector<std::string> out;
    const std::vector<PathKey> keys = ParsePath(path, field).value();
    for (const PathKey& key : keys) out.push_back(key.name);
    return out;
  };
  EXPECT_EQ(names(R"(meta["a"][0]['b\'c'])", "meta"), (std::vector<std::string>{"a", "0", "b'c"}));
  EXPECT_EQ(names("color", "$meta"), (std::vector<std::string>{"color"}));
  EXPECT_EQ(names(R"($meta["color"])", "$meta"), (std::vector<std::string>{"color"}));
  for (const char* bad : {"", "1a", "meta[", "meta[]", "meta['a", "meta['a'", "meta['a']b", "meta[99999999999999999999]"})
    EXPECT_FALSE(ParsePath(bad, "meta").ok()) << bad;
}

}  // namespace
}  // namespace saker::scalar_index
