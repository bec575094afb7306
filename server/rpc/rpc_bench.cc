// What a call costs the server beside its work: CPU of a server process whose proxy answers at once.
//
// The server runs in a child, so that its CPU is told apart from the client's.
#include <benchmark/benchmark.h>

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <thread>

#include "common/worker_pool.h"
#include "server/rpc/fake_proxy.h"
#include "server/rpc/rpc_server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include "milvus/milvus.pb.h"

namespace saker::rpc {
namespace {

namespace pb = ::milvus::proto;
namespace mp = ::milvus::proto::milvus;

class NoUsers final : public auth::UserStore {
  Result<std::optional<std::string>> Get(const std::string&) override { return std::optional<std::string>(); }
  Status Put(const std::string&, const std::string&) override { return OkStatus(); }
  Status Delete(const std::string&) override { return OkStatus(); }
  Result<std::vector<std::string>> List() override { return std::vector<std::string>(); }
};

[[noreturn]] void Serve(int port_pipe) {
  FakeProxy proxy;
  proxy.on_search = [](const proxy::SearchRequest& request, const Context&) -> Result<proxy::SearchResponse> {
    proxy::SearchResponse response;
    response.top_k = 10;
    for (size_t q = 0; q < request.ann.queries.count(); ++q) {
      response.hits_per_query.push_back(10);
      for (int i = 0; i < 10; ++i) {
        response.ids.ints.push_back(i);
        response.scores.push_back(static_cast<float>(i));
      }
    }
    response.primary_field_name = "id";
    return response;
  };
  proxy.on_insert = [](const proxy::InsertRequest& request, const Context&) -> Result<proxy::MutationResponse> {
    proxy::MutationResponse response{.ids = {}, .count = static_cast<int64_t>(request.row_count), .timestamp = 1};
    const auto keys = request.columns[0].column.Span<int64_t>();
    response.ids.ints.assign(keys.begin(), keys.end());
    return response;
  };
  NoUsers users;
  auto authenticator = *auth::CreateAuthenticator({}, users);
  WorkerPool pool({.name = "request", .threads = 2});
  RpcOptions options;
  options.port = 0;
  auto server = *StartRpcServer(options, proxy, *authenticator, pool, [](int, bool) {});
  const uint16_t port = server->port();
  if (write(port_pipe, &port, sizeof(port)) != sizeof(port)) _exit(1);
  while (true) pause();
}

class Server {
 public:
  Server() {
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) abort();
    child_ = fork();
    if (child_ == 0) Serve(pipe_ends[1]);
    if (read(pipe_ends[0], &port_, sizeof(port_)) != sizeof(port_)) abort();
  }
  ~Server() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  uint16_t port() const { return port_; }
  double CpuSeconds() const {
    clockid_t clock;
    timespec now{};
    if (clock_getcpuclockid(child_, &clock) != 0 || clock_gettime(clock, &now) != 0) return 0;
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
  }

 private:
  pid_t child_ = 0;
  uint16_t port_ = 0;
};

template <typename Request, typename Response>
void CallMany(uint16_t port, const char* method, const Request& request, int calls) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto channel = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials(), arguments);
  const grpc::internal::RpcMethod rpc(method, grpc::internal::RpcMethod::NORMAL_RPC, channel);
  Response response;
  for (int i = 0; i < calls; ++i) {
    grpc::ClientContext context;
    if (!grpc::internal::BlockingUnaryCall<Request, Response>(channel.get(), rpc, &context, request, &response).ok()) abort();
    if (response.status().code() != 0) abort();
  }
}

const Server* g_server = nullptr;

template <typename Response, typename Request>
void Measure(benchmark::State& state, const char* method, const Request& request, int clients, int calls) {
  CallMany<Request, Response>(g_server->port(), method, request, 20);
  double cpu = 0;
  double done = 0;
  for (auto _ : state) {
    const double before = g_server->CpuSeconds();
    std::vector<std::thread> threads;
    for (int c = 0; c < clients; ++c) threads.emplace_back([&] { CallMany<Request, Response>(g_server->port(), method, request, calls); });
    for (std::thread& thread : threads) thread.join();
    cpu += g_server->CpuSeconds() - before;
    done += static_cast<double>(clients) * calls;
  }
  state.counters["server_cpu_us_per_call"] = cpu * 1e6 / done;
  state.SetItemsProcessed(static_cast<int64_t>(done));
}

void SearchCall(benchmark::State& state) {
  const auto queries = static_cast<int>(state.range(1));
  pb::common::PlaceholderGroup group;
  auto* placeholder = group.add_placeholders();
  placeholder->set_tag("$0");
  placeholder->set_type(pb::common::PlaceholderType::FloatVector);
  for (int i = 0; i < queries; ++i) placeholder->add_values(std::string(400, 'v'));
  mp::SearchRequest request;
  request.set_collection_name("glove");
  request.set_placeholder_group(group.SerializeAsString());
  request.set_nq(queries);
  request.set_use_default_consistency(true);
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"anns_field", "vector"}, {"topk", "10"}, {"params", "{\"ef\": 64}"}, {"round_decimal", "-1"}, {"metric_type", "COSINE"}}) {
    auto* pair = request.add_search_params();
    pair->set_key(key);
    pair->set_value(value);
  }
  Measure<mp::SearchResults>(state, "/milvus.proto.milvus.MilvusService/Search", request, static_cast<int>(state.range(0)), 5000 / queries);
}
BENCHMARK(SearchCall)->ArgNames({"clients", "nq"})->Args({1, 1})->Args({8, 1})->Args({1, 100})->UseRealTime()->Iterations(2);

void InsertCall(benchmark::State& state) {
  constexpr int kRows = 10000, kDim = 100;
  mp::InsertRequest request;
  request.set_collection_name("glove");
  request.set_num_rows(kRows);
  auto* keys = request.add_fields_data();
  keys->set_type(pb::schema::Int64);
  keys->set_field_name("id");
  for (int i = 0; i < kRows; ++i) keys->mutable_scalars()->mutable_long_data()->add_data(i);
  auto* vectors = request.add_fields_data();
  vectors->set_type(pb::schema::FloatVector);
  vectors->set_field_name("vector");
  vectors->mutable_vectors()->set_dim(kDim);
  vectors->mutable_vectors()->mutable_float_vector()->mutable_data()->Resize(kRows * kDim, 0.5f);
  Measure<mp::MutationResult>(state, "/milvus.proto.milvus.MilvusService/Insert", request, 1, 20);
}
BENCHMARK(InsertCall)->UseRealTime()->Iterations(2);

}  // namespace
}  // namespace saker::rpc

int main(int argc, char** argv) {
  const saker::rpc::Server server;  // forks: before gRPC has threads
  saker::rpc::g_server = &server;
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
