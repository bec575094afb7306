// What expressions mean: the rows that they choose.
#include <limits>

#include <gtest/gtest.h>

#include "server/filter/test_rows.h"

namespace saker::filter {
namespace {

TEST(Filter, ComparesNumbers) {
  Check({{"id == 3", "3"},
         {"id != 3", "0124"},
         {"3 < id", "4"},
         {"id >= 0x2", "234"},
         {"id <= 0b10", "012"},
         {"id < 02", "01"},
         {"i8 == 300", ""},
         {"i8 != 300", "0123"},
         {"i8 < 300", "0123"},
         {"i8 > 300", ""},
         {"i8 > -300", "0123"},
         {"i8 == -128", "0"},
         {"f == 0.1", "0"},
         {"f == 1", ""},
         {"f < 1e300", "0123"},
         {"d == 0.1", "0"},
         {"d > 1", "34"},
         {"d >= 3", "34"},
         {"id == -9223372036854775808", ""},
         {"id > -9223372036854775808", "01234"},
         {"not (i8 == 10)", "013"},
         {"!(i8 > 0)", "01"},
         {"id == 1 || id == 2", "12"},
         {"id > 0 && id < 3", "12"},
         {"b == true", "02"},
         {"b != true", "13"},
         {"True == b", "02"}});
}

TEST(Filter, ComparesStringsAndRanges) {
  Check({{"s == 'apple'", "0"},
         {"s > \"apple\"", "13"},
         {"s != ''", "013"},
         {"s < 'b'", "02"},
         {"'apple' <= s < 'c'", "01"},
         {"0 < id <= 3", "123"},
         {"3 >= id > 0", "123"},
         {"0 < i8 < 1000", "23"},
         {"-0.5 <= f <= 0.5", "01"},
         {"0 < d < 1", "01"},
         {"0 <= j['a'] <= 2", "0"},
         {"0 <= j['a'] <= 3.5", "01"},
         {"'a' <= j['s'] < 'b'", "0"},
         {"0 < ai[0] < 5", "02"}});
}

TEST(Filter, FindsMembers) {
  Check({{"id in [1, 3, 3, 99]", "13"},
         {"id not in [1, 3]", "024"},
         {"id in []", ""},
         {"id not in []", "01234"},
         {"i8 not in []", "0123"},
         {"i8 in [127, 300]", "3"},
         {"s in ['apple', '']", "02"},
         {"s not in ['apple']", "123"},
         {"f in [0.1, 0.5]", "01"},
         {"d in [3]", "4"},
         {"b in [true]", "02"},
         {"b not in [true]", "13"},
         {"id in [1 + 1, 2 * 2, 0,]", "024"},
         {"id in [-1, -2 + 3]", "1"},
         {"j['a'] in [1, 2.5]", "01"},
         {"j['a'] in ['1']", "3"},
         {"j['a'] not in [1]", "123"},
         {"ai[0] in [1, 7]", "03"},
         {"ai[0] not in [1, 7]", "2"},
         {"not (id in [1])", "0234"}});
}

TEST(Filter, MatchesPatterns) {
  Check({{"s like 'app%'", "0"},
         {"s like '%an%'", "1"},
         {"s like '%e'", "0"},
         {"s like ''", "2"},
         {"s like '%'", "0123"},
         {"s like '___ 100\\\\%'", "3"},
         {"s like '___ 100\\%'", "3"},
         {"s like 'b%n_'", "1"},
         {"not s like 'a%'", "123"},
         {"s like '日%'", "3"},
         {"j['s'] like 'a_c'", "0"},
         {"as[0] like 'x%'", "03"},
         {"starts_with(s, 'ban')", "1"},
         {"empty(s)", "2"},
         {"color like '%e%'", "01"}});
}

TEST(Filter, MatchesRegularExpressions) {
  Check({{"s =~ 'p+l'", "0"},
         {"s =~ '^b.n'", "1"},
         {"s =~ '^an'", ""},
         {"s =~ ''", "0123"},
         {"s =~ r'100\\%$'", "3"},
         {"s =~ '(?i)APPLE|banana'", "01"},
         {"s =~ '^日'", "3"},
         {"s !~ 'an'", "023"},
         {"not s =~ 'an'", "023"},
         {"not (s !~ 'an')", "1"},
         {"s =~ 'a' and s !~ '^b'", "0"},
         {"j['s'] =~ '^a.c$'", "0"},
         {"j['s'] !~ '^a.c$'", "123"},
         {"as[0] =~ '^x'", "03"},
         {"color =~ 'e'", "01"}});
}

TEST(Filter, ReadsJson) {
  Check({{"j['a'] == 1", "0"},
         {"j['a'] == 1.0", "0"},
         {"j['a'] != 1", "123"},
         {"j['a'] == '1'", "3"},
         {"j['a'] > 1", "1"},
         {"j['o']['k'][1] == 20", "0"},
         {"j['o']['k']['0'] == 10", "0"},
         {"j['l'][0] == 1", "0"},
         {"j['b'] == true", "0"},
         {"j['big'] == 9007199254740993", "3"},
         {"j['big'] == 9007199254740992", ""},
         {"not (j['a'] == 1)", "123"},
         {"j['a'] + 1 == 2", "0"},
         {"j['a'] * 2 == 5", "1"},
         {"j['a'] % 2 == 1", "0"},
         {"j['a'] + 1 != 2", "123"},
         {"j['l'] == [1, 'x', [2, 3]]", "0"},
         {"j['l'] != [1]", "0123"},
         {"j is null", "4"},
         {"j is not null", "0123"},
         {"j['a'] is null", "24"},
         {"j['n'] is null", "01234"},
         {"j['a'] is not null", "013"},
         {"exists j['a']", "013"},
         {"exists j['n']", ""},
         {"exists j['e']", ""},
         {"exists j['o']", "0"},
         {"not exists j['o']", "123"},
         {"exists j['l']", "01"},
         {"j['missing'] < 1", ""},
         {"j == 1", ""},
         {"j != 1", "0123"}});
}

TEST(Filter, ReadsDynamicFields) {
  Check({{"color == 'red'", "0"},
         {"$meta['color'] == 'blue'", "1"},
         {"n > 1", "1"},
         {"n is null", "234"},
         {"exists n", "01"},
         {"颜色 == '红'", "2"},
         {"color in ['red', 'blue']", "01"},
         {"n + 1 == 3", "1"},
         {"nothing == 1", ""},
         {"nothing != 1", "01234"},
         {"nothing['x'][0] == 1", ""}});
}

TEST(Filter, LooksIntoArrays) {
  Check({{"array_contains(ai, 3)", "02"},
         {"json_contains(ai, 3.0)", "02"},
         {"ARRAY_CONTAINS_ALL(ai, [1, 2])", "0"},
         {"array_contains_any(ai, [2, 7])", "03"},
         {"array_contains_all(ai, [])", "0123"},
         {"array_contains_any(ai, [])", ""},
         {"array_length(ai) == 2", "3"},
         {"array_length(ai) >= 1", "023"},
         {"0 < array_length(ai)", "023"},
         {"ai[0] == 1", "0"},
         {"ai[1] == 2", "0"},
         {"ai[1] != 2", "3"},
         {"ai[0] + 1 == 8", "3"},
         {"ai == [3]", "2"},
         {"ai != [3]", "013"},
         {"ai is null", "4"},
         {"ai[1] is null", "124"},
         {"array_contains(as, 'y')", "02"},
         {"as[0] == 'xyz'", "3"},
         {"array_contains(af, 0.1)", "04"},
         {"af[0] == 0.1", "04"},
         {"json_contains(j['l'], 'x')", "0"},
         {"json_contains(j['l'], [2, 3])", "0"},
         {"json_contains_all(j['l'], [1, 'x', [2, 3]])", "0"},
         {"json_contains_any(j['l'], [9, 1.0])", "0"},
         {"array_length(j['l']) == 3", "0"},
         {"array_length(j['l']) != 3", "123"},
         {"not json_contains(j['l'], 1)", "123"}});
}

TEST(Filter, ComputesExactly) {
  Check({{"id + 1 == 3", "2"},
         {"1 + id == 3", "2"},
         {"id - 1 > 2", "4"},
         {"id * 2 == 6", "3"},
         {"2 * id >= 6", "34"},
         {"id / 2 == 1", "23"},
         {"id % 2 == 1", "13"},
         {"i32 % 3 == -1", "0"},
         {"i32 / -2 == 3", "0"},
         {"i32 + 1 > 2147483647", "3"},
         {"i32 * 4611686018427387904 > 0", "23"},
         {"i8 - 1 == -129", "0"},
         {"f * 2 == 0.2", "0"},
         {"d / 2 == 0.25", "1"},
         {"d + 1 == 4", "4"},
         {"id == 1 + 2 * 1", "3"},
         {"d == 2 ** 0 + 2", "4"},
         {"id == 7 / 2", "3"},
         {"id == 7 % 4", "3"},
         {"id == -(-3)", "3"},
         {"i32 % -1 == 0", "0123"}});
}

TEST(Filter, ComparesFields) {
  Check({{"f == d", "123"},
         {"f > d", "0"},
         {"id > i8", "01"},
         {"id == id", "01234"},
         {"i32 == i8", "12"},
         {"s < tenant", "2"},
         {"i8 != i8", ""}});
}

TEST(Filter, KnowsThreeTruthValues) {
  Check({{"i8 == 10 or id == 4", "24"},
         {"i8 == 10 or i8 != 10", "0123"},
         {"i8 == 10 and id == 4", ""},
         {"not (i8 == 10 and id == 4)", "0123"},
         {"not (i8 == 10 and id == 9)", "01234"},
         {"i8 is null", "4"},
         {"i8 IS NOT NULL", "0123"},
         {"not i8 is null", "0123"},
         {"id is null", ""},
         {"i8 is null or b == true", "024"}});
}

TEST(Filter, MissingColumnsReadAsDefaultOrNull) {
  Check({{"added == 1", ""},
         {"added != 1", ""},
         {"added is null", "01234"},
         {"added_default == 'none'", "01234"},
         {"added_default is null", ""}});
}

TEST(Filter, FoldsConstants) {
  const CollectionSchema schema = Schema();
  for (const char* text : {"", "  \n", "true", "1 < 2", "not false", "id not in []", "1 == 1 or id == 3", "'a' < 'b'"}) {
    const auto filter = Filter::Compile(text, schema);
    ASSERT_TRUE(filter.ok()) << text;
    EXPECT_TRUE((*filter)->always_true()) << text;
    EXPECT_EQ(Chosen(text), "01234") << text;
  }
  EXPECT_FALSE((*Filter::Compile("false", schema))->always_true());
  EXPECT_FALSE((*Filter::Compile("i8 not in []", schema))->always_true());
  Check({{"false", ""},
         {"true and id == 1", "1"},
         {"false or id == 1", "1"},
         {"false and j['x'] == 1", ""},
         {"1 > 2 or (true and id < 2)", "01"}});
}

TEST(Filter, FillsTemplates) {
  using Value = TemplateValue;
  const Templates templates = {{"x", Value{int64_t{2}}},
                               {"list", Value{Value::List{Value{int64_t{1}}, Value{int64_t{3}}}}},
                               {"text", Value{std::string("apple")}},
                               {"mixed", Value{Value::List{Value{Json{"1"}}, Value{Json{"[2,3]"}}}}},
                               {"half", Value{0.5}}};
  EXPECT_EQ(Chosen("id == {x}", templates), "2");
  EXPECT_EQ(Chosen("id in {list}", templates), "13");
  EXPECT_EQ(Chosen("s == {text}", templates), "0");
  EXPECT_EQ(Chosen("json_contains_all(j['l'], {mixed})", templates), "0");
  EXPECT_EQ(Chosen("{x} < id and d > {half}", templates), "34");
  EXPECT_EQ(Detail("id == {y}", templates), "the value of expression template variable name {y} is not found");
  EXPECT_EQ(Detail("id in {x}", templates), "the value of term expression template variable {x} is not array");
  EXPECT_EQ(Detail("id == {half}", templates), "cannot cast value to Int64, value: float_val:0.5");
}

TEST(Filter, ReadsEveryFormOfLiteral) {
  Check({{"d == 1e-1", "0"},
         {"d == .5", "1"},
         {"d == 3.", "4"},
         {"d == 0x1.8p1", "4"},
         {"d == 5e-1", "1"},
         {"s == u8'apple'", "0"},
         {"s == '\\x61pple'", "0"},
         {"s == '\\141pple'", "0"},
         {"s == '\\u65e5本語 100%'", "3"},
         {"s == r'apple'", "0"},
         {"s != r'\\q'", "0123"},
         {"id == 0b11", "3"},
         {"id == 0X3", "3"},
         {"id == 03", "3"},
         {"id == +3", "3"},
         {"id IN [3] AND TRUE", "3"}});
}

TEST(Filter, NamesItsFieldsAndKeys) {
  const CollectionSchema schema = Schema();
  const auto compile = [&](std::string_view text) { return *Filter::Compile(text, schema); };
  EXPECT_EQ(compile("id in [3, 1, 3]")->exact_primary_keys()->ints, (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(compile("(id == 7)")->exact_primary_keys()->ints, (std::vector<int64_t>{7}));
  EXPECT_EQ(compile("id != 7")->exact_primary_keys(), nullptr);
  EXPECT_EQ(compile("id not in [7]")->exact_primary_keys(), nullptr);
  EXPECT_EQ(compile("id == 7 and s == 'a'")->exact_primary_keys(), nullptr);
  EXPECT_EQ(compile("i8 == 7")->exact_primary_keys(), nullptr);
  EXPECT_EQ(compile("id in []")->exact_primary_keys()->size(), 0u);
  EXPECT_EQ(compile("s == 'a' and (tenant in ['x', 'y'] and id > 3)")->partition_key_values()->size(), 2u);
  EXPECT_EQ((*compile("tenant == 'x'")->partition_key_values())[0], ScalarValue(std::string("x")));
  EXPECT_EQ(compile("tenant == 'x' or id == 1")->partition_key_values(), nullptr);
  EXPECT_EQ(compile("not (tenant == 'x')")->partition_key_values(), nullptr);
  EXPECT_EQ(compile("s == 'a' and id > 1 and color == 'r' and s != 'b'")->field_ids(), (std::vector<int64_t>{104, 100, 120}));
}

TEST(Filter, RandomSampleIsRepeatableAndGrowsWithItsShare) {
  const CollectionSchema schema = Schema();
  RowBatch rows;
  rows.row_count = 100'000;
  rows.field_ids = {100};
  rows.columns.emplace_back(schema.fields[0]);
  for (int64_t i = 0; i < 100'000; ++i) rows.columns[0].AppendFixed(&i);
  const auto chosen = [&](std::string_view text, uint64_t seed) {
    return *(*Filter::Compile(text, schema, {}, seed))->Evaluate(rows, Context());
  };
  const index::Bitset tenth = chosen("random_sample(0.1)", 1);
  EXPECT_NEAR(static_cast<double>(tenth.Count()), 10'000, 500);
  index::Bitset again = chosen("random_sample(0.1)", 1);
  again.AndNot(tenth);
  EXPECT_EQ(again.Count(), 0u);
  index::Bitset rest = tenth;
  rest.AndNot(chosen("random_sample(0.3)", 1));
  EXPECT_EQ(rest.Count(), 0u);
  EXPECT_NEAR(static_cast<double>(chosen("id < 50000 and random_sample(0.5)", 2).Count()), 25'000, 1000);
  index::Bitset both = tenth;
  both.And(chosen("random_sample(0.1)", 2));
  EXPECT_NEAR(static_cast<double>(both.Count()), 1000, 200);
}

TEST(Filter, TheCacheKeyNamesAllThatDecidesTheRows) {
  CollectionSchema schema = Schema();
  const auto key = [&](const std::string& text, const Templates& templates = {}) {
    const auto filter = Filter::Compile(text, schema, templates);
    EXPECT_TRUE(filter.ok()) << filter.status().message();
    return (*filter)->cache_key();
  };
  EXPECT_EQ(key("id == 1"), key("id == 1"));
  EXPECT_NE(key("id == 1"), key("id == 2"));
  EXPECT_NE(key("id in {x}", {{"x", {TemplateValue::List{{int64_t{1}}, {int64_t{2}}}}}}),
            key("id in {x}", {{"x", {TemplateValue::List{{int64_t{12}}}}}}));
  EXPECT_EQ(key("id == 1 and random_sample(0.5)"), "") << "another draw each time";
  EXPECT_EQ(key("id == 1 or id in [1" + std::string(5000, ' ') + "]"), "") << "too long to be kept";
  const std::string before = key("id == 1");
  ++schema.version;
  EXPECT_NE(key("id == 1"), before) << "a new field may change what a name means";
}

}  // namespace
}  // namespace saker::filter
