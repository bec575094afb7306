// Calls over a real channel against a fake proxy: the conventions that clients depend on.
#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "common/worker_pool.h"
#include "server/auth/base64.h"
#include "server/rpc/fake_proxy.h"
#include "server/rpc/rpc_server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include "milvus/milvus.pb.h"

grpc_compression_algorithm grpc_call_test_only_get_compression_algorithm(grpc_call* call);

namespace saker::rpc {
namespace {

namespace pb = ::milvus::proto;
namespace mp = ::milvus::proto::milvus;

class NoUsers final : public auth::UserStore {
 public:
  Result<std::optional<std::string>> Get(const std::string& user) override {
    return users_.contains(user) ? std::optional(users_[user]) : std::optional<std::string>();
  }
  Status Put(const std::string& user, const std::string& hash) override {
    users_[user] = hash;
    return OkStatus();
  }
  Status Delete(const std::string& user) override {
    users_.erase(user);
    return OkStatus();
  }
  Result<std::vector<std::string>> List() override { return std::vector<std::string>{"root"}; }

 private:
  std::map<std::string, std::string> users_;
};

class ServiceTest : public testing::Test {
 protected:
  void SetUp() override { Start({}); }
  void Start(auth::AuthOptions auth_options, WorkerPool::Options pool = {.name = "request", .threads = 2}, RpcOptions options = {}) {
    server_.reset();
    pool_ = std::make_unique<WorkerPool>(pool);
    auth_options.argon2_memory_kib = 64;
    authenticator_ = *auth::CreateAuthenticator(auth_options, users_);
    options.port = 0;
    auto started = StartRpcServer(options, proxy_, *authenticator_, *pool_, [this](int fd, bool tls) {
      close(fd);
      (tls ? https_ : http_) = true;
    });
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    server_ = *std::move(started);
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()), grpc::InsecureChannelCredentials());
  }
  void TearDown() override { server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1)); }

  template <typename Response, typename Request>
  grpc::Status Call(const std::string& method, const Request& request, Response* response, std::map<std::string, std::string> metadata = {},
                    int timeout_ms = 5000) {
    const std::string path = "/milvus.proto.milvus.MilvusService/" + method;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms));
    for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
    const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC, channel_);
    return grpc::internal::BlockingUnaryCall<Request, Response>(channel_.get(), rpc, &context, request, response);
  }

  // grpc.health.v1: an empty request asks for the whole server; field 1 of the answer is the state.
  static constexpr int kServing = 1, kNotServing = 2;
  int StandardHealth() {
    const grpc::internal::RpcMethod rpc("/grpc.health.v1.Health/Check", grpc::internal::RpcMethod::NORMAL_RPC, channel_);
    grpc::ClientContext context;
    mp::GetVersionRequest request;
    pb::common::Status answer;
    const grpc::Status status =
        grpc::internal::BlockingUnaryCall<mp::GetVersionRequest, pb::common::Status>(channel_.get(), rpc, &context, request, &answer);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return static_cast<int>(answer.error_code());
  }

  FakeProxy proxy_;
  NoUsers users_;
  std::unique_ptr<WorkerPool> pool_;
  std::unique_ptr<auth::Authenticator> authenticator_;
  std::unique_ptr<RpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::atomic<bool> http_{false};
  std::atomic<bool> https_{false};
};

TEST_F(ServiceTest, ConnectTellsAVersionAndAnIdentifier) {
  mp::ConnectResponse response;
  ASSERT_TRUE(Call("Connect", mp::ConnectRequest(), &response).ok());
  EXPECT_TRUE(response.has_status());
  EXPECT_NE(response.identifier(), 0);
  EXPECT_EQ(response.server_info().build_tags().substr(0, 4), "v2.6");
  ASSERT_TRUE(Call("Connect", mp::ConnectRequest(), &response, {{"dbname", "nowhere"}}).ok());
  EXPECT_EQ(response.status().code(), 800);
  EXPECT_EQ(response.status().reason(), "database not found[database=nowhere]");
}

TEST_F(ServiceTest, DescribeCollectionWordsNotFoundInItsOwnWay) {
  mp::DescribeCollectionRequest request;
  request.set_collection_name("ghost");
  mp::DescribeCollectionResponse response;
  ASSERT_TRUE(Call("DescribeCollection", request, &response).ok());
  EXPECT_EQ(response.status().code(), 100);
  EXPECT_EQ(response.status().error_code(), pb::common::UnexpectedError);
  EXPECT_EQ(response.status().reason(), "can't find collection[database=default][collection=ghost]");
  EXPECT_EQ(response.status().detail(), response.status().reason());
}

TEST_F(ServiceTest, DescribeCollectionHidesTheDynamicField) {
  proxy::CollectionInfo info;
  info.id = CollectionId(7);
  info.name = "books";
  info.database = "default";
  info.schema.enable_dynamic_field = true;
  info.schema.fields.resize(2);
  info.schema.fields[0].name = "id";
  info.schema.fields[0].is_primary_key = true;
  info.schema.fields[1].name = "$meta";
  info.schema.fields[1].is_dynamic = true;
  info.updated = 55;
  proxy_.collection = std::make_shared<const proxy::CollectionInfo>(info);
  mp::DescribeCollectionRequest request;
  request.set_collection_name("books");
  mp::DescribeCollectionResponse response;
  ASSERT_TRUE(Call("DescribeCollection", request, &response).ok());
  EXPECT_TRUE(response.has_status());
  EXPECT_EQ(response.status().code(), 0);
  EXPECT_EQ(response.schema().fields_size(), 1);
  EXPECT_TRUE(response.schema().enable_dynamic_field());
  EXPECT_EQ(response.update_timestamp(), 55u);
}

TEST_F(ServiceTest, FunctionsOfACollectionStayAsTheyAre) {
  proxy::CollectionInfo info;
  info.name = "books";
  info.database = "default";
  info.schema.functions.resize(1);
  info.schema.functions[0].name = "bm25";
  info.schema.functions[0].type = FunctionType::kBm25;
  proxy_.collection = std::make_shared<const proxy::CollectionInfo>(info);
  pb::common::Status status;
  mp::AddCollectionFunctionRequest add;
  add.set_collection_name("books");
  ASSERT_TRUE(Call("AddCollectionFunction", add, &status).ok());
  EXPECT_EQ(status.reason(), "Function Schema is empty");
  EXPECT_EQ(status.code(), 65535);
  add.mutable_functionschema()->set_type(pb::schema::BM25);
  ASSERT_TRUE(Call("AddCollectionFunction", add, &status).ok());
  EXPECT_EQ(status.reason(), "Currently does not support adding BM25 function");
  mp::AlterCollectionFunctionRequest alter;
  alter.set_collection_name("books");
  alter.set_function_name("bm25");
  alter.mutable_functionschema()->set_name("other");
  alter.mutable_functionschema()->set_type(pb::schema::TextEmbedding);
  ASSERT_TRUE(Call("AlterCollectionFunction", alter, &status).ok());
  EXPECT_EQ(status.reason(), "Invalid function config, name not match");
  alter.mutable_functionschema()->set_name("bm25");
  ASSERT_TRUE(Call("AlterCollectionFunction", alter, &status).ok());
  EXPECT_EQ(status.reason(), "Currently does not support alter BM25 function");
  alter.set_function_name("ghost");
  alter.mutable_functionschema()->set_name("ghost");
  ASSERT_TRUE(Call("AlterCollectionFunction", alter, &status).ok());
  EXPECT_EQ(status.reason(), "Function ghost not found");
  mp::DropCollectionFunctionRequest drop;
  drop.set_collection_name("books");
  drop.set_function_name("bm25");
  ASSERT_TRUE(Call("DropCollectionFunction", drop, &status).ok());
  EXPECT_EQ(status.reason(), "Currently does not support droping BM25 function");
  drop.set_function_name("ghost");
  pb::common::Status dropped;
  ASSERT_TRUE(Call("DropCollectionFunction", drop, &dropped).ok());
  EXPECT_EQ(dropped.code(), 0);
}

TEST_F(ServiceTest, ResolvesTheDatabaseFromBodyThenMetadataThenDefault) {
  mp::DropCollectionRequest request;
  request.set_collection_name("c");
  pb::common::Status status;
  ASSERT_TRUE(Call("DropCollection", request, &status).ok());
  EXPECT_EQ(proxy_.last_target.database, "default");
  ASSERT_TRUE(Call("DropCollection", request, &status, {{"dbname", "books"}}).ok());
  EXPECT_EQ(proxy_.last_target.database, "books");
  request.set_db_name("other");
  ASSERT_TRUE(Call("DropCollection", request, &status, {{"dbname", "books"}}).ok());
  EXPECT_EQ(proxy_.last_target.database, "other");
}

TEST_F(ServiceTest, InsertAnswersKeysAndNoExtraInfo) {
  proxy_.on_insert = [](const proxy::InsertRequest& insert, const Context&) -> Result<proxy::MutationResponse> {
    EXPECT_EQ(insert.row_count, 2u);
    EXPECT_EQ(insert.columns.at(0).column.Get<int64_t>(1), 6);
    return proxy::MutationResponse{.ids = {DataType::kInt64, {5, 6}, {}}, .count = 2, .timestamp = 9};
  };
  mp::InsertRequest request;
  request.set_collection_name("c");
  request.set_num_rows(2);
  auto* field = request.add_fields_data();
  field->set_type(pb::schema::Int64);
  field->set_field_name("id");
  field->mutable_scalars()->mutable_long_data()->add_data(5);
  field->mutable_scalars()->mutable_long_data()->add_data(6);
  mp::MutationResult result;
  ASSERT_TRUE(Call("Insert", request, &result).ok());
  EXPECT_EQ(result.status().code(), 0) << result.status().reason();
  EXPECT_TRUE(result.status().extra_info().empty());
  EXPECT_EQ(result.insert_cnt(), 2);
  EXPECT_EQ(result.ids().int_id().data_size(), 2);
  EXPECT_EQ(result.succ_index_size(), 2);
  request.set_num_rows(3);
  ASSERT_TRUE(Call("Insert", request, &result).ok());
  EXPECT_EQ(result.status().code(), 1100);
  EXPECT_EQ(result.status().error_code(), pb::common::IllegalArgument);
  request.clear_fields_data();
  request.set_num_rows(4000000000u);
  ASSERT_TRUE(Call("Insert", request, &result).ok());
  EXPECT_EQ(result.status().code(), 1100);
}

TEST_F(ServiceTest, DeleteAnswersACountWithoutKeys) {
  mp::MutationResult result;
  ASSERT_TRUE(Call("Delete", mp::DeleteRequest(), &result).ok());
  EXPECT_EQ(result.delete_cnt(), 2);
  EXPECT_FALSE(result.has_ids());
}

mp::SearchRequest OneQuery() {
  pb::common::PlaceholderGroup group;
  auto* placeholder = group.add_placeholders();
  placeholder->set_type(pb::common::PlaceholderType::FloatVector);
  placeholder->add_values("12345678");
  mp::SearchRequest request;
  request.set_collection_name("c");
  request.set_placeholder_group(group.SerializeAsString());
  request.set_nq(1);
  request.set_use_default_consistency(true);
  return request;
}

TEST_F(ServiceTest, SearchWithoutHitsStillCountsEveryQuery) {
  proxy_.on_search = [](const proxy::SearchRequest& search, const Context&) -> Result<proxy::SearchResponse> {
    EXPECT_FALSE(search.consistency.level.has_value());
    EXPECT_EQ(search.ann.queries.count(), 1u);
    proxy::SearchResponse response;
    response.hits_per_query = {0};
    response.top_k = 10;
    response.primary_field_name = "id";
    return response;
  };
  mp::SearchResults results;
  ASSERT_TRUE(Call("Search", OneQuery(), &results).ok());
  EXPECT_TRUE(results.has_status());
  ASSERT_EQ(results.results().topks_size(), 1);
  EXPECT_EQ(results.results().topks(0), 0);
  EXPECT_EQ(results.results().num_queries(), 1);
  EXPECT_EQ(results.results().primary_field_name(), "id");
}

TEST_F(ServiceTest, BusinessErrorsNeverBecomeTransportErrors) {
  proxy_.on_search = [](const proxy::SearchRequest&, const Context&) -> Result<proxy::SearchResponse> { return Internal("a bug"); };
  mp::SearchResults results;
  EXPECT_TRUE(Call("Search", OneQuery(), &results).ok());
  EXPECT_EQ(results.status().code(), 65535);
  EXPECT_EQ(results.status().error_code(), pb::common::UnexpectedError);
  EXPECT_FALSE(results.has_results());
}

TEST_F(ServiceTest, DeadlineAndCancellationReachTheProxy) {
  std::atomic<bool> saw_end{false};
  proxy_.on_search = [&](const proxy::SearchRequest&, const Context& context) -> Result<proxy::SearchResponse> {
    for (int i = 0; i < 2000 && !context.Done(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    saw_end = context.Done();
    return context.Check();
  };
  mp::SearchResults results;
  const grpc::Status status = Call("Search", OneQuery(), &results, {}, 50);
  // Whoever looks at the clock first: the client gives up, or the server answers that the time is over.
  if (status.ok()) {
    EXPECT_EQ(results.status().code(), 10001);
  } else {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  for (int i = 0; i < 1000 && !saw_end; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(saw_end);
}

TEST_F(ServiceTest, AFullQueueIsAnAnswer) {
  Start({}, {.name = "request", .threads = 1, .queue_limit = 1});
  std::atomic<bool> go{false};
  // A write: short reads may run on gRPC's threads, as many as the machine has cores for.
  proxy_.on_insert = [&](const proxy::InsertRequest&, const Context&) -> Result<proxy::MutationResponse> {
    while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return proxy::MutationResponse{.ids = {DataType::kInt64, {5}, {}}, .count = 1, .timestamp = 9};
  };
  mp::InsertRequest request;
  request.set_collection_name("c");
  request.set_num_rows(1);
  auto* field = request.add_fields_data();
  field->set_type(pb::schema::Int64);
  field->set_field_name("id");
  field->mutable_scalars()->mutable_long_data()->add_data(5);
  std::atomic<int> refused{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {  // one at work, one in the queue
    clients.emplace_back([&] {
      mp::MutationResult result;
      EXPECT_TRUE(Call("Insert", request, &result).ok());
      if (result.status().code() == 0) return;
      EXPECT_EQ(result.status().code(), 4);
      EXPECT_EQ(result.status().reason(), "too many concurrent requests, queue is full");
      EXPECT_TRUE(result.status().retriable());
      ++refused;
    });
  }
  for (int i = 0; i < 4000 && refused < 6; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  go = true;
  for (std::thread& client : clients) client.join();
  EXPECT_GE(refused, 6);  // one more while the worker has not taken the first yet
}

TEST_F(ServiceTest, AnErrorThatQuotesBrokenTextCanStillBeRead) {
  proxy_.on_search = [](const proxy::SearchRequest&, const Context&) -> Result<proxy::SearchResponse> {
    return InvalidArgument("the value \xFF cut \xC3");
  };
  mp::SearchResults results;
  ASSERT_TRUE(Call("Search", OneQuery(), &results).ok());
  EXPECT_EQ(results.status().reason(), "the value \xEF\xBF\xBD cut \xEF\xBF\xBD");  // else Python's protobuf drops the answer
}

TEST_F(ServiceTest, CheckHealthSaysWhatIsMissing) {
  const std::string sentence = "collection default.docs: 1 of 1 shards are being opened";
  std::atomic<bool> ready = false;
  RpcOptions options;
  options.missing = [&] { return ready ? std::vector<std::string>() : std::vector<std::string>{sentence}; };
  Start({}, {.name = "request", .threads = 2}, options);
  mp::CheckHealthResponse response;
  ASSERT_TRUE(Call("CheckHealth", mp::CheckHealthRequest(), &response).ok());
  EXPECT_FALSE(response.ishealthy());
  ASSERT_EQ(response.reasons_size(), 1);
  EXPECT_EQ(response.reasons(0), sentence);
  EXPECT_EQ(StandardHealth(), kNotServing);
  ready = true;
  ASSERT_TRUE(Call("CheckHealth", mp::CheckHealthRequest(), &response).ok());
  EXPECT_TRUE(response.ishealthy());
  for (int i = 0; i < 500 && StandardHealth() != kServing; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(StandardHealth(), kServing);
}

TEST_F(ServiceTest, RunAnalyzerTellsDetailsAndHashesWhenAsked) {
  mp::RunAnalyzerRequest request;
  request.add_placeholder("one");
  request.add_placeholder("two");
  request.set_collection_name("books");
  request.set_field_name("title");
  request.add_analyzer_names("en");
  mp::RunAnalyzerResponse response;
  ASSERT_TRUE(Call("RunAnalyzer", request, &response).ok());
  ASSERT_EQ(response.results_size(), 2);
  EXPECT_EQ(response.results(0).tokens(0).ShortDebugString(), "token: \"ab\"");
  EXPECT_EQ(proxy_.last_analysis.field, "title");
  EXPECT_EQ(proxy_.last_analysis.target.collection, "books");
  EXPECT_EQ(proxy_.last_analysis.analyzer_names, std::vector<std::string>{"en"});
  request.set_with_detail(true);
  request.set_with_hash(true);
  ASSERT_TRUE(Call("RunAnalyzer", request, &response).ok());
  EXPECT_EQ(response.results(1).tokens(0).ShortDebugString(),
            "token: \"ab\" start_offset: 1 end_offset: 3 position: 4 position_length: 1 hash: 7");
}

TEST_F(ServiceTest, ComputePhraseMatchSlopSaysMinusOneForNever) {
  mp::ComputePhraseMatchSlopResponse response;
  ASSERT_TRUE(Call("ComputePhraseMatchSlop", mp::ComputePhraseMatchSlopRequest(), &response).ok());
  EXPECT_EQ(response.ShortDebugString(), "status { } is_match: true is_match: false slops: 2 slops: -1");
}

TEST_F(ServiceTest, UnknownMethodsAreRefusedWithASentence) {
  mp::DummyResponse response;
  grpc::Status status = Call("RestoreSnapshot", mp::DummyRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_NE(status.error_message().find("RestoreSnapshot"), std::string::npos);
  status = Call("NeverHeardOf", mp::DummyRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_NE(status.error_message().find("NeverHeardOf"), std::string::npos);
}

TEST_F(ServiceTest, ABrokenMessageIsInvalidAndTheServerLives) {
  mp::DummyRequest broken;
  broken.set_request_type("\x0a\xff\xff");  // field 1 of SearchRequest is a message
  mp::SearchResults results;
  EXPECT_EQ(Call("Search", broken, &results).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  mp::GetVersionResponse version;
  EXPECT_TRUE(Call("GetVersion", mp::GetVersionRequest(), &version).ok());
}

TEST_F(ServiceTest, FlushIsKeyedByTheRequestedNames) {
  mp::FlushRequest request;
  request.add_collection_names("an_alias");
  mp::FlushResponse response;
  ASSERT_TRUE(Call("Flush", request, &response).ok());
  EXPECT_EQ(response.coll_segids().at("an_alias").data_size(), 2);
  EXPECT_EQ(response.flush_coll_segids().at("an_alias").data_size(), 2);
  EXPECT_EQ(response.coll_flush_ts().at("an_alias"), 99u);
}

TEST_F(ServiceTest, LoadStateOfAnUnknownCollectionIsNotAnError) {
  mp::GetLoadStateRequest request;
  request.set_collection_name("ghost");
  mp::GetLoadStateResponse response;
  ASSERT_TRUE(Call("GetLoadState", request, &response).ok());
  EXPECT_EQ(response.status().code(), 0);
  EXPECT_EQ(response.state(), pb::common::LoadStateNotExist);
}

TEST_F(ServiceTest, MissingIndexCarriesItsLegacyCode) {
  mp::DescribeIndexRequest request;
  request.set_collection_name("c");
  mp::DescribeIndexResponse response;
  ASSERT_TRUE(Call("DescribeIndex", request, &response).ok());
  EXPECT_EQ(response.status().code(), 700);
  EXPECT_EQ(response.status().error_code(), pb::common::IndexNotExist);
}

TEST_F(ServiceTest, AsksForCredentialsWhenAuthenticationIsOn) {
  auth::AuthOptions options;
  options.enabled = true;
  options.root_password = "root-password";
  Start(options);
  mp::GetVersionResponse response;
  grpc::Status status = Call("GetVersion", mp::GetVersionRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(status.error_message(), "missing authorization in header");
  status = Call("GetVersion", mp::GetVersionRequest(), &response, {{"authorization", auth::EncodeBase64("root:Milvus")}});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(status.error_message(), "auth check failure, please check username and password are correct");
  status = Call("CreateRole", mp::CreateRoleRequest(), &response);  // not implemented, and not told to strangers
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  const std::map<std::string, std::string> root = {{"authorization", auth::EncodeBase64("root:root-password")}};
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Call("GetVersion", mp::GetVersionRequest(), &response, root).ok());

  mp::CreateCredentialRequest create;
  create.set_username("alice");
  create.set_password(auth::EncodeBase64("alice-password"));
  pb::common::Status created;
  ASSERT_TRUE(Call("CreateCredential", create, &created, root).ok());
  EXPECT_EQ(created.code(), 0) << created.reason();
  const std::map<std::string, std::string> alice = {{"authorization", auth::EncodeBase64("alice:alice-password")}};
  EXPECT_TRUE(Call("GetVersion", mp::GetVersionRequest(), &response, alice).ok());
  EXPECT_EQ(Call("CreateCredential", create, &created, alice).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(ServiceTest, AnswersCompressedRequestsInKind) {
  const std::string path = "/milvus.proto.milvus.MilvusService/GetVersion";
  const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC, channel_);
  mp::GetVersionRequest request;
  mp::GetVersionResponse response;
  grpc::ClientContext compressed;
  compressed.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  EXPECT_TRUE((grpc::internal::BlockingUnaryCall<mp::GetVersionRequest, mp::GetVersionResponse>(channel_.get(), rpc, &compressed, request,
                                                                                                &response))
                  .ok());
  EXPECT_EQ(grpc_call_test_only_get_compression_algorithm(compressed.c_call()), GRPC_COMPRESS_GZIP);
  grpc::ClientContext plain;
  EXPECT_TRUE(
      (grpc::internal::BlockingUnaryCall<mp::GetVersionRequest, mp::GetVersionResponse>(channel_.get(), rpc, &plain, request, &response))
          .ok());
  EXPECT_EQ(grpc_call_test_only_get_compression_algorithm(plain.c_call()), GRPC_COMPRESS_NONE);
}

TEST_F(ServiceTest, UnpacksNoMoreThanItWouldTakePlain) {
  RpcOptions options;
  options.max_receive_bytes = 1 << 20;
  Start({}, {.name = "request", .threads = 2}, options);
  const std::string path = "/milvus.proto.milvus.MilvusService/HasCollection";
  const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC, channel_);
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    for (const size_t size : {size_t{1000}, size_t{1} << 19, size_t{8} << 20}) {  // the last is a few kilobytes on the wire
      mp::HasCollectionRequest request;
      request.set_collection_name(std::string(size, 'a'));
      mp::BoolResponse response;
      grpc::ClientContext context;
      context.set_compression_algorithm(algorithm);
      const grpc::Status status =
          grpc::internal::BlockingUnaryCall<mp::HasCollectionRequest, mp::BoolResponse>(channel_.get(), rpc, &context, request, &response);
      EXPECT_EQ(status.error_code(), size > options.max_receive_bytes ? grpc::StatusCode::RESOURCE_EXHAUSTED : grpc::StatusCode::OK)
          << size << ": " << status.error_message();
    }
  }
}

TEST_F(ServiceTest, ABigRequestAsksTheLedgerFirst) {
  MemoryBudget memory(8 << 20);
  RpcOptions options;
  options.memory = &memory;
  Start({}, {.name = "request", .threads = 2}, options);
  mp::HasCollectionRequest request;
  mp::BoolResponse response;
  request.set_collection_name(std::string(1 << 20, 'a'));
  ASSERT_TRUE(Call("HasCollection", request, &response).ok());
  EXPECT_NE(response.status().code(), 3) << response.status().reason();
  request.set_collection_name(std::string(4 << 20, 'a'));
  ASSERT_TRUE(Call("HasCollection", request, &response).ok());
  EXPECT_EQ(response.status().code(), 3) << response.status().reason();
  server_->Shutdown(std::chrono::system_clock::now());
  EXPECT_EQ(memory.used_bytes(), 0u);
}

TEST_F(ServiceTest, AnswersTheStandardHealthCheck) {
  EXPECT_EQ(StandardHealth(), kServing);
}

TEST_F(ServiceTest, SpeaksTlsToBothKindsOfClients) {
  const std::string base = testing::TempDir() + "/saker_tls_" + std::to_string(getpid());
  const std::string make =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
      " -addext subjectAltName=DNS:localhost -keyout " +
      base + ".key -out " + base + ".crt 2>/dev/null && chmod 600 " + base + ".key";
  if (std::system(make.c_str()) != 0) GTEST_SKIP() << "openssl cannot make a certificate here";
  RpcOptions options;
  options.tls_certificate_path = base + ".crt";
  options.tls_key_path = base + ".key";
  Start({}, {.name = "request", .threads = 2}, options);
  std::ifstream file(base + ".crt");
  const std::string certificate((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = certificate;
  channel_ = grpc::CreateChannel("localhost:" + std::to_string(server_->port()), grpc::SslCredentials(ssl));
  mp::GetVersionResponse response;
  const grpc::Status status = Call("GetVersion", mp::GetVersionRequest(), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  const std::string https =
      "openssl s_client -connect 127.0.0.1:" + std::to_string(server_->port()) + " -alpn http/1.1 </dev/null >/dev/null 2>&1";
  [[maybe_unused]] const int closed = std::system(https.c_str());
  EXPECT_TRUE(https_);
  EXPECT_FALSE(http_);
  // Plain text on a TLS port is never served.
  channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()), grpc::InsecureChannelCredentials());
  EXPECT_FALSE(Call("GetVersion", mp::GetVersionRequest(), &response, {}, 500).ok());
  std::filesystem::permissions(base + ".key", std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  const auto open_key = StartRpcServer(options, proxy_, *authenticator_, *pool_, [](int, bool) {});
  ASSERT_FALSE(open_key.ok());
  EXPECT_NE(open_key.status().message().find("may be read by others"), std::string::npos);
  std::filesystem::remove(base + ".key");
  std::filesystem::remove(base + ".crt");
}

TEST_F(ServiceTest, ShutdownEndsRunningCallsByTheDeadline) {
  proxy_.on_search = [&](const proxy::SearchRequest&, const Context& context) -> Result<proxy::SearchResponse> {
    while (!context.Done()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return context.Check();
  };
  std::thread client([&] {
    mp::SearchResults results;
    EXPECT_FALSE(Call("Search", OneQuery(), &results, {}, 20000).ok());
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const auto begin = std::chrono::steady_clock::now();
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  client.join();
}

}  // namespace
}  // namespace saker::rpc
