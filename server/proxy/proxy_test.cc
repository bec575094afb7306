// The whole proxy over shards in memory.
#include "server/proxy/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cfloat>

#include "common/timestamp.h"
#include "server/coord/fake_world.h"
#include "server/proxy/make_proxy.h"
#include "server/proxy/test_requests.h"
#include "server/schema/error.h"

namespace saker::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ProxyTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart(); }

  void Restart() {
    proxy_.reset();
    coordinator_.reset();
    coordinator_ = world_.Open();
    proxy_ = MakeProxy(*coordinator_, &embedder_);
  }

  void Create(CollectionSchema schema = ShopSchema(), int shards = 1, const std::string& metric = "L2", KeyValues properties = {}) {
    CreateCollectionRequest request;
    request.target = shop_;
    request.schema = std::move(schema);
    request.shards = shards;
    request.properties = std::move(properties);
    ASSERT_EQ(proxy_->CreateCollection(request).message(), "");
    ASSERT_EQ(proxy_->CreateIndex({shop_, "vector", "", {{"index_type", "FLAT"}, {"metric_type", metric}}}).message(), "");
    ASSERT_EQ(proxy_->Load(shop_, {}, false).message(), "");
  }

  // Rows 1 ... n with vectors (i, 0), price 10 i, word w<i % 3>.
  void Fill(int n) {
    std::vector<int64_t> ids, prices;
    std::vector<std::vector<float>> vectors;
    std::vector<std::string> words;
    for (int i = 1; i <= n; ++i) {
      ids.push_back(i);
      prices.push_back(10 * i);
      vectors.push_back({static_cast<float>(i), 0});
      words.push_back("w" + std::to_string(i % 3));
    }
    const auto inserted =
        Insert({Integers("id", ids), Vectors("vector", vectors), Integers("price", prices), Texts("word", words)}, ids.size());
    ASSERT_EQ(inserted.status().message(), "");
    ASSERT_EQ(inserted->count, n);
  }

  Result<MutationResponse> Insert(std::vector<NamedColumn> columns, size_t rows, const std::string& partition = "") {
    InsertRequest request;
    request.target = shop_;
    request.columns = std::move(columns);
    request.row_count = rows;
    request.partition = partition;
    return proxy_->Insert(std::move(request), context_);
  }
  Result<MutationResponse> Upsert(std::vector<NamedColumn> columns, size_t rows, bool partial = false) {
    InsertRequest request;
    request.target = shop_;
    request.columns = std::move(columns);
    request.row_count = rows;
    request.partial_update = partial;
    return proxy_->Upsert(std::move(request), context_);
  }
  SearchRequest Ask(const std::vector<std::vector<float>>& queries, KeyValues params, std::vector<std::string> fields = {}) {
    SearchRequest request;
    request.target = shop_;
    request.ann = Nearest(queries, std::move(params));
    request.output_fields = std::move(fields);
    return request;
  }
  Result<SearchResponse> Search(const SearchRequest& request) { return proxy_->Search(request, context_); }
  Result<QueryResponse> Query(const std::string& filter, std::vector<std::string> fields = {}, KeyValues params = {}) {
    QueryRequest request;
    request.target = shop_;
    request.filter = filter;
    request.output_fields = std::move(fields);
    request.params = std::move(params);
    return proxy_->Query(request, context_);
  }
  std::vector<int64_t> Ids(const std::string& filter, KeyValues params = {}) {
    const Result<QueryResponse> response = Query(filter, {"id"}, std::move(params));
    EXPECT_EQ(response.status().message(), "");
    std::vector<int64_t> ids;
    for (size_t i = 0; response.ok() && i < response->fields[0].column.row_count(); ++i)
      ids.push_back(response->fields[0].column.GetInteger(i));
    return ids;
  }

  coord::FakeWorld world_;
  FakeEmbedder embedder_;
  std::unique_ptr<coord::Coordinator> coordinator_;
  std::unique_ptr<Proxy> proxy_;
  const CollectionRef shop_{"", "shop"};
  const Context context_{};
};

TEST_F(ProxyTest, InsertsSearchesAndQueriesOverShards) {
  for (const int shards : {1, 3}) {
    ASSERT_TRUE(proxy_->DropCollection(shop_).ok());  // there is none the first time
    Create(ShopSchema(), shards);
    Fill(20);
    const auto found = Search(Ask({{5, 0}, {20, 0}}, {{"topk", "3"}}, {"price", "id"})).value();
    EXPECT_THAT(found.hits_per_query, ElementsAre(3, 3));
    EXPECT_THAT(found.ids.ints, ElementsAre(5, 4, 6, 20, 19, 18));
    EXPECT_THAT(found.scores, ElementsAre(0, 1, 1, 0, 1, 4));
    EXPECT_THAT(found.output_fields, ElementsAre("price", "id"));
    EXPECT_EQ(found.fields[0].column.GetInteger(0), 50);
    EXPECT_EQ(found.primary_field_name, "id");
    EXPECT_THAT(Search(Ask({{5, 0}}, {{"topk", "2"}, {"offset", "1"}})).value().ids.ints, ElementsAre(4, 6));
    EXPECT_THAT(Ids("price > 170"), ElementsAre(18, 19, 20));
    EXPECT_THAT(Ids("", {{"limit", "3"}, {"offset", "2"}}), ElementsAre(3, 4, 5));
    EXPECT_EQ(Query("price >= 100", {"count(*)"}).value().fields[0].column.GetInteger(0), 11);
    EXPECT_EQ(proxy_->RowCount(shop_, "").value(), 20);
  }
}

TEST_F(ProxyTest, AnswersWithoutHitsAreTyped) {
  Create();
  const auto found = Search(Ask({{1, 0}, {2, 0}}, {{"topk", "3"}}, {"*"})).value();
  EXPECT_THAT(found.hits_per_query, ElementsAre(0, 0));
  EXPECT_EQ(found.fields.size(), 5u);
  const auto none = Query("id == 3", {"*"}).value();
  EXPECT_THAT(none.output_fields, ElementsAre("vector", "price", "word", "$meta", "id"));
  EXPECT_EQ(none.fields[0].dim, 2);
  EXPECT_EQ(none.fields[0].column.row_count(), 0u);
  EXPECT_EQ(none.fields[0].column.type(), DataType::kFloatVector);
}

TEST_F(ProxyTest, SearchSaysWhatIsWrong) {
  Create();
  const auto text = [&](KeyValues params, std::vector<float> query = {1, 2}) {
    return Search(Ask({query}, std::move(params))).status().message();
  };
  EXPECT_THAT(text({{"topk", "5"}, {"metric_type", "IP"}}), HasSubstr("metric type not match: invalid parameter[expected=L2][actual=IP]"));
  EXPECT_THAT(text({{"topk", "5"}}, {1, 2, 3}), HasSubstr("vector dimension mismatch, expected vector size(byte) 8, actual 12"));
  EXPECT_THAT(text({{"topk", "5"}}, {1, NAN}), HasSubstr("value 'NaN' is not a number or infinity"));
  EXPECT_THAT(text({{"topk", "16385"}}), HasSubstr("topk [16385] is invalid"));
  EXPECT_THAT(text({{"topk", "5"}, {"anns_field", "nope"}}), HasSubstr("failed to get field schema by name: fieldName(nope) not found"));
  EXPECT_THAT(text({{"topk", "5"}, {"params", R"({"radius": 1, "range_filter": 2})"}}), HasSubstr("must be less than radius"));
  SearchRequest request = Ask({{1, 2}}, {{"topk", "5"}});
  request.partitions = {"none"};
  EXPECT_THAT(Search(request).status().message(), HasSubstr("partition name none not found"));
  request = Ask({{1, 2}}, {{"topk", "5"}});
  request.ann.filter = "price >";
  EXPECT_THAT(Search(request).status().message(), HasSubstr("failed to create query plan: cannot parse expression: price >, error: "));
  ASSERT_TRUE(proxy_->Release(shop_, {}).ok());
  EXPECT_EQ(Search(Ask({{1, 2}}, {{"topk", "5"}})).status().detail_code(), 101);
  EXPECT_EQ(Search(Ask({{1, 2}}, {{"topk", "5"}})).status().message(), "collection not loaded[collection=shop]");
  request.target.collection = "nowhere";
  EXPECT_EQ(Search(request).status().message(), "collection not found[database=default][collection=nowhere]");
}

TEST_F(ProxyTest, QuerySaysWhatIsWrong) {
  Create();
  EXPECT_THAT(Query("").status().message(), HasSubstr("empty expression should be used with limit"));
  EXPECT_THAT(Query("id > 0", {"count(*)"}, {{"limit", "3"}}).status().message(),
              HasSubstr("count entities with pagination is not allowed"));
  EXPECT_THAT(Query("", {}, {{"limit", "16385"}}).status().message(),
              HasSubstr("invalid max query result window, (offset+limit) should be in range [1, 16384], but got 16385"));
}

TEST_F(ProxyTest, InsertRefusesWhatTheSchemaForbids) {
  Create();
  EXPECT_THAT(Insert({Integers("id", {1})}, 1).status().message(),
              HasSubstr("fieldSchema(vector) has no corresponding fieldData pass in: invalid parameter"));
  EXPECT_EQ(Insert({Integers("id", {1}), Vectors("vector", {{1, 2}})}, 1, "none").status().detail_code(), 200);
  InsertRequest request;
  request.target = shop_;
  request.columns = {Integers("id", {1}), Vectors("vector", {{1, 2}})};
  request.row_count = 1;
  request.schema_timestamp = 5;
  EXPECT_EQ(proxy_->Insert(request, context_).status().detail_code(), 109);
  request.schema_timestamp = proxy_->DescribeCollection(shop_).value()->updated;
  EXPECT_TRUE(proxy_->Insert(request, context_).ok());
  const auto row = Query("id == 1", {"word", "price", "color"}).value();
  EXPECT_EQ(row.fields[0].column.Text(0), "none");
  EXPECT_FALSE(row.fields[1].column.IsValid(0));
  EXPECT_THAT(row.output_fields, ElementsAre("word", "price", "color", "id"));
}

TEST_F(ProxyTest, AutomaticIdsAreGivenOutAndKeptUnique) {
  CollectionSchema schema = ShopSchema();
  schema.fields[0].auto_id = true;
  Create(schema, 2);
  const auto first = Insert({Vectors("vector", {{1, 2}, {3, 4}})}, 2).value();
  Restart();
  const auto second = Insert({Vectors("vector", {{1, 2}})}, 1).value();
  EXPECT_GT(second.ids.ints[0], first.ids.ints[1]);
  EXPECT_THAT(Insert({Integers("id", {1}), Vectors("vector", {{1, 2}})}, 1).status().message(), HasSubstr("autoID is enabled"));
  const auto replaced = Upsert({Integers("id", {first.ids.ints[0]}), Vectors("vector", {{9, 9}})}, 1).value();
  EXPECT_NE(replaced.ids.ints[0], first.ids.ints[0]);
  EXPECT_EQ(proxy_->RowCount(shop_, "").value(), 3);
}

TEST_F(ProxyTest, UpsertReplacesAndPartialUpsertMerges) {
  Create(ShopSchema(), 2);
  Fill(4);
  NamedColumn meta = Texts("$meta", {R"({"a": 1, "b": 2})"}, DataType::kJson);
  meta.is_dynamic = true;
  ASSERT_TRUE(Upsert({Integers("id", {2}), Vectors("vector", {{7, 7}}), meta}, 1).ok());
  EXPECT_EQ(proxy_->RowCount(shop_, "").value(), 4);
  EXPECT_THAT(Upsert({Integers("id", {1, 1}), Vectors("vector", {{7, 7}, {8, 8}})}, 2).status().message(),
              HasSubstr("duplicate primary keys are not allowed in the same batch"));
  meta = Texts("$meta", {R"({"b": 3})"}, DataType::kJson);
  meta.is_dynamic = true;
  ASSERT_EQ(Upsert({Integers("id", {2}), Integers("price", {99}), meta}, 1, true).status().message(), "");
  const auto row = Query("id == 2", {"*"}).value();
  EXPECT_FLOAT_EQ(static_cast<const float*>(row.fields[0].column.Row(0))[0], 7);
  EXPECT_EQ(row.fields[1].column.GetInteger(0), 99);
  EXPECT_EQ(row.fields[3].column.Text(0), R"({"a":1,"b":3})");
  EXPECT_THAT(Upsert({Integers("id", {77}), Integers("price", {1})}, 1, true).status().message(),
              HasSubstr("fieldSchema(vector) has no corresponding fieldData pass in"));
}

TEST_F(ProxyTest, DeletesByKeysAndByFilter) {
  Create(ShopSchema(), 2);
  Fill(10);
  const auto remove = [&](const std::string& filter) {
    DeleteRequest request;
    request.target = shop_;
    request.filter = filter;
    return proxy_->Delete(request, context_);
  };
  EXPECT_EQ(remove("id in [1, 2, 77]").value().count, 3);  // as named
  EXPECT_EQ(remove("price > 80").value().count, 2);        // as matched
  EXPECT_THAT(Ids("id > 0"), ElementsAre(3, 4, 5, 6, 7, 8));
  EXPECT_THAT(remove("").status().message(), HasSubstr("delete plan can't be empty or always true : "));
  EXPECT_THAT(remove("1 < 2").status().message(), HasSubstr("delete plan can't be empty or always true"));
  EXPECT_THAT(remove("price >").status().message(), HasSubstr("failed to create delete plan: cannot parse expression"));
  ASSERT_TRUE(proxy_->Release(shop_, {}).ok());
  EXPECT_TRUE(remove("id in [3]").ok());
  EXPECT_EQ(remove("price > 1").status().detail_code(), 101);
}

CollectionSchema TextSchema(const std::string& params_key, const std::string& params) {
  CollectionSchema schema = ShopSchema();
  schema.fields[3].type_params = {{"max_length", "200"}, {"enable_analyzer", "true"}, {params_key, params}};
  if (params_key == "analyzer_params") schema.fields[3].type_params.emplace_back("enable_match", "true");
  return schema;
}

TEST_F(ProxyTest, TextMatchChoosesRowsOfEveryOperation) {
  Create(TextSchema("analyzer_params", R"({"type":"english"})"), 2);
  EXPECT_EQ(
      proxy_->DescribeCollection(shop_).value()->schema.fields[3].type_params,
      (KeyValues{
          {"max_length", "200"}, {"enable_analyzer", "true"}, {"analyzer_params", R"({"type":"english"})"}, {"enable_match", "true"}}));
  ASSERT_TRUE(Insert({Integers("id", {1, 2, 3}), Vectors("vector", {{1, 0}, {2, 0}, {3, 0}}), Integers("price", {1, 2, 3}),
                      Texts("word", {"running shoes", "a run of shoes", "the walk"})},
                     3)
                  .ok());
  EXPECT_THAT(Ids("text_match(word, 'runs')"), ElementsAre(1, 2));
  EXPECT_THAT(Ids("phrase_match(word, 'run shoe')"), ElementsAre(1));
  EXPECT_THAT(Ids("not text_match(word, 'shoes')"), ElementsAre(3));
  SearchRequest search = Ask({{0, 0}}, {{"limit", "10"}});
  search.ann.filter = "text_match(word, {w})";
  search.ann.templates = {{"w", {std::string("shoe")}}};
  EXPECT_EQ(proxy_->Search(search, context_).value().ids.ints, (std::vector<int64_t>{1, 2}));
  DeleteRequest remove;
  remove.target = shop_;
  remove.filter = "text_match(word, 'walking')";
  EXPECT_EQ(proxy_->Delete(remove, context_).value().count, 1);
  EXPECT_THAT(Ids("id > 0"), ElementsAre(1, 2));
}

TEST_F(ProxyTest, RunsAnalyzersByParametersAndByField) {
  Create(TextSchema("multi_analyzer_params", R"({"by_field":"word","analyzers":{"default":{},"en":{"type":"english"}}})"));
  RunAnalyzerRequest request;
  request.texts = {"Running", "Jumps"};
  const auto first_words = [&] {
    std::vector<std::string> words;
    const std::vector<AnalyzedText> texts = proxy_->RunAnalyzer(request, context_).value();
    for (const AnalyzedText& text : texts) words.push_back(text.tokens.at(0).text);
    return words;
  };
  const auto refusal = [&] { return proxy_->RunAnalyzer(request, context_).status().message(); };
  EXPECT_THAT(first_words(), ElementsAre("running", "jumps"));
  EXPECT_EQ(proxy_->RunAnalyzer(request, context_).value()[0].hashes.size(), 1u);
  request.analyzer_params = R"({"type":"english"})";
  EXPECT_THAT(first_words(), ElementsAre("run", "jump"));
  request.analyzer_names = {"en"};
  EXPECT_THAT(refusal(), HasSubstr("analyzer names are of a field with multi analyzer params"));
  request.target = shop_;
  request.field = "word";
  EXPECT_THAT(refusal(), HasSubstr("run analyzer can't use analyzer params and (collection,field) in same time"));
  request.analyzer_params.clear();
  EXPECT_THAT(first_words(), ElementsAre("run", "jump"));
  request.analyzer_names = {"en", "other"};
  EXPECT_THAT(first_words(), ElementsAre("run", "jumps"));
  request.analyzer_names = {"en", "en", "en"};
  EXPECT_THAT(refusal(), HasSubstr("but now analyzer name num: 3, text num: 2"));
  request.analyzer_names.clear();
  EXPECT_THAT(first_words(), ElementsAre("running", "jumps"));
  request.field = "price";
  EXPECT_THAT(refusal(), HasSubstr("field price does not enable analyzer"));
  request.field = "nothing";
  EXPECT_THAT(refusal(), HasSubstr("field not found[field=nothing]"));
  request.field.clear();
  EXPECT_THAT(refusal(), HasSubstr("must set field name"));
  request.target = {};
  request.texts = {"\xff"};
  EXPECT_THAT(refusal(), HasSubstr("must be utf8"));
  request.texts = std::vector<std::string>(16'385);
  EXPECT_THAT(refusal(), HasSubstr("there are 16385 texts, at most 16384"));
}

TEST_F(ProxyTest, TellsThePhraseSlopOfEachText) {
  PhraseSlopRequest request;
  request.analyzer_params = R"({"type":"standard"})";
  request.phrase = "data privacy";
  request.texts = {"Ensure data privacy.", "data user privacy", "nothing"};
  EXPECT_THAT(proxy_->ComputePhraseSlops(request, context_).value(), ElementsAre(0u, 1u, std::nullopt));
  request.phrase.clear();
  EXPECT_THAT(proxy_->ComputePhraseSlops(request, context_).value(), IsEmpty());
}

TEST_F(ProxyTest, PartitionKeyRoutesRowsOutOfSight) {
  CollectionSchema schema = ShopSchema();
  schema.fields[3].is_partition_key = true;
  schema.fields[3].default_value = std::monostate();
  Create(schema, 2);
  EXPECT_EQ(proxy_->ListPartitions(shop_).value().size(), 16u);
  Fill(30);
  EXPECT_THAT(Ids("word == 'w1' and price < 100"), ElementsAre(1, 4, 7));
  EXPECT_THAT(Insert({Integers("id", {99})}, 1, "_default_0").status().message(),
              HasSubstr("not support manually specifying the partition names"));
  EXPECT_THAT(proxy_->CreatePartition(shop_, "p").message(), HasSubstr("disable create partition"));
}

TEST_F(ProxyTest, IteratorPagesSeeOneMomentAndEveryTie) {
  Create(ShopSchema(), 2);
  Fill(9);
  const std::vector<int64_t> ids = {101, 102, 103, 104};
  ASSERT_TRUE(Insert({Integers("id", ids), Vectors("vector", {{2, 0}, {2, 0}, {2, 0}, {2, 0}})}, 4).ok());
  SearchRequest request = Ask({{0, 0}}, {{"topk", "2"}, {"search_iter_v2", "True"}, {"search_iter_batch_size", "2"}});
  std::vector<int64_t> seen;
  Timestamp session = 0;
  for (int page = 0; page < 20; ++page) {
    const auto found = Search(request).value();
    if (page == 0) session = found.session_timestamp;
    if (found.ids.ints.empty()) break;
    seen.insert(seen.end(), found.ids.ints.begin(), found.ids.ints.end());
    request.ann.params = {{"topk", "2"},
                          {"search_iter_v2", "True"},
                          {"search_iter_batch_size", "2"},
                          {"search_iter_id", found.iterator->token},
                          {"search_iter_last_bound", std::to_string(found.iterator->last_bound)}};
    request.consistency.guarantee_timestamp = session;
    if (page == 0) {
      ASSERT_TRUE(Insert({Integers("id", {500}), Vectors("vector", {{5, 0}})}, 1).ok());  // too late to be seen
    }
  }
  EXPECT_THAT(seen, ElementsAre(1, 2, 101, 102, 103, 104, 3, 4, 5, 6, 7, 8, 9));
  SearchRequest two = Ask({{0, 0}, {1, 1}}, {{"topk", "2"}, {"search_iter_v2", "True"}});
  EXPECT_THAT(Search(two).status().message(), HasSubstr("does not support processing multiple vectors simultaneously"));
  EXPECT_FALSE(Search(Ask({{0, 0}}, {{"topk", "2"}, {"iterator", "True"}, {"collection_id", "999"}})).ok());
}

TEST_F(ProxyTest, GroupsKeepTheirRowsTogether) {
  Create(ShopSchema(), 3);
  Fill(9);
  auto found = Search(Ask({{0, 0}}, {{"topk", "2"}, {"group_by_field", "word"}, {"group_size", "2"}})).value();
  EXPECT_THAT(found.ids.ints, ElementsAre(1, 4, 2, 5));
  EXPECT_EQ(found.group_by->column.Text(2), "w2");
  found = Search(Ask({{0, 0}}, {{"topk", "1"}, {"offset", "1"}, {"group_by_field", "word"}})).value();
  EXPECT_THAT(found.ids.ints, ElementsAre(2));
}

TEST_F(ProxyTest, HybridSearchFusesItsLegs) {
  Create();
  Fill(10);
  HybridSearchRequest request;
  request.target = shop_;
  request.requests = {Nearest({{1, 0}}, {{"topk", "3"}, {"anns_field", "vector"}}),
                      Nearest({{3, 0}}, {{"topk", "1"}, {"anns_field", "vector"}})};
  request.rank_params = {{"strategy", "rrf"}, {"params", R"({"k": 60})"}, {"limit", "2"}};
  request.output_fields = {"price"};
  const auto found = proxy_->HybridSearch(request, context_).value();
  EXPECT_THAT(found.ids.ints, ElementsAre(3, 1));
  EXPECT_EQ(found.fields[0].column.GetInteger(0), 30);

  // pymilvus repeats the offset in every leg; only the fused list leaves rows out.
  request.rank_params.emplace_back("offset", "1");
  for (AnnRequest& leg : request.requests) leg.params.emplace_back("offset", "1");
  EXPECT_THAT(proxy_->HybridSearch(request, context_).value().ids.ints, ElementsAre(1, 2));
}

TEST_F(ProxyTest, SearchesByIds) {
  Create(ShopSchema(), 2);
  Fill(9);
  SearchRequest request = Ask({}, {{"topk", "1"}});
  request.ann.queries.kind = Queries::Kind::kPrimaryKeys;
  request.ann.queries.ids.ints = {7, 2};
  EXPECT_THAT(Search(request).value().ids.ints, ElementsAre(7, 2));
  request.ann.queries.ids.ints = {77};
  EXPECT_THAT(Search(request).status().message(), HasSubstr("there is no row with id 77"));
}

TEST_F(ProxyTest, TextsBecomeVectors) {
  CollectionSchema schema = ShopSchema();
  schema.fields[3].default_value = std::monostate();
  FunctionSchema function;
  function.name = "embed";
  function.type = FunctionType::kTextEmbedding;
  function.inputs = {"word"};
  function.outputs = {"vector"};
  function.params = {{"provider", "saker"}, {"model_name", "mini"}};
  schema.functions = {function};
  Create(schema);
  ASSERT_EQ(Insert({Integers("id", {1, 2}), Texts("word", {"abc", "abcdef"})}, 2).status().message(), "");
  EXPECT_THAT(Insert({Integers("id", {1}), Texts("word", {""})}, 1).status().message(), HasSubstr("there is no text to embed"));
  EXPECT_THAT(Insert({Integers("id", {1}), Texts("word", {"x"}), Vectors("vector", {{1, 2}})}, 1).status().message(),
              HasSubstr("is filled by function embed"));
  SearchRequest request = Ask({}, {{"topk", "1"}});
  request.ann.queries.kind = Queries::Kind::kTexts;
  request.ann.queries.values = {"abcdeg"};
  EXPECT_THAT(Search(request).value().ids.ints, ElementsAre(2));
  EXPECT_EQ(embedder_.uses[TextEmbedder::Use::kQuery], 1);
  embedder_.fingerprint = "f2";
  EXPECT_THAT(Search(request).status().message(), HasSubstr("fingerprint f1, but the configured model of that name has fingerprint f2"));
}

TEST_F(ProxyTest, FutureGuaranteesTimeOutAndOldRowsExpire) {
  Create(ShopSchema(), 1, "L2", {{"collection.ttl.seconds", "60"}});
  Fill(3);
  SearchRequest request = Ask({{1, 0}}, {{"topk", "5"}});
  request.consistency.guarantee_timestamp = MakeTimestamp(world_.now_ms + 3'600'000);
  EXPECT_EQ(Search(request).status().detail_code(), 10001);
  world_.now_ms += 61'000;
  request.consistency.guarantee_timestamp = 0;
  EXPECT_THAT(Search(request).value().ids.ints, IsEmpty());
}

TEST_F(ProxyTest, DecayAndOrderingChangeTheOrder) {
  Create();
  Fill(5);
  SearchRequest request = Ask({{1, 0}}, {{"topk", "3"}});
  FunctionSchema decay;
  decay.name = "near50";
  decay.inputs = {"price"};
  decay.params = {{"reranker", "decay"}, {"function", "linear"}, {"origin", "30"}, {"scale", "10"}, {"decay", "0.5"}};
  request.function_score = FunctionScore{{decay}, {}};
  EXPECT_EQ(Search(request).value().ids.ints[0], 2);  // 0.5 x 0.5 beats 1 x 0 and 0.156 x 1
  decay.params[0].second = "model";
  request.function_score = FunctionScore{{decay}, {}};
  EXPECT_EQ(Search(request).status().detail_code(), 10);
  EXPECT_THAT(Search(Ask({{1, 0}}, {{"topk", "3"}, {"order_by_fields", "price:desc"}})).value().ids.ints, ElementsAre(3, 2, 1));
}

TEST_F(ProxyTest, DefinitionsAreDescribed) {
  Create();
  Fill(2);
  EXPECT_THAT(proxy_->DescribeCollection({"", "none"}).status().message(),
              HasSubstr("can't find collection[database=default][collection=none]"));
  ASSERT_TRUE(proxy_->CreateAlias(shop_, "market").ok());
  EXPECT_EQ(proxy_->DescribeCollection({"", "market"}).value()->name, "shop");
  const auto indexes = proxy_->DescribeIndex(shop_, "", "").value();
  EXPECT_EQ(indexes[0].state, IndexState::kFinished);
  EXPECT_EQ(indexes[0].total_rows, 2);
  EXPECT_EQ(*FindValue(indexes[0].params, "index_type"), "FLAT");
  EXPECT_EQ(proxy_->DescribeIndex(shop_, "", "other").status().detail_code(), 700);
  EXPECT_EQ(proxy_->GetLoadState({"", "none"}, {}).value(), LoadState::kNotExist);
  EXPECT_EQ(proxy_->GetLoadState(shop_, {}).value(), LoadState::kLoaded);
  EXPECT_EQ(proxy_->Flush("", {"market"}, context_).value().collections[0].name, "market");
  FieldSchema late = Field("late", DataType::kInt64);
  late.nullable = true;
  const Timestamp before = proxy_->DescribeCollection(shop_).value()->updated;
  ASSERT_EQ(proxy_->AddField(shop_, late).message(), "");
  EXPECT_GT(proxy_->DescribeCollection(shop_).value()->updated, before);
  EXPECT_FALSE(Query("id == 1", {"late"}).value().fields[0].column.IsValid(0));
  EXPECT_THAT(proxy_->AlterIndex(shop_, "vector", {{"M", "1"}}, {}).message(), HasSubstr("M is not a configable index property"));
  const int64_t job = proxy_->Compact(shop_).value();
  while (!proxy_->DescribeCompaction(job).value().done) std::this_thread::yield();
  EXPECT_EQ(proxy_->DescribeCompaction(job).value().merges.size(), 1u);
}

TEST_F(ProxyTest, LoadNeedsAnIndexOnEveryVector) {
  CreateCollectionRequest request;
  request.target = shop_;
  request.schema = ShopSchema();
  ASSERT_TRUE(proxy_->CreateCollection(request).ok());
  EXPECT_THAT(proxy_->Load(shop_, {}, false).message(),
              HasSubstr("there is no vector index on field: [vector], please create index firstly"));
}

}  // namespace
}  // namespace saker::proxy
