// Names, schemas, parameters, conversions: everything that needs no shard.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "server/proxy/columns.h"
#include "server/proxy/index_rules.h"
#include "server/proxy/names.h"
#include "server/proxy/projection.h"
#include "server/proxy/rank.h"
#include "server/proxy/rescore.h"
#include "server/proxy/routing.h"
#include "server/proxy/schema_rules.h"
#include "server/proxy/search_params.h"
#include "server/proxy/test_requests.h"
#include "server/proxy/vectors.h"

namespace saker::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Names, AreRefusedWithMilvusTexts) {
  EXPECT_TRUE(CheckCollectionName("_a1").ok());
  EXPECT_THAT(CheckCollectionName("").message(), HasSubstr("collection name should not be empty"));
  EXPECT_THAT(CheckCollectionName("1a").message(),
              HasSubstr("Invalid collection name: 1a. the first character of a collection name must be an underscore or letter"));
  EXPECT_THAT(CheckCollectionName("a-b").message(), HasSubstr("collection name can only contain numbers, letters and underscores"));
  EXPECT_THAT(CheckCollectionName(std::string(256, 'a')).message(),
              HasSubstr("the length of a collection name must be less than 255 characters"));
  EXPECT_EQ(CheckDatabaseName("a b").detail_code(), 802);
  EXPECT_TRUE(CheckPartitionName("1-a").ok());
  EXPECT_THAT(CheckFieldName("a.b").message(), HasSubstr("Field name can only contain numbers, letters, and underscores."));
  EXPECT_THAT(CheckFieldName("in").message(), HasSubstr("in is keyword in milvus."));
}

struct BadSchema {
  const char* text;
  std::function<void(CollectionSchema*)> spoil;
};

TEST(SchemaRules, EachRuleHasItsText) {
  const std::vector<BadSchema> cases = {
      {"primary key is not specified", [](auto* s) { s->fields[0].is_primary_key = false; }},
      {"there are more than one primary key", [](auto* s) { s->fields.push_back(KeyField("other")); }},
      {"the data type of primary key should be Int64 or VarChar", [](auto* s) { s->fields[0].type = DataType::kInt32; }},
      {"primary field not support null", [](auto* s) { s->fields[0].nullable = true; }},
      {"primary field not support default_value", [](auto* s) { s->fields[0].default_value = int64_t{1}; }},
      {"schema does not contain vector field", [](auto* s) { s->fields.erase(s->fields.begin() + 1); }},
      {"duplicated field name", [](auto* s) { s->fields[2].name = "word"; }},
      {"invalid dimension: 1 of field vector. float vector dimension should be in range 2 ~ 32768",
       [](auto* s) {
         s->fields[1].type_params = {{"dim", "1"}};
       }},
      {"should be in range 2 ~ 32768",
       [](auto* s) {
         s->fields[1].type_params = {{"dim", "32769"}};
       }},
      {"duplicated type param key of field vector: dim",
       [](auto* s) {
         s->fields[1].type_params = {{"dim", "2"}, {"dim", "4"}};
       }},
      {"binary vector dimension should be multiple of 8.", [](auto* s) { s->fields[1].type = DataType::kBinaryVector; }},
      {"dimension should not be specified for sparse vector", [](auto* s) { s->fields[1].type = DataType::kSparseFloatVector; }},
      {"type param(max_length) should be specified for the field(word) of collection c", [](auto* s) { s->fields[3].type_params.clear(); }},
      {"the maximum length specified for the field(word) should be in (0, 65535]",
       [](auto* s) {
         s->fields[3].type_params = {{"max_length", "65536"}};
       }},
      {"type param(max_capacity) should be specified for the field(price) of collection c",
       [](auto* s) {
         s->fields[2].type = DataType::kArray;
         s->fields[2].element_type = DataType::kInt8;
       }},
      {"is not equal to the type", [](auto* s) { s->fields[2].default_value = std::string("x"); }},
      {"exceeds max length (16)", [](auto* s) { s->fields[3].default_value = std::string(17, 'x'); }},
      {"only primary field can speficy AutoID with true", [](auto* s) { s->fields[2].auto_id = true; }},
      {"the data type of partition key should be Int64 or VarChar", [](auto* s) { s->fields[2].is_partition_key = true; }},
      {"is not supported by this server", [](auto* s) { s->fields[2].type = DataType::kGeometry; }},
      {"maximum field's number should be limited to 64",
       [](auto* s) {
         for (int i = 0; i < 61; ++i) s->fields.push_back(Field("f" + std::to_string(i), DataType::kBool));
       }},
      {"maximum vector field's number should be limited to 10",
       [](auto* s) {
         for (int i = 0; i < 10; ++i) s->fields.push_back(Field("v" + std::to_string(i), DataType::kFloatVector, {{"dim", "2"}}));
       }},
  };
  for (const BadSchema& bad : cases) {
    CollectionSchema schema = ShopSchema();
    schema.name = "c";
    bad.spoil(&schema);
    EXPECT_THAT(CompleteSchema(&schema, nullptr).message(), HasSubstr(bad.text));
  }
}

TEST(SchemaRules, AnalyzersAreChecked) {
  const auto refusal = [](KeyValues params, size_t place = 3) {
    CollectionSchema schema = ShopSchema();
    schema.name = "c";
    for (auto& param : params) schema.fields[place].type_params.push_back(param);
    return CompleteSchema(&schema, nullptr).message();
  };
  const std::pair<std::string, std::string> on = {"enable_analyzer", "true"};
  const std::pair<std::string, std::string> match = {"enable_match", "True"};
  const auto several = [](const std::string& json) { return std::pair<std::string, std::string>("multi_analyzer_params", json); };
  EXPECT_EQ(refusal({on, match, {"analyzer_params", R"({"type":"english"})"}}), "");
  EXPECT_EQ(refusal({on, {"enable_match", "false"}, {"analyzer_params", ""}}), "");
  EXPECT_EQ(refusal({{"analyzer_params", "not read while off"}}), "");
  EXPECT_THAT(refusal({match}), HasSubstr("field word which has enable_match or is input of BM25 function must also enable_analyzer"));
  EXPECT_THAT(refusal({{"enable_analyzer", "maybe"}}), HasSubstr("invalid value of enable_analyzer of field word: maybe"));
  EXPECT_THAT(refusal({match}, 2), HasSubstr("enable_match of field price needs a VarChar, but the field is Int32"));
  EXPECT_THAT(refusal({on, {"analyzer_params", R"({"type":"klingon"})"}}),
              HasSubstr("invalid analyzer_params of field word: unknown build-in analyzer type: klingon: invalid parameter"));
  EXPECT_EQ(refusal({on, several(R"({"by_field":"word","analyzers":{"default":{},"en":{"type":"english"}}})")}), "");
  EXPECT_THAT(refusal({on, match, several("{}")}), HasSubstr("multi analyzer now only support for bm25, but now field word enable match"));
  EXPECT_THAT(refusal({on, several("{}"), {"analyzer_params", "{}"}}),
              HasSubstr("field word analyzer params should be none if has multi analyzer params"));
  EXPECT_THAT(refusal({on, several("{}")}), HasSubstr("must set by_field"));
  EXPECT_THAT(refusal({on, several(R"({"by_field":"lang","analyzers":{"default":{}}})")}),
              HasSubstr("multi analyzer dependent field lang not exist in collection c"));
  EXPECT_THAT(refusal({on, several(R"({"by_field":"price","analyzers":{"default":{}}})")}), HasSubstr("but field price is not string"));
}

TEST(SchemaRules, NumbersFieldsAndHidesTheDynamicOne) {
  CollectionSchema schema = ShopSchema();
  ASSERT_TRUE(CompleteSchema(&schema, nullptr).ok());
  ASSERT_EQ(schema.fields.size(), 5u);
  EXPECT_EQ(schema.fields[0].id, 100);
  EXPECT_EQ(schema.fields[4].name, "$meta");
  EXPECT_EQ(schema.fields[4].id, 104);
  EXPECT_TRUE(schema.fields[4].is_dynamic);
  EXPECT_EQ(schema.fields[1].dim, 2);
  FieldSchema added = Field("late", DataType::kBool);
  EXPECT_THAT(AddFieldTo(&schema, added).message(), HasSubstr("added field must be nullable, please check it, field name = late"));
  added.nullable = true;
  ASSERT_TRUE(AddFieldTo(&schema, added).ok());
  EXPECT_EQ(schema.fields[4].name, "late");
  EXPECT_EQ(schema.fields[4].id, 105);
  EXPECT_EQ(schema.fields.back().name, "$meta");
}

TEST(SchemaRules, FunctionRemembersItsModel) {
  FakeEmbedder embedder;
  CollectionSchema schema = ShopSchema();
  FunctionSchema function;
  function.name = "embed";
  function.type = FunctionType::kTextEmbedding;
  function.inputs = {"word"};
  function.outputs = {"vector"};
  function.params = {{"provider", "saker"}, {"model_name", "mini"}};
  schema.functions = {function};
  ASSERT_TRUE(CompleteSchema(&schema, &embedder).ok());
  EXPECT_EQ(*FindValue(schema.functions[0].params, kFingerprintParam), "f1");
  EXPECT_TRUE(schema.fields[1].is_function_output);
  schema = ShopSchema();
  schema.fields[1].type_params = {{"dim", "3"}};
  schema.functions = {function};
  EXPECT_THAT(CompleteSchema(&schema, &embedder).message(), HasSubstr("is [3], but the embedding obtained from the model is [2]"));
  schema = ShopSchema();
  function.params[1].second = "other";
  schema.functions = {function};
  EXPECT_THAT(CompleteSchema(&schema, &embedder).message(), HasSubstr("model other is not configured"));
  schema = ShopSchema();
  function.type = FunctionType::kBm25;
  schema.functions = {function};
  EXPECT_THAT(CompleteSchema(&schema, &embedder).message(), HasSubstr("must set enable_analyzer to true"));
}

TEST(IndexRules, ChecksTypesAndParameters) {
  CollectionSchema schema = ShopSchema();
  ASSERT_TRUE(CompleteSchema(&schema, nullptr).ok());
  const auto make = [&](const std::string& field, KeyValues params) {
    return MakeIndexDefinition(schema, {{}, field, "", std::move(params)});
  };
  const coord::IndexDefinition index = make("vector", {{"index_type", "HNSW"}, {"metric_type", "l2"}, {"params", R"({"M": 16})"}}).value();
  EXPECT_EQ(index.name, "vector");
  EXPECT_EQ(index.spec.metric, index::Metric::kL2);
  EXPECT_EQ(index.spec.params.at("M"), "16");
  EXPECT_EQ(*FindValue(index.params, "metric_type"), "L2");
  EXPECT_EQ(*FindValue(index.params, "M"), "16");
  EXPECT_EQ(make("vector", {}).value().spec.type, "AUTOINDEX");
  const auto text = [&](const std::string& field, KeyValues params) { return make(field, std::move(params)).status().message(); };
  EXPECT_THAT(text("none", {}), HasSubstr("cannot create index on non-exist field: none"));
  EXPECT_THAT(text("vector", {{"index_type", "HNSW"}}), HasSubstr("metric type not set for vector index"));
  EXPECT_THAT(text("vector", {{"index_type", "NOPE"}, {"metric_type", "L2"}}), HasSubstr("invalid index type: NOPE"));
  EXPECT_THAT(text("vector", {{"index_type", "FLAT"}, {"metric_type", "HAMMING"}}),
              HasSubstr("float vector index does not support metric type: HAMMING"));
  EXPECT_THAT(text("vector", {{"M", "8"}, {"params", R"({"M": 16})"}}), HasSubstr("duplicated index param (key=M) (value=16) found"));
  EXPECT_THAT(text("vector", {{"index_type", "BIN_FLAT"}, {"metric_type", "L2"}}),
              HasSubstr("data type FloatVector can't build with this index BIN_FLAT"));
  EXPECT_EQ(text("vector", {{"warmup", std::string(102400 - 6, 'x')}}), "");
  EXPECT_THAT(text("vector", {{"warmup", std::string(102400 - 5, 'x')}}), HasSubstr("index params size exceeds limit: 102401 > 102400"));
  EXPECT_THAT(text("id", {{"index_type", "BITMAP"}}), HasSubstr("create bitmap index on primary key not supported"));
  EXPECT_THAT(text("price", {{"index_type", "Trie"}}), HasSubstr("TRIE are only supported on varchar field"));
  EXPECT_TRUE(make("price", {{"index_type", "INVERTED"}}).ok());
  const auto path_text = [&](const std::string& path) {
    return text("$meta", {{"index_type", "INVERTED"}, {"json_path", path}, {"json_cast_type", "DOUBLE"}});
  };
  for (const char* good : {"$meta", R"($meta["a"])", R"($meta['a\'b'][0]["]"])", R"(color["x"])"}) EXPECT_EQ(path_text(good), "") << good;
  for (const char* bad : {"", "[", "9a", "$meta[", "$meta[]", R"($meta["a)", R"($meta["a"]x)", R"($meta["a\)", "$meta[a]", "a or b"}) {
    EXPECT_THAT(path_text(bad), HasSubstr("is not a path")) << bad;
  }
}

TEST(SearchParams, AreReadFromFlatKeysAndJson) {
  const SearchParams params = ReadSearchParams({{"topk", "10"},
                                                {"anns_field", "v"},
                                                {"ignore_growing", "True"},
                                                {"params", R"({"ef": 64, "radius": 0.5, "range_filter": "0.9"})"},
                                                {"metric_type", "cosine"}})
                                  .value();
  EXPECT_EQ(params.topk, 10);
  EXPECT_TRUE(params.ignore_growing);
  EXPECT_EQ(params.metric, "COSINE");
  EXPECT_FLOAT_EQ(*params.radius, 0.5f);
  EXPECT_FLOAT_EQ(*params.range_filter, 0.9f);
  EXPECT_EQ(params.index_params.size(), 1u);
  EXPECT_EQ(params.index_params.at("ef"), "64");
  EXPECT_THAT(ReadSearchParams({{"topk", "1"}, {"params", R"({"range_filter": 1})"}}).status().message(),
              HasSubstr("range_filter requires radius to be set"));
  EXPECT_THAT(ReadSearchParams({{"topk", "1"}, {"params", "[1"}}).status().message(), HasSubstr("params is not valid JSON"));
  EXPECT_THAT(CheckTopK(16385, 0).message(), HasSubstr("topk [16385] is invalid, it should be in range [1, 16384], but got 16385"));
  EXPECT_THAT(CheckTopK(0, 0).message(), HasSubstr("topk [0] is invalid"));
  EXPECT_THAT(CheckTopK(16000, 1000).message(), HasSubstr("(offset+limit) should be in range [1, 16384], but got 17000"));
  EXPECT_THAT(CheckQueryCount(0).message(), HasSubstr("nq [0] is invalid"));
}

TEST(Columns, ConvertsAndRefusesValues) {
  CollectionSchema schema = ShopSchema();
  ASSERT_TRUE(CompleteSchema(&schema, nullptr).ok());
  EXPECT_EQ(CheckColumn(schema.fields[2], Integers("price", {5}).column, 0).value().width_bytes(), 4u);
  EXPECT_THAT(CheckColumn(schema.fields[2], Integers("price", {5'000'000'000}).column, 0).status().message(), HasSubstr("out of range"));
  EXPECT_THAT(CheckColumn(schema.fields[3], Texts("word", {std::string(17, 'x')}).column, 0).status().message(),
              HasSubstr("length of varchar field word exceeds max length, row number: 0, length: 17, max length: 16"));
  EXPECT_THAT(CheckColumn(schema.fields[3], Texts("word", {"\xff"}).column, 0).status().message(), HasSubstr("not valid UTF-8"));
  EXPECT_THAT(CheckColumn(schema.fields[1], Vectors("vector", {{1, 2, 3}}).column, 3).status().message(),
              HasSubstr("the dim (3) of field data(vector) is not equal to schema dim (2)"));
  EXPECT_THAT(CheckColumn(schema.fields[1], Vectors("vector", {{1, NAN}}).column, 2).status().message(),
              HasSubstr("value 'NaN' is not a number or infinity"));
  EXPECT_THAT(CheckColumn(schema.fields[1], Vectors("vector", {{1, 2}, {1, -INFINITY}}).column, 2).status().message(),
              HasSubstr("value '-Inf' is not a number or infinity"));
  Column nulls = Texts("word", {"a"}).column;
  nulls.AppendNull();
  const Column filled = CheckColumn(schema.fields[3], nulls, 0).value();
  EXPECT_EQ(filled.Text(1), "none");
  EXPECT_FALSE(filled.has_nulls());
  Column keys = Integers("id", {1}).column;
  keys.AppendNull();
  EXPECT_THAT(CheckColumn(schema.fields[0], keys, 0).status().message(), HasSubstr("row 1 is null"));
}

TEST(Columns, UnknownColumnsBecomeDynamicKeys) {
  CollectionSchema schema = ShopSchema();
  ASSERT_TRUE(CompleteSchema(&schema, nullptr).ok());
  std::vector<NamedColumn> columns = {Integers("id", {1, 2}), Texts("color", {"red", "a\"b"}),
                                      Texts("$meta", {R"({"x": 1})", "{}"}, DataType::kJson)};
  columns[2].is_dynamic = true;
  MatchedColumns matched = MatchColumns(schema, columns, 2).value();
  EXPECT_EQ(matched[4]->Text(0), R"({"x": 1,"color":"red"})");
  EXPECT_EQ(matched[4]->Text(1), R"({"color":"a\"b"})");
  EXPECT_FALSE(matched[1].has_value());
  EXPECT_THAT(MatchColumns(schema, {Integers("id", {1})}, 2).status().message(),
              HasSubstr("the num_rows (1) of field (id) is not equal to passed num_rows (2)"));
  columns = {Texts("$meta", {R"({"price": 1})"}, DataType::kJson)};
  EXPECT_THAT(MatchColumns(schema, columns, 1).status().message(), HasSubstr("dynamic field cannot include the static field: price"));
  columns = {Texts("$meta", {"{" + std::string(70000, ' ') + "}"}, DataType::kJson)};
  EXPECT_THAT(MatchColumns(schema, columns, 1).status().message(), HasSubstr("exceeds max length (65536)"));
  schema.fields.pop_back();
  EXPECT_EQ(MatchColumns(schema, {Texts("color", {"red"})}, 1).status().detail_code(), 1100);
}

TEST(Vectors, RoundToTheNearestHalf) {
  EXPECT_EQ(FloatToHalf(1.0f), 0x3c00);
  EXPECT_EQ(FloatToHalf(-2.0f), 0xc000);
  EXPECT_EQ(FloatToHalf(65504.0f), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(FloatToHalf(5.9604645e-8f), 0x0001);       // the smallest subnormal
  EXPECT_EQ(FloatToHalf(1.0f + 1.0f / 2048), 0x3c00);  // a tie goes to the even
  EXPECT_EQ(FloatToHalf(1.0f + 3.0f / 2048), 0x3c02);
  EXPECT_EQ(FloatToBFloat16(1.0f), 0x3f80);
  EXPECT_EQ(FloatToBFloat16(-3.140625f), 0xc049);
  EXPECT_FALSE(ConvertFloats(Packed({1e30f}), DataType::kFloat16Vector, "v").ok());
  EXPECT_FALSE(ConvertFloats(Packed({1.5f}), DataType::kInt8Vector, "v").ok());
  EXPECT_EQ(ConvertFloats(Packed({-128.0f, 127.0f}), DataType::kInt8Vector, "v").value(), "\x80\x7f");
}

TEST(Vectors, SparseRowsAreSortedAndChecked) {
  const auto pairs = [](std::vector<std::pair<uint32_t, float>> values) {
    std::string out;
    for (const auto& [index, value] : values) {
      out.append(reinterpret_cast<const char*>(&index), 4);
      out.append(reinterpret_cast<const char*>(&value), 4);
    }
    return out;
  };
  EXPECT_EQ(NormalizeSparse(pairs({{7, 1.f}, {3, 2.f}}), "s").value(), pairs({{3, 2.f}, {7, 1.f}}));
  EXPECT_TRUE(NormalizeSparse("", "s").ok());
  EXPECT_FALSE(NormalizeSparse(pairs({{3, 1.f}, {3, 2.f}}), "s").ok());
  EXPECT_FALSE(NormalizeSparse(pairs({{3, NAN}}), "s").ok());
  EXPECT_FALSE(NormalizeSparse("abc", "s").ok());
}

TEST(Routing, HashesAreFixedForEver) {
  EXPECT_EQ(HashKey(int64_t{0}), 0xe220a8397b1dcdafu);
  EXPECT_EQ(HashKey(int64_t{1}), 0x910a2dec89025cc1u);
  EXPECT_EQ(HashKey(std::string_view("")), 0x2d06800538d394c2u);
}

TEST(Projection, ExpandsStarsAndDynamicKeys) {
  CollectionSchema schema = ShopSchema();
  ASSERT_TRUE(CompleteSchema(&schema, nullptr).ok());
  const Projection all = Project(schema, {"*"}, PrimaryKeyColumn::kWhenAsked).value();
  EXPECT_THAT(all.names, ElementsAre("vector", "price", "word", "$meta", "id"));
  EXPECT_EQ(all.fields.back()->name, "id");
  const Projection some = Project(schema, {"color", "price", "color", "$meta[\"size\"]"}, PrimaryKeyColumn::kWhenAsked).value();
  EXPECT_THAT(some.names, ElementsAre("color", "price", "size"));
  EXPECT_EQ(some.fields.size(), 2u);  // $meta and price
  EXPECT_TRUE(Project(schema, {}, PrimaryKeyColumn::kWhenAsked).value().fields.empty());
  EXPECT_THAT(Project(schema, {}, PrimaryKeyColumn::kAlways).value().names, ElementsAre("id"));
  schema.fields.pop_back();
  EXPECT_EQ(Project(schema, {"color"}, PrimaryKeyColumn::kAlways).status().message(), "field color not exist");
}

shard::SearchResult Hits(const std::vector<int64_t>& keys, const std::vector<float>& scores) {
  shard::SearchResult result;
  result.hits_per_query = {keys.size()};
  result.scores = scores;
  result.rows.field_ids = {100};
  result.rows.columns = {Integers("id", keys).column};
  result.rows.row_count = keys.size();
  return result;
}

TEST(Rank, ReciprocalRanksAddUp) {
  const RankParams params = ReadRankParams({{"strategy", "rrf"}, {"params", R"({"k": 60})"}, {"limit", "3"}}, {}, 2).value();
  const Fused fused =
      FuseLegs({{index::Metric::kIp, Hits({1, 2, 3}, {9, 8, 7})}, {index::Metric::kL2, Hits({3, 4}, {0.1f, 0.2f})}}, params, 100, {});
  EXPECT_THAT(KeysOf(fused.result.rows.columns[0]).ints, ElementsAre(3, 1, 2));
  EXPECT_FLOAT_EQ(fused.result.scores[0], static_cast<float>(1.0 / 63 + 1.0 / 61));
  EXPECT_FLOAT_EQ(fused.result.scores[1], static_cast<float>(1.0 / 61));
}

TEST(Rank, WeightsWithAndWithoutNormalisation) {
  const KeyValues base = {{"strategy", "weighted"}, {"limit", "2"}};
  KeyValues raw = base, normalised = base;
  raw.emplace_back("params", R"({"weights": [0.5, 0.25]})");
  normalised.emplace_back("params", R"({"weights": [0.5, 0.25], "norm_score": true})");
  const auto legs = [] {
    return std::vector<Leg>{{index::Metric::kCosine, Hits({1, 2}, {0.8f, 0.4f})}, {index::Metric::kIp, Hits({2}, {2.0f})}};
  };
  const Fused a = FuseLegs(legs(), ReadRankParams(raw, {}, 2).value(), 100, {});
  EXPECT_THAT(KeysOf(a.result.rows.columns[0]).ints, ElementsAre(2, 1));
  EXPECT_FLOAT_EQ(a.result.scores[0], 0.5f * 0.4f + 0.25f * 2.0f);
  const Fused b = FuseLegs(legs(), ReadRankParams(normalised, {}, 2).value(), 100, {});
  EXPECT_FLOAT_EQ(b.result.scores[0], static_cast<float>(0.5 * 0.7 + 0.25 * (0.5 + std::atan(2.0) / M_PI)));
  EXPECT_FLOAT_EQ(b.result.scores[1], 0.5f * 0.9f);
  // Raw distances only: the smallest sum is best.
  const Fused c = FuseLegs({{index::Metric::kL2, Hits({1, 2}, {1, 3})}, {index::Metric::kL2, Hits({2, 1}, {1, 9})}},
                           ReadRankParams(raw, {}, 2).value(), 100, {});
  EXPECT_TRUE(c.smaller_is_better);
  EXPECT_THAT(KeysOf(c.result.rows.columns[0]).ints, ElementsAre(2, 1));
  // Mixed directions: distances are turned round.
  const Fused d = FuseLegs({{index::Metric::kL2, Hits({1}, {0})}, {index::Metric::kIp, Hits({2}, {0.5f})}},
                           ReadRankParams(raw, {}, 2).value(), 100, {});
  EXPECT_FLOAT_EQ(d.result.scores[0], 0.5f);
}

TEST(Rank, ParametersAreBounded) {
  const auto text = [](KeyValues params) { return ReadRankParams(params, {}, 2).status().message(); };
  EXPECT_THAT(text({{"strategy", "weighted"}, {"params", R"({"weights": [1]})"}, {"limit", "1"}}),
              HasSubstr("the length of weights param mismatch with ann search requests"));
  EXPECT_THAT(text({{"strategy", "weighted"}, {"params", R"({"weights": [1, 2]})"}, {"limit", "1"}}),
              HasSubstr("rank param weight should be in range [0, 1]"));
  EXPECT_THAT(text({{"strategy", "rrf"}, {"params", R"({"k": 0})"}, {"limit", "1"}}),
              HasSubstr("The rank params k should be in range (0, 16384)"));
}

}  // namespace
}  // namespace saker::proxy
