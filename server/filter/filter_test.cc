#include "server/filter/filter.h"

#include <ctime>
#include <limits>

#include <gtest/gtest.h>

#include "server/filter/like.h"
#include "server/schema/error.h"

namespace saker::filter {
namespace {

FieldSchema Field(int64_t id, std::string name, DataType type, bool nullable = false, DataType element = DataType::kNone) {
  FieldSchema field;
  field.id = id;
  field.name = std::move(name);
  field.type = type;
  field.element_type = element;
  field.nullable = nullable;
  field.dim = type == DataType::kFloatVector ? 2 : 0;
  return field;
}

CollectionSchema Schema(bool dynamic = true) {
  CollectionSchema schema;
  schema.fields = {
      Field(100, "id", DataType::kInt64),
      Field(101, "i8", DataType::kInt8, true),
      Field(102, "f", DataType::kFloat, true),
      Field(103, "d", DataType::kDouble),
      Field(104, "s", DataType::kVarChar, true),
      Field(105, "b", DataType::kBool, true),
      Field(106, "ai", DataType::kArray, true, DataType::kInt32),
      Field(107, "as", DataType::kArray, false, DataType::kVarChar),
      Field(108, "j", DataType::kJson, true),
      Field(109, "v", DataType::kFloatVector),
      Field(110, "i32", DataType::kInt32, true),
      Field(111, "tenant", DataType::kVarChar),
      Field(112, "added", DataType::kInt64, true),
      Field(113, "added_default", DataType::kVarChar, true),
      Field(114, "af", DataType::kArray, false, DataType::kFloat),
      Field(115, "ts", DataType::kTimestamptz),
  };
  schema.fields[0].is_primary_key = true;
  schema.fields[11].is_partition_key = true;
  schema.fields[13].default_value = std::string("none");
  schema.fields[4].type_params = {{"enable_match", "true"}};
  schema.enable_dynamic_field = dynamic;
  if (dynamic) {
    schema.fields.push_back(Field(120, "$meta", DataType::kJson));
    schema.fields.back().is_dynamic = true;
  }
  return schema;
}

template <typename T>
Column Fixed(const FieldSchema& field, std::vector<std::optional<T>> values) {
  Column column(field);
  for (const auto& value : values) {
    if (value.has_value()) {
      const T stored = *value;
      column.AppendFixed(&stored);
    } else {
      column.AppendNull();
    }
  }
  return column;
}

Column Texts(const FieldSchema& field, std::vector<std::optional<std::string>> values) {
  Column column(field);
  for (const auto& value : values) value.has_value() ? column.AppendVariable(*value) : column.AppendNull();
  return column;
}

std::string Ints(std::vector<int64_t> values, DataType type = DataType::kInt32) {
  ArrayBuilder builder(type);
  for (const int64_t value : values) builder.AddInteger(value);
  return builder.Finish();
}

std::string Strings(std::vector<std::string> values) {
  ArrayBuilder builder(DataType::kVarChar);
  for (const std::string& value : values) builder.AddString(value);
  return builder.Finish();
}

std::string Floats(std::vector<double> values) {
  ArrayBuilder builder(DataType::kFloat);
  for (const double value : values) builder.AddNumber(value);
  return builder.Finish();
}

// Five rows; row 4 is null wherever it may be.
RowBatch Rows(const CollectionSchema& schema) {
  const auto field = [&](std::string_view name) -> const FieldSchema& { return *schema.Find(name); };
  RowBatch rows;
  rows.row_count = 5;
  const auto add = [&](std::string_view name, Column column) {
    rows.field_ids.push_back(field(name).id);
    rows.columns.push_back(std::move(column));
  };
  add("id", Fixed<int64_t>(field("id"), {0, 1, 2, 3, 4}));
  add("i8", Fixed<int8_t>(field("i8"), {-128, 0, 10, 127, std::nullopt}));
  add("f", Fixed<float>(field("f"), {0.1F, 0.5F, -2.F, 1e10F, std::nullopt}));
  add("d", Fixed<double>(field("d"), {0.1, 0.5, -2., 1e10, 3.}));
  add("s", Texts(field("s"), {"apple", "banana", "", "日本語 100%", std::nullopt}));
  add("b", Fixed<uint8_t>(field("b"), {1, 0, 1, 0, std::nullopt}));
  add("ai", Texts(field("ai"), {Ints({1, 2, 3}), Ints({}), Ints({3}), Ints({7, 7}), std::nullopt}));
  add("as", Texts(field("as"), {Strings({"x", "y"}), Strings({}), Strings({"y"}), Strings({"xyz"}), Strings({"q"})}));
  add("j", Texts(field("j"), {R"({"a":1,"s":"abc","l":[1,"x",[2,3]],"n":null,"o":{"k":[10,20]},"e":{"e":[{},null]},"b":true})",
                              R"({"a":2.5,"s":7,"l":5,"o":{}})", R"({})", R"({"a":"1","l":[],"big":9007199254740993})", std::nullopt}));
  add("i32", Fixed<int32_t>(field("i32"), {-7, 0, 10, 2147483647, std::nullopt}));
  add("tenant", Texts(field("tenant"), {"a", "b", "a", "c", "d"}));
  add("af", Texts(field("af"), {Floats({0.1, 0.2}), Floats({}), Floats({1}), Floats({2, 3}), Floats({0.1})}));
  add("ts", Fixed<int64_t>(field("ts"), {0, 0, 0, 0, 0}));
  if (schema.enable_dynamic_field) {
    add("$meta",
        Texts(field("$meta"), {R"({"color":"red","n":1})", R"({"color":"blue","n":2})", R"({"颜色":"红"})", R"({"n":null})", "{}"}));
  }
  return rows;
}

std::string Chosen(std::string_view text, const Templates& templates = {}) {
  const CollectionSchema schema = Schema();
  const auto filter = Filter::Compile(text, schema, templates);
  if (!filter.ok()) return filter.status().message();
  const auto bits = (*filter)->Evaluate(Rows(schema), Context());
  if (!bits.ok()) return bits.status().message();
  std::string out;
  bits->ForEach([&](size_t row) { out += std::to_string(row); });
  return out;
}

std::string Detail(std::string_view text, const Templates& templates = {}) {
  const auto filter = Filter::Compile(text, Schema(false), templates);
  if (filter.ok()) return "accepted";
  EXPECT_EQ(MilvusCode(filter.status()), 1100);
  const std::string prefix = "cannot parse expression: " + std::string(text) + ", error: ";
  const std::string suffix = ": invalid parameter";
  const std::string& message = filter.status().message();
  EXPECT_TRUE(message.starts_with(prefix) && message.ends_with(suffix)) << message;
  return message.substr(prefix.size(), message.size() - prefix.size() - suffix.size());
}

struct Case {
  const char* text;
  const char* rows;
};

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(Chosen(c.text), c.rows) << c.text;
}

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

TEST(Filter, RefusesWithMilvusWords) {
  const std::vector<Case> cases = {
      {"price > 1e400", "line 1:8 number out of range: 1e400"},
      {"id == 1.5", "cannot cast value to Int64, value: float_val:1.5"},
      {"id in [1, 1.5]", "value 'float_val:1.5' in list cannot be casted to Int64"},
      {"id in ['a']", "value 'string_val:\"a\"' in list cannot be casted to Int64"},
      {"0 < id < 1.5", "invalid range operations: cannot cast value to Int64, value: float_val:1.5"},
      {"5 < id < 1", "invalid range: lowerbound is greater than upperbound"},
      {"id == 'a'", "comparisons between Int64 and VarChar are not supported"},
      {"b == 1", "comparisons between Bool and Int64 are not supported"},
      {"v == 1", "comparisons between FloatVector and Int64 are not supported"},
      {"s > id", "comparisons between VarChar and Int64 are not supported"},
      {"color == 1", "field color not exist"},
      {"$meta['a'] == 1", "field $meta not exist"},
      {"b", "predicate is not a boolean expression: b, data type: Bool"},
      {"id + 1", "predicate is not a boolean expression: id + 1, data type: Int64"},
      {"1", "predicate is not a boolean expression: 1, data type: Int64"},
      {"b and id == 1", "'and' can only be used between boolean expressions"},
      {"id == 1 or 1", "'or' can only be used between boolean expressions"},
      {"not id in [1]", "'not' can only be applied on boolean expression"},
      {"not id == 1", "'not' can only be applied on boolean expression"},
      {"j['a'] == j['b']", "two column comparison with JSON type is not supported"},
      {"ai == id", "can not comparisons array fields directly"},
      {"ai == 1", "can not comparisons array fields directly"},
      {"id + i8 == 1", "not supported to do arithmetic operations between multiple fields"},
      {"id + 1 + 1 == 3", "complicated arithmetic operations are not supported"},
      {"f % 2 == 1", "modulo can only apply on integer types"},
      {"id % 1.5 == 1", "modulo can only apply on integer types"},
      {"id / 0 == 1", "division or modulus by zero"},
      {"id == 1 / 0", "cannot divide by zero"},
      {"id == 1 % 0", "cannot modulo by zero"},
      {"id + 1.5 == 2", "cannot cast value to Int64, value: float_val:1.5"},
      {"id == 9223372036854775807 + 1", "integer overflow in 9223372036854775807 + 1"},
      {"id | 1 == 1", "BitOr is not supported"},
      {"id & 1", "BitAnd is not supported"},
      {"id ^ 1", "BitXor is not supported"},
      {"id << 1 == 2", "shift is not supported"},
      {"id in 5", "the right-hand side of 'in' must be a list, but got: 5"},
      {"1 in [1]", "'term' can only be used on non-const expression: 1 in [1]"},
      {"id + 1 in [1]", "'term' can only be used on single field, but got: id + 1 in [1]"},
      {"id like 'a'", "like operation on non-string or no-json field is unsupported"},
      {"exists id", "exists operations are only supported on json fields now, got: exists id"},
      {"exists j", "exists operations are only supported on json key"},
      {"v is null", "is null and is not null are not supported on vector fields, got: v is null"},
      {"s['a'] == 1", "VarChar data type not supported accessed with []"},
      {"ai['a'] == 1", "can only access array field with integer index, but got: ai['a']"},
      {"json_contains(id, 1)", "contains operation are only supported on json or array fields now, got: json_contains(id, 1)"},
      {"json_contains_any(j['a'], 1)", "ContainsAny operation element must be an array"},
      {"array_contains(ai, 'a')", "Contains operation can't compare between array element type: Int32 and VarChar"},
      {"array_length(id) == 1", "array_length operation are only supported on json or array fields now, got: array_length(id)"},
      {"(id == 1) == true", "comparison operations cannot be applied to two incompatible operands: (id == 1) == true"},
      {"text_match(tenant, 'a')", "field \"tenant\" does not enable match"},
      {"text_match(id, 'a')", "text match operation on non-string is unsupported"},
      {"phrase_match(j[\"a\"], 'a')", "phrase match operation on non-string is unsupported"},
      {"text_match(s)", "text_match takes a field and a string, got: text_match(s)"},
      {"text_match(s, 1)", "text_match takes a string, got: 1"},
      {"text_match(s, 'a', 2)", "text_match has no option 2, it is minimum_should_match=<number>"},
      {"text_match(s, 'a', slop=2)", "text_match has no option slop, it is minimum_should_match=<number>"},
      {"text_match(s, 'a', minimum_should_match='x')", "minimum_should_match should be a const integer expression"},
      {"text_match(s, 'a', minimum_should_match=0)", "minimum_should_match should be >= 1, got 0"},
      {"text_match(s, 'a', minimum_should_match=1001)", "minimum_should_match should be <= 1000, got 1001"},
      {"phrase_match(s, 'a b', -1)", "\"slop\" should not be a negative interger. \"slop\" passed: -1"},
      {"phrase_match(s, 'a b', 4294967296)", "\"slop\" exceeds the range of \"uint32\". \"slop\" expression passed: 4294967296"},
      {"phrase_match(s, 'a b', 1.5)",
       "\"slop\" should be a const integer expression with \"uint32\" value. \"slop\" expression passed: 1.5"},
      {"st_within(j, 'POINT(1 1)')", "geometry functions (st_within) are not supported"},
      {"ts > iso '2025-01-01T00:00:00Z'", "timestamptz expressions (iso, interval) are not supported"},
      {"ts == 1", "comparisons between Timestamptz and Int64 are not supported"},
      {"element_filter(s, id == 1)", "struct functions (element_filter) are not supported"},
      {"st[sub] == 1", "struct fields (st[sub]) are not supported"},
      {"nothing(id)", "function nothing not found"},
      {"s =~ 'a(b'", "the regular expression 'a(b' is not valid: missing ): a(b"},
      {"s !~ '(?=a)'", "the regular expression '(?=a)' is not valid: invalid perl operator: (?="},
      {"s =~ 5", "the right-hand side of '=~' must be a string, but got: 5"},
      {"id !~ '5'", "!~ operation on non-string or no-json field is unsupported"},
      {"random_sample(1.5)", "the sample factor should be between 0 and 1, but got: 1.5"},
      {"random_sample(0.5) and id == 1", "random sample expression can only be the last expression in the logical and expression"},
      {"id == 1 or random_sample(0.5)", "random sample expression can only be the last expression in the logical and expression"},
      {"not random_sample(0.5)", "random sample expression can only be the last expression in the logical and expression"},
  };
  for (const Case& c : cases) EXPECT_EQ(Detail(c.text), c.rows) << c.text;
}

TEST(Filter, RefusesBrokenTexts) {
  for (const char* text : {"id ==",
                           "id == 1 and",
                           "(id == 1",
                           "id == 1)",
                           "id == 08",
                           "id == 1abc",
                           "id == 0x",
                           "id == 1..2",
                           "s == 'a",
                           "s == 'a\\q'",
                           "id in [1",
                           "id in [1 2]",
                           "id in [,]",
                           "id not like 'a'",
                           "And",
                           "id == 1 And id == 2",
                           "s == \"\\xff\"",
                           "id == 9223372036854775808",
                           "id in [9223372036854775808]",
                           "id == 1e999",
                           "$x == 1",
                           "id is  null",
                           "i8 Is Null",
                           "id # 1",
                           "j[1.5] == 1",
                           "j[] == 1",
                           "{1} == 2",
                           "f(",
                           "id == 1;",
                           "s == '\\ud800'"}) {
    EXPECT_NE(Detail(text), "accepted") << text;
  }
  EXPECT_EQ(Detail("id == 1 )"), "line 1:8 mismatched input ')' expecting an operator or the end");
  EXPECT_EQ(Detail("id ==\n ,"), "line 2:1 mismatched input ',' expecting a value, a field or '('");
  EXPECT_FALSE(Filter::Compile("id == \xff", Schema()).ok());
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

TEST(Filter, BoundsDepthAndNodes) {
  const std::string deep(10'000, '(');
  EXPECT_NE(Filter::Compile(deep + "id == 1", Schema()).status().message().find("nested deeper than 64"), std::string::npos);
  std::string nots;
  for (int i = 0; i < 10'000; ++i) nots += "not ";
  EXPECT_FALSE(Filter::Compile(nots + "(id == 1)", Schema()).ok());
  EXPECT_FALSE(Filter::Compile("id in " + std::string(10'000, '['), Schema()).ok());
  EXPECT_FALSE(Filter::Compile(std::string(100'000, '-') + "1 == id", Schema()).ok());
  std::string sum = "id == 1";
  for (int i = 0; i < 200; ++i) sum += " + 1";
  EXPECT_FALSE(Filter::Compile(sum, Schema()).ok());
  std::string exists;
  for (int i = 0; i < 10'000; ++i) exists += "exists ";
  EXPECT_FALSE(Filter::Compile(exists + "j['a']", Schema()).ok());
  std::string chain = "id == 0";
  for (int i = 1; i < 2000; ++i) chain += " or id == " + std::to_string(i);
  EXPECT_TRUE(Filter::Compile(chain, Schema()).ok());
  for (int i = 0; i < 3000; ++i) chain += " or id == " + std::to_string(i);
  EXPECT_NE(Filter::Compile(chain, Schema()).status().message().find("more than 4096"), std::string::npos);
  EXPECT_FALSE(Filter::Compile(std::string((16 << 20) + 1, ' '), Schema()).ok());
  EXPECT_EQ(Chosen(std::string(50, '(') + "id == 1" + std::string(50, ')')), "1");
}

TEST(Filter, ParsesLongListsFast) {
  std::string text = "id in [";
  while (text.size() < 1'000'000) text += std::to_string(text.size() * 7919) + ", ";
  text += "3]";
  std::clock_t took = std::numeric_limits<std::clock_t>::max();  // of the processor: others may be using the machine
  auto filter = Filter::Compile("", Schema());
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::clock_t begin = std::clock();
    filter = Filter::Compile(text, Schema());
    took = std::min(took, std::clock() - begin);
  }
  ASSERT_TRUE(filter.ok());
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(took * 1000 / CLOCKS_PER_SEC, 100);
#endif
  EXPECT_EQ((*filter)->exact_primary_keys()->ints.back(), 3);
  EXPECT_EQ((*filter)->Evaluate(Rows(Schema()), Context())->Count(), 1u);
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

TEST(Filter, StopsWhenTheRequestEnds) {
  const CollectionSchema schema = Schema();
  Context context;
  context.Cancel();
  EXPECT_EQ((*Filter::Compile("id == 1", schema))->Evaluate(Rows(schema), context).status().code(), StatusCode::kCancelled);
}

TEST(Filter, RefusesColumnsOfOtherTypes) {
  const CollectionSchema schema = Schema();
  RowBatch rows = Rows(schema);
  rows.columns[0] = Column(DataType::kInt32, DataType::kNone, 4);
  EXPECT_EQ((*Filter::Compile("id == 1", schema))->Evaluate(rows, Context()).status().code(), StatusCode::kInternal);
}

TEST(Like, AgreesWithASimpleMatcher) {
  // Characters by recursion, the definition.
  const auto simple = [](const auto& self, std::string_view p, std::string_view t) -> bool {
    if (p.empty()) return t.empty();
    if (p[0] == '%') return self(self, p.substr(1), t) || (!t.empty() && self(self, p, t.substr(1)));
    if (t.empty()) return false;
    size_t n = 1;
    while (p[0] == '_' && n < t.size() && (static_cast<uint8_t>(t[n]) & 0xC0) == 0x80) ++n;
    return (p[0] == '_' || p[0] == t[0]) && self(self, p.substr(1), t.substr(n));
  };
  uint64_t state = 12345;
  const auto next = [&state](uint64_t n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % n;
  };
  const char* letters[] = {"a", "b", "é", "a"};
  const char* signs[] = {"a", "b", "é", "%", "_", "%"};
  int matches = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    std::string pattern;
    for (uint64_t n = next(9); n > 0; --n) text += letters[next(4)];
    for (uint64_t n = next(7); n > 0; --n) pattern += signs[next(6)];
    const bool expected = simple(simple, pattern, text);
    matches += expected ? 1 : 0;
    ASSERT_EQ(LikeMatcher::Compile(pattern)->Matches(text), expected) << pattern << " on " << text;
  }
  EXPECT_GT(matches, 5000);
}

TEST(Like, StaysLinearOnHostilePatterns) {
  const std::string text(60'000, 'a');
  std::string pattern = "%";
  for (int i = 0; i < 30; ++i) pattern += std::string(15, 'a') + "_" + std::string(15, 'a') + "b%";
  const LikeMatcher hostile = *LikeMatcher::Compile(pattern);
  EXPECT_FALSE(hostile.Matches(text));
  const LikeMatcher plain = *LikeMatcher::Compile("%" + std::string(30'000, 'a') + "b%");
  EXPECT_FALSE(plain.Matches(text));
  EXPECT_FALSE(LikeMatcher::Compile("%_" + std::string(2000, 'a') + "%").ok());
  EXPECT_FALSE(LikeMatcher::Compile(std::string(70'000, 'a')).ok());
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

TEST(Like, TellsAnIndexWhatEveryMatchHolds) {
  const auto parts = [](const char* pattern) {
    const LikeMatcher matcher = *LikeMatcher::Compile(pattern);
    std::string out =
        matcher.whole_text() != nullptr ? "=" + *matcher.whole_text() : matcher.prefix() + (matcher.only_prefix() ? "*" : "?");
    for (const std::string& literal : matcher.literals()) out += "," + literal;
    return out;
  };
  EXPECT_EQ(parts("abc"), "=abc,abc");
  EXPECT_EQ(parts("abc%"), "abc*,abc");
  EXPECT_EQ(parts("%abc%"), "?,abc");
  EXPECT_EQ(parts("ab%c_d"), "ab?,ab,c,d");
  EXPECT_EQ(parts("_ab%"), "?,ab");
  EXPECT_EQ(parts("%"), "*,");
}

}  // namespace
}  // namespace saker::filter
