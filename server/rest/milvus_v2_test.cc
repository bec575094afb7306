#include "server/auth/privileges.h"
#include "server/rest/rest_test_base.h"

namespace saker::rest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using MilvusV2 = RestTest;

TEST_F(MilvusV2, TheShortFormCreatesIndexesAndLoads) {
  EXPECT_EQ(Post("collections/create", R"({"collectionName": "demo", "dimension": 4})"), R"({"code":0,"data":{}})");
  EXPECT_THAT(proxy_.calls, ElementsAre("CreateCollection demo", "CreateIndex vector", "Load 0"));
  const CollectionSchema& schema = proxy_.create.schema;
  ASSERT_EQ(schema.fields.size(), 2u);
  EXPECT_EQ(schema.fields[0].name, "id");
  EXPECT_TRUE(schema.fields[0].is_primary_key);
  EXPECT_EQ(schema.fields[1].dim, 4);
  EXPECT_TRUE(schema.enable_dynamic_field);
  EXPECT_EQ(*FindValue(proxy_.indexes[0].params, "metric_type"), "COSINE");
  EXPECT_EQ(proxy_.create.consistency, ConsistencyLevel::kBounded);
  EXPECT_THAT(Post("collections/create", R"({"collectionName": "demo"})"), HasSubstr(R"("code":1100,"message":"dimension is required)"));
}

TEST_F(MilvusV2, AFullSchemaIsReadWhole) {
  Post("collections/create", R"({"collectionName": "c", "schema": {"autoID": true, "enableDynamicField": false, "fields": [
    {"fieldName": "k", "dataType": "VarChar", "isPrimary": true, "elementTypeParams": {"max_length": "20"}},
    {"fieldName": "n", "dataType": "Int32", "nullable": true, "defaultValue": 7},
    {"fieldName": "a", "dataType": "Array", "elementDataType": "Int64", "elementTypeParams": {"max_capacity": 5}},
    {"fieldName": "t", "dataType": "VarChar", "elementTypeParams": {"max_length": 100}},
    {"fieldName": "v", "dataType": "FloatVector", "elementTypeParams": {"dim": 8}}],
    "functions": [{"name": "f", "type": "TextEmbedding", "inputFieldNames": ["t"], "outputFieldNames": ["v"],
                   "params": {"provider": "saker", "model_name": "fake/model"}}]},
    "indexParams": [{"fieldName": "v", "indexName": "vi", "metricType": "IP", "indexType": "HNSW", "params": {"M": 16}}],
    "params": {"shardsNum": 2, "partitionsNum": "3", "consistencyLevel": "Strong", "ttlSeconds": 60}})");
  const CollectionSchema& schema = proxy_.create.schema;
  ASSERT_EQ(schema.fields.size(), 5u);
  EXPECT_TRUE(schema.fields[0].auto_id);
  EXPECT_EQ(schema.fields[0].max_length, 20);
  EXPECT_EQ(schema.fields[1].default_value, ScalarValue(int64_t{7}));
  EXPECT_EQ(schema.fields[2].element_type, DataType::kInt64);
  EXPECT_EQ(schema.fields[2].max_capacity, 5);
  EXPECT_TRUE(schema.fields[4].is_function_output);
  EXPECT_EQ(schema.functions[0].type, FunctionType::kTextEmbedding);
  EXPECT_EQ(*FindValue(schema.functions[0].params, "model_name"), "fake/model");
  EXPECT_EQ(proxy_.create.shards, 2);
  EXPECT_EQ(proxy_.create.partitions, 3);
  EXPECT_EQ(proxy_.create.consistency, ConsistencyLevel::kStrong);
  EXPECT_THAT(proxy_.create.properties, ElementsAre(std::make_pair("collection.ttl.seconds", "60")));
  EXPECT_EQ(proxy_.indexes[0].name, "vi");
  EXPECT_EQ(*FindValue(proxy_.indexes[0].params, "M"), "16");
  EXPECT_THAT(Post("collections/create", R"({"collectionName":"c","schema":{"fields":[{"fieldName":"k","dataType":"int64"}]}})"),
              HasSubstr("data type int64 is invalid(case sensitive)"));
}

TEST_F(MilvusV2, DescribeHidesTheDynamicField) {
  proxy_.index_infos = {
      {.id = IndexId(1), .name = "vi", .field = "vector", .params = {{"metric_type", "L2"}, {"index_type", "FLAT"}}, .fail_reason = ""}};
  const std::string body = Post("collections/describe", R"({"collectionName": "docs"})");
  EXPECT_THAT(body, StartsWith(R"({"code":0,"data":{"collectionName":"docs","collectionID":100,)"));
  EXPECT_THAT(body, HasSubstr(R"({"name":"vector","id":101,"type":"FloatVector","primaryKey":false,)"));
  EXPECT_THAT(body, HasSubstr(R"("params":[{"key":"dim","value":"2"}])"));
  EXPECT_THAT(body, HasSubstr(R"("indexes":[{"fieldName":"vector","indexName":"vi","metricType":"L2"}],"load":"LoadStateLoaded")"));
  EXPECT_THAT(body, HasSubstr(R"("enableDynamicField":true)"));
  EXPECT_THAT(body, ::testing::Not(HasSubstr("$meta")));
}

TEST_F(MilvusV2, InsertTurnsRowsIntoColumns) {
  proxy_.mutation_response.ids.ints = {1, 9007199254740993};
  proxy_.mutation_response.count = 2;
  EXPECT_EQ(Post("entities/insert", R"({"collectionName": "docs", "data": [
      {"id": 1, "vector": [0.5, 1], "color": "red", "n": {"a": [1, 2.0]}}, {"vector": [2, 3], "id": "9007199254740993"}]})"),
            R"({"code":0,"cost":0,"data":{"insertCount":2,"insertIds":[1,9007199254740993]}})");
  const auto& columns = proxy_.insert.columns;
  ASSERT_EQ(columns.size(), 3u);
  EXPECT_EQ(proxy_.insert.row_count, 2u);
  EXPECT_EQ(proxy_.insert.schema_timestamp, 77u);
  EXPECT_EQ(columns[0].column.Get<int64_t>(1), 9007199254740993);
  EXPECT_EQ(columns[1].dim, 2);
  EXPECT_EQ(columns[1].column.Get<float>(3), 3.0F);
  EXPECT_TRUE(columns[2].is_dynamic);
  EXPECT_EQ(columns[2].column.Text(0), R"({"color":"red","n":{"a":[1,2.0]}})");
  EXPECT_EQ(columns[2].column.Text(1), "{}");
  EXPECT_THAT(
      Post("entities/insert", R"({"collectionName": "docs", "data": {"id": 1, "vector": [0, 1]}})", {{"accept-type-allow-int64", "false"}}),
      HasSubstr(R"("insertIds":["1","9007199254740993"])"));
}

TEST_F(MilvusV2, UpsertSaysSo) {
  proxy_.mutation_response.ids.ints = {1};
  proxy_.mutation_response.count = 1;
  EXPECT_EQ(Post("entities/upsert", R"({"collectionName": "docs", "data": [{"id": 1, "vector": [0, 1]}]})"),
            R"({"code":0,"cost":0,"data":{"upsertCount":1,"upsertIds":[1]}})");
  Post("entities/upsert", R"({"collectionName": "docs", "partialUpdate": true, "data": [{"id": 1}]})");
  EXPECT_TRUE(proxy_.insert.partial_update);
  EXPECT_EQ(proxy_.insert.columns[0].name, "id");
}

TEST_F(MilvusV2, BadRowsAre1804WithTheRowAndTheField) {
  const auto insert = [this](const std::string& row) {
    return Post("entities/insert", R"({"collectionName": "docs", "data": [)" + row + "]}");
  };
  const std::string prefix = R"({"code":1804,"message":"fail to deal the insert data, error: )";
  EXPECT_THAT(insert(R"({"id": 1, "vector": [1]})"),
              StartsWith(prefix + "row 0, field vector: the vector has dimension 1 and the field has dimension 2"));
  EXPECT_THAT(insert(R"({"id": 1, "vector": [1, 1e39]})"), HasSubstr("is not a number or infinity"));
  EXPECT_THAT(insert(R"({"id": 1, "vector": [1, "x"]})"), StartsWith(prefix));
  EXPECT_THAT(insert(R"({"id": 1.5, "vector": [1, 2]})"), StartsWith(prefix + "row 0, field id: a Int64 cannot be a number (1.5)"));
  EXPECT_THAT(insert(R"({"id": "x", "vector": [1, 2]})"), StartsWith(prefix));
  EXPECT_THAT(insert(R"({"id": 1})"), HasSubstr("fieldSchema(vector) has no corresponding fieldData pass in: invalid parameter"));
  EXPECT_THAT(insert(R"({"id": 1, "vector": [1, 2]}, {"id": 2})"), HasSubstr("row 1 has no value for field vector"));
  EXPECT_THAT(insert(R"({"id": 1}, {"id": 2, "vector": [1, 2]})"), HasSubstr("row 0 has no value for field vector"));
  EXPECT_THAT(insert(R"({"id": 1, "id": 2, "vector": [1, 2]})"), HasSubstr("row 0 has field id twice"));
  EXPECT_THAT(insert(R"({"id": 1, "vector": [1, 2], "x": 1, "x": 2})"), HasSubstr("has the key x twice"));
  EXPECT_THAT(insert(R"({"id": null, "vector": [1, 2]})"), HasSubstr("not nullable"));
  EXPECT_THAT(insert(R"({"id": 1, "vector": [1, 2], "$meta": {}})"), HasSubstr("$meta cannot be given"));
  EXPECT_THAT(insert("5"), HasSubstr("a row should be an object, row 0 is an integer"));
  EXPECT_THAT(insert(""), HasSubstr("`data` has no rows"));
  proxy_.info->schema.fields.pop_back();
  EXPECT_THAT(insert(R"({"id": 1, "vector": [1, 2], "x": 1})"), HasSubstr("has pass more fields without dynamic schema"));
  EXPECT_TRUE(proxy_.calls.empty());
}

TEST_F(MilvusV2, BrokenJsonIs1801AndMissingKeysAre1802) {
  const std::string prefix = R"({"code":1801,"message":"can only accept json format request, error: )";
  for (const std::string& body : {std::string("{"), std::string("[]"), std::string("nonsense"), std::string(R"({"collectionName": 1e999})"),
                                  std::string("{\"collectionName\": \"\xff\"}"), std::string(R"({"collectionName": "\ud800"})"),
                                  std::string(R"({"collectionName": 5})"), std::string(R"({"collectionName":"a","collectionName":"b"})"),
                                  std::string(R"({"a":)") + std::string(100, '[') + std::string(100, ']') + "}"}) {
    EXPECT_THAT(Post("collections/describe", body), StartsWith(prefix)) << body;
  }
  for (const char* body : {"{}", "", "  ", R"({"collectionName": null})", R"({"collectionName": ""})"}) {
    EXPECT_THAT(Post("collections/describe", body), StartsWith(R"({"code":1802,"message":"missing required parameters, error: )")) << body;
  }
}

TEST_F(MilvusV2, SearchReadsEveryWishAndAnswersFlat) {
  proxy_.search_response.primary_field_name = "id";
  proxy_.search_response.ids.ints = {7, 8, 9};
  proxy_.search_response.scores = {0.1F, 0.25F, 1.0F};
  proxy_.search_response.hits_per_query = {2, 1};
  proxy_.search_response.output_fields = {"color"};
  proxy::NamedColumn meta{.name = "$meta", .is_dynamic = true, .column = Column(proxy_.info->schema.fields[2]), .dim = 0};
  for (const char* json : {R"({"color":"red","x":1})", R"({"color":"blue"})", "{}"}) meta.column.AppendVariable(json);
  proxy_.search_response.fields.push_back(meta);
  EXPECT_EQ(Post("entities/search", R"({"collectionName": "docs", "data": [[1, 2], [3, 4]], "annsField": "vector", "filter": "n > {x}",
      "exprParams": {"x": 5, "l": ["a", true]}, "limit": 2, "offset": 1, "outputFields": ["color"], "groupingField": "color",
      "searchParams": {"metricType": "L2", "params": {"ef": 64, "radius": 0.5}, "nprobe": 3, "ignoreGrowing": true}, "consistencyLevel": "Strong"})"),
            R"({"code":0,"cost":0,"data":[{"id":7,"distance":0.1,"color":"red"},{"id":8,"distance":0.25,"color":"blue"},)"
            R"({"id":9,"distance":1}],"topks":[2,1]})");
  const proxy::AnnRequest& ann = proxy_.search.ann;
  EXPECT_EQ(ann.queries.count(), 2u);
  EXPECT_EQ(ann.queries.values[1], std::string("\0\0\x40\x40\0\0\x80\x40", 8));
  EXPECT_EQ(*FindValue(ann.params, "params"), R"({"ef":64,"radius":0.5,"nprobe":3})");
  EXPECT_EQ(*FindValue(ann.params, "topk"), "2");
  EXPECT_EQ(*FindValue(ann.params, "offset"), "1");
  EXPECT_EQ(*FindValue(ann.params, "metric_type"), "L2");
  EXPECT_EQ(*FindValue(ann.params, "ignore_growing"), "true");
  EXPECT_EQ(*FindValue(ann.params, "group_by_field"), "color");
  EXPECT_EQ(std::get<int64_t>(ann.templates.at("x").value), 5);
  EXPECT_EQ(std::get<filter::TemplateValue::List>(ann.templates.at("l").value).size(), 2u);
  EXPECT_EQ(proxy_.search.consistency.level, ConsistencyLevel::kStrong);
}

TEST_F(MilvusV2, SearchTakesTextsAndIdsToo) {
  Post("entities/search", R"({"collectionName": "docs", "data": ["what is it?"]})");
  EXPECT_EQ(proxy_.search.ann.queries.kind, proxy::Queries::Kind::kTexts);
  EXPECT_EQ(*FindValue(proxy_.search.ann.params, "topk"), "100");
  Post("entities/search", R"({"collectionName": "docs", "ids": [3, "4"]})");
  EXPECT_EQ(proxy_.search.ann.queries.kind, proxy::Queries::Kind::kPrimaryKeys);
  EXPECT_THAT(proxy_.search.ann.queries.ids.ints, ElementsAre(3, 4));
  EXPECT_THAT(Post("entities/search", R"({"collectionName": "docs"})"), HasSubstr("\"code\":1802"));
  EXPECT_THAT(Post("entities/search", R"({"collectionName": "docs", "ids": [1], "data": [[1, 2]]})"), HasSubstr("\"code\":1100"));
  EXPECT_THAT(Post("entities/search", R"({"collectionName": "docs", "data": [1, 2]})"), HasSubstr("\"code\":1801"));
  EXPECT_THAT(Post("entities/search", R"({"collectionName": "docs", "data": [[1, 2], "x"]})"), HasSubstr("different kinds"));
  EXPECT_THAT(Post("entities/search", R"({"collectionName": "docs", "data": [[1, 2]], "searchParams": {"ef": 1, "params": {"ef": 2}}})"),
              HasSubstr("ambiguous parameter: ef"));
  EXPECT_THAT(Post("entities/search", R"({"collectionName": "docs", "data": [[1, 2]], "consistencyLevel": "strong"})"),
              HasSubstr("\"code\":1100"));
}

TEST_F(MilvusV2, HybridSearchHasLegsAndARanker) {
  Post("entities/hybrid_search", R"({"collectionName": "docs", "search": [
      {"data": [[1, 2]], "annsField": "vector", "limit": 5, "params": {"ef": 9}, "metricType": "IP"}, {"data": ["words"], "filter": "a > 1"}],
      "rerank": {"strategy": "weighted", "params": {"weights": [0.3, 0.7]}}, "limit": 3, "outputFields": ["*"]})");
  ASSERT_EQ(proxy_.hybrid.requests.size(), 2u);
  EXPECT_EQ(*FindValue(proxy_.hybrid.requests[0].params, "params"), R"({"ef":9})");
  EXPECT_EQ(*FindValue(proxy_.hybrid.requests[0].params, "topk"), "5");
  EXPECT_EQ(proxy_.hybrid.requests[1].filter, "a > 1");
  EXPECT_EQ(*FindValue(proxy_.hybrid.rank_params, "strategy"), "weighted");
  EXPECT_EQ(*FindValue(proxy_.hybrid.rank_params, "params"), R"({"weights":[0.3,0.7]})");
  EXPECT_EQ(*FindValue(proxy_.hybrid.rank_params, "limit"), "3");
}

TEST_F(MilvusV2, QueryAndGet) {
  proxy_.query_response.output_fields = {"id", "$meta"};
  proxy::NamedColumn id{.name = "id", .is_dynamic = false, .column = Column(proxy_.info->schema.fields[0]), .dim = 0};
  const int64_t value = 5;
  id.column.AppendFixed(&value);
  proxy::NamedColumn meta{.name = "$meta", .is_dynamic = true, .column = Column(proxy_.info->schema.fields[2]), .dim = 0};
  meta.column.AppendVariable(R"({"color":"r\u00e9d","id":3,"big":123456789012345678901234567890})");
  proxy_.query_response.fields = {id, meta};
  // A number that JSON readers cannot hold leaves the dynamic part as the text it is.
  EXPECT_THAT(Post("entities/get", R"({"collectionName": "docs", "id": [5, "6"]})"), HasSubstr(R"("data":[{"id":5,"$meta":"{)"));
  EXPECT_EQ(proxy_.query.filter, "id in {ids}");
  EXPECT_EQ(std::get<filter::TemplateValue::List>(proxy_.query.templates.at("ids").value).size(), 2u);
  EXPECT_THAT(proxy_.query.output_fields, ElementsAre("*"));
  EXPECT_THAT(Post("entities/get", R"({"collectionName": "docs", "id": ["x"]})"), HasSubstr("\"code\":1100"));
  Post("entities/query", R"x({"collectionName": "docs", "filter": "id > 1", "outputFields": ["count(*)"], "limit": 0})x");
  EXPECT_EQ(FindValue(proxy_.query.params, "limit"), nullptr);
  Post("entities/query", R"({"collectionName": "docs", "filter": "id > 1", "partitionNames": ["p"]})");
  EXPECT_EQ(*FindValue(proxy_.query.params, "limit"), "100");
  EXPECT_THAT(proxy_.query.partitions, ElementsAre("p"));
  proxy_.mutation_response.count = 4;
  EXPECT_EQ(Post("entities/delete", R"({"collectionName": "docs", "filter": "id in [1]"})"),
            R"({"code":0,"cost":0,"data":{"deleteCount":4}})");
}

TEST_F(MilvusV2, ErrorsKeepTheirCodesAndTimeoutsAre408) {
  EXPECT_EQ(Post("collections/describe", R"({"collectionName": "none"})"),
            R"({"code":100,"message":"can't find collection[database=default][collection=none]"})");
  EXPECT_EQ(Post("collections/has", R"({"collectionName": "none"})"), R"({"code":0,"data":{"has":false}})");
  EXPECT_THAT(Post("collections/get_load_state", R"({"collectionName": "none"})"), StartsWith(R"({"code":100,)"));
  proxy_.status = MilvusError(MilvusErrorCode::kCollectionNotLoaded, "collection not loaded[collection=docs]");
  EXPECT_THAT(Post("entities/search", R"({"collectionName": "docs", "data": [[1, 2]]})"), StartsWith(R"({"code":101,)"));
  proxy_.status = DeadlineExceeded("the request's deadline passed");
  const http::Response late = Send("POST", "/v2/vectordb/entities/query", R"({"collectionName": "docs"})");
  EXPECT_EQ(late.status, 408);
  EXPECT_THAT(late.body, StartsWith(R"({"code":10001,"message":"request timeout)"));
}

TEST_F(MilvusV2, TheDatabaseIsTheBodysThenTheHeaders) {
  Post("collections/drop", R"({"collectionName": "c"})");
  Post("collections/drop", R"({"collectionName": "c"})", {{"db-name", "h"}});
  Post("collections/drop", R"({"collectionName": "c", "dbName": "b"})", {{"db-name", "h"}});
  EXPECT_THAT(proxy_.calls, ElementsAre("DropCollection default.c", "DropCollection h.c", "DropCollection b.c"));
}

TEST_F(MilvusV2, AdministersEverythingElse) {
  proxy_.index_infos = {
      {.id = IndexId(1), .name = "vi", .field = "vector", .params = {{"metric_type", "L2"}, {"index_type", "FLAT"}}, .fail_reason = ""}};
  const std::pair<const char*, const char*> cases[] = {
      {"collections/list", R"({"code":0,"data":["docs"]})"},
      {"collections/get_stats", R"({"code":0,"data":{"rowCount":42}})"},
      {"collections/get_load_state", R"({"code":0,"data":{"loadState":"LoadStateLoaded","loadProgress":100,"message":""}})"},
      {"collections/compact", R"({"code":0,"data":{"compactionID":5}})"},
      {"collections/rename", R"({"code":0,"data":{}})"},
      {"collections/load", R"({"code":0,"data":{}})"},
      {"collections/refresh_load", R"({"code":0,"data":{}})"},
      {"collections/release", R"({"code":0,"data":{}})"},
      {"collections/flush", R"({"code":0,"data":{}})"},
      {"collections/alter_properties", R"({"code":0,"data":{}})"},
      {"collections/drop_properties", R"({"code":0,"data":{}})"},
      {"databases/list", R"({"code":0,"data":["default"]})"},
      {"databases/describe", R"({"code":0,"data":{"dbName":"d","dbID":7,"properties":[{"key":"k","value":"v"}]}})"},
      {"databases/create", R"({"code":0,"data":{}})"},
      {"databases/drop", R"({"code":0,"data":{}})"},
      {"partitions/list", R"({"code":0,"data":["_default"]})"},
      {"partitions/has", R"({"code":0,"data":{"has":false}})"},
      {"partitions/get_stats", R"({"code":0,"data":{"rowCount":42}})"},
      {"partitions/create", R"({"code":0,"data":{}})"},
      {"partitions/load", R"({"code":0,"data":{}})"},
      {"indexes/list", R"({"code":0,"data":["vi"]})"},
      {"indexes/drop", R"({"code":0,"data":{}})"},
      {"aliases/list", R"({"code":0,"data":["a1","a2"]})"},
      {"aliases/describe", R"({"code":0,"data":{"dbName":"d","collectionName":"docs","aliasName":"al"}})"},
      {"aliases/create", R"({"code":0,"data":{}})"},
      {"aliases/drop", R"({"code":0,"data":{}})"},
  };
  const std::string body = R"({"collectionName":"docs","dbName":"d","partitionName":"p","partitionNames":["p"],"indexName":"vi",
      "aliasName":"al","newCollectionName":"new","properties":{"a":1},"propertyKeys":["a"]})";
  for (const auto& [path, answer] : cases) EXPECT_EQ(Post(path, body), answer) << path;
  EXPECT_THAT(Post("indexes/describe", body),
              HasSubstr(R"("indexType":"FLAT","metricType":"L2","totalRows":0,"indexedRows":0,"pendingRows":0,)"
                        R"("indexState":"Finished")"));
  for (const char* path : {"roles/list", "jobs/import/create", "resource_groups/list", "users/list", "quotacenter/describe"}) {
    EXPECT_THAT(Post(path, body), StartsWith(R"({"code":10,"message":")")) << path;
  }
  EXPECT_EQ(Send("POST", "/v2/vectordb/no/such", "{}").status, 404);
  EXPECT_EQ(Send("GET", "/v2/vectordb/collections/list").status, 405);
}

TEST_F(MilvusV2, RunAnalyzerTellsWhatWasAskedFor) {
  EXPECT_EQ(Post("common/run_analyzer", R"({"text":["x"],"analyzerParams":"{\"type\":\"english\"}"})"),
            R"({"code":0,"data":{"results":[{"tokens":[{"token":"ab"}]}]}})");
  EXPECT_EQ(proxy_.last_analysis.analyzer_params, R"({"type":"english"})");
  EXPECT_EQ(Post("common/run_analyzer", R"({"text":"x","withDetail":true,"withHash":true,"collectionName":"docs","fieldName":"f",)"
                                        R"("analyzerNames":["en"],"analyzerParams":{"type":"chinese"}})"),
            R"({"code":0,"data":{"results":[{"tokens":[{"token":"ab","startOffset":1,"endOffset":3,"position":4,"positionLength":1,)"
            R"("hash":7}]}]}})");
  EXPECT_EQ(proxy_.last_analysis.target.collection, "docs");
  EXPECT_EQ(proxy_.last_analysis.field, "f");
  EXPECT_EQ(proxy_.last_analysis.analyzer_params, R"({"type":"chinese"})");
  EXPECT_THAT(Post("common/run_analyzer", "{}"), HasSubstr("`text` is required"));
}

TEST_F(MilvusV2, IndexListIsEmptyWithoutIndexes) {
  EXPECT_EQ(Post("indexes/list", R"({"collectionName": "docs"})"), R"({"code":0,"data":[]})");
  EXPECT_THAT(Post("indexes/describe", R"({"collectionName": "docs", "indexName": "x"})"), StartsWith(R"({"code":700,)"));
}

// Every route but the two open ones refuses a caller without a token, and asks for the rights of a known method.
class StrictAuthenticator : public auth::Authenticator {
 public:
  bool enabled() const override { return true; }
  const std::optional<std::string>& generated_root_password() const override { return none_; }
  Result<auth::Caller> AuthenticateGrpc(std::optional<std::string_view>, std::string_view) override { return Unauthenticated("no"); }
  Result<auth::Caller> AuthenticateHttp(std::optional<std::string_view> authorization, std::string_view) override {
    if (authorization == "Bearer root:secret") return auth::Caller{"root"};
    if (authorization == "Bearer ann:secret") return auth::Caller{"ann"};
    return Unauthenticated("wrong token");
  }
  std::optional<Result<auth::Caller>> TryAuthenticateGrpc(std::optional<std::string_view>, std::string_view) override {
    return std::nullopt;
  }
  Status Authorize(const auth::Caller& caller, std::string_view method, std::string_view) override {
    methods.emplace_back(method);
    if (caller.user == "ann" && method == "DropCollection") return PermissionDenied("PrivilegeDropCollection: permission deny to ann");
    return OkStatus();
  }
  Status CreateUser(const auth::Caller& caller, const std::string& user, const std::string&) override {
    return Note(caller, "create " + user);
  }
  Status UpdatePassword(const auth::Caller& caller, const std::string& user, const std::string&, const std::string&) override {
    return Note(caller, "update " + user);
  }
  Status DeleteUser(const auth::Caller& caller, const std::string& user) override { return Note(caller, "delete " + user); }
  Result<std::vector<std::string>> ListUsers(const auth::Caller&) override { return std::vector<std::string>{"root", "ann"}; }

  std::vector<std::string> methods;
  std::vector<std::string> changes;

 private:
  Status Note(const auth::Caller& caller, const std::string& change) {
    changes.push_back(caller.user + " " + change);
    return OkStatus();
  }
  std::optional<std::string> none_;
};

TEST_F(MilvusV2, NoRouteButTheOpenOnesAnswersWithoutAToken) {
  StrictAuthenticator authenticator;
  http::Router router;
  RegisterRest(router, {.proxy = &proxy_, .models = models_.get(), .authenticator = &authenticator, .version = "1"});
  int open = 0;
  for (const http::Route& route : router.routes()) {
    std::string path = route.pattern;
    if (const size_t at = path.find('{'); at != std::string::npos) path = path.substr(0, at) + "x";
    for (const http::Headers& headers : {http::Headers{}, http::Headers{{"authorization", "Bearer root:wrong"}}}) {
      const http::Response response = SendTo(router, route.method, path, R"({"collectionName": "docs"})", headers);
      if (route.access == http::Access::kOpen) {
        EXPECT_TRUE(path == "/" || path == "/health") << path;
        ++open;
      } else {
        EXPECT_EQ(response.status, 401) << path;
        EXPECT_THAT(response.body, ::testing::AnyOf(R"({"code":1800,"message":"user hasn't authenticated"})", HasSubstr("invalid_api_key")))
            << path;
      }
    }
  }
  EXPECT_EQ(open, 4);
  EXPECT_TRUE(proxy_.calls.empty());
  EXPECT_GT(router.routes().size(), 60u);
}

// A right that the table of calls does not know would be refused to everybody, always.
TEST_F(MilvusV2, EveryRouteAsksForAKnownRight) {
  StrictAuthenticator authenticator;
  http::Router router;
  RegisterRest(router, {.proxy = &proxy_, .models = models_.get(), .authenticator = &authenticator, .version = "1"});
  for (const http::Route& route : router.routes()) {
    if (route.pattern.starts_with("/v2/vectordb/"))
      SendTo(router, route.method, route.pattern, "{}", {{"authorization", "Bearer root:secret"}});
  }
  EXPECT_GT(authenticator.methods.size(), 50u);
  for (const std::string& method : authenticator.methods) EXPECT_TRUE(auth::FindPrivilege(method) != nullptr) << method;
}

TEST_F(MilvusV2, RightsAreAskedAndUsersChangedAsTheCaller) {
  StrictAuthenticator authenticator;
  http::Router router;
  RegisterRest(router, {.proxy = &proxy_, .models = models_.get(), .authenticator = &authenticator, .version = "1"});
  const auto post = [&router](const std::string& path, const std::string& body, const char* token) {
    return SendTo(router, "POST", "/v2/vectordb/" + path, body, {{"authorization", token}});
  };
  EXPECT_EQ(post("collections/drop", R"({"collectionName": "docs"})", "Bearer root:secret").status, 200);
  const http::Response denied = post("collections/drop", R"({"collectionName": "docs"})", "Bearer ann:secret");
  EXPECT_EQ(denied.status, 403);
  EXPECT_THAT(denied.body, HasSubstr("permission deny to ann"));
  EXPECT_EQ(proxy_.calls.size(), 1u);
  EXPECT_EQ(post("users/list", "{}", "Bearer root:secret").body, R"({"code":0,"data":["root","ann"]})");
  post("users/create", R"({"userName": "bob", "password": "123456"})", "Bearer root:secret");
  post("users/update_password", R"({"userName": "ann", "password": "a", "newPassword": "b"})", "Bearer ann:secret");
  post("users/drop", R"({"userName": "bob"})", "Bearer root:secret");
  EXPECT_THAT(authenticator.changes, ElementsAre("root create bob", "ann update ann", "root delete bob"));
  EXPECT_THAT(authenticator.methods,
              ElementsAre("DropCollection", "DropCollection", "ListCredUsers", "CreateCredential", "UpdateCredential", "DeleteCredential"));
}

}  // namespace
}  // namespace saker::rest
