#include "server/serve.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include <unistd.h>

#include "common/heap.h"
#include "common/log.h"
#include "common/memory_budget.h"
#include "common/metrics.h"
#include "common/mutex.h"
#include "common/worker_pool.h"
#include "server/auth/authenticator.h"
#include "server/coord/coordinator.h"
#include "server/http/http_server.h"
#include "server/models/model_registry.h"
#include "server/ops/ops_server.h"
#include "server/proxy/make_proxy.h"
#include "server/rest/rest.h"
#include "server/rpc/rpc_server.h"
#include "storage/storage.h"

namespace saker::server {

const char* const kVersion = SAKER_VERSION;

namespace {

// The catalog's users behind auth's small interface.
class CatalogUsers final : public auth::UserStore {
 public:
  explicit CatalogUsers(coord::Coordinator& coordinator) : coordinator_(coordinator) {}
  Result<std::optional<std::string>> Get(const std::string& user) override {
    Result<std::string> found = coordinator_.GetUser(user);
    if (found.ok()) return std::optional<std::string>(*found);
    if (found.status().code() == StatusCode::kNotFound) return std::optional<std::string>();
    return found.status();
  }
  Status Put(const std::string& user, const std::string& hash) override { return coordinator_.PutUser(user, hash); }
  Status Delete(const std::string& user) override { return coordinator_.DropUser(user); }
  Result<std::vector<std::string>> List() override { return coordinator_.ListUsers(); }

 private:
  coord::Coordinator& coordinator_;
};

// What the ops port's probes see while the rest comes up and goes down.
struct Stages {
  Mutex mutex;
  const coord::Coordinator* coordinator GUARDED_BY(mutex) = nullptr;
  const models::ModelRegistry* models GUARDED_BY(mutex) = nullptr;
  bool listening GUARDED_BY(mutex) = false;
  bool stopping GUARDED_BY(mutex) = false;
};

// Shows a part to the probes for as long as it lives; no probe still looks at it once this is gone.
template <typename T>
class Shown {
 public:
  Shown(Stages& stages, const T* Stages::*place, const T* part) : stages_(stages), place_(place) { Set(part); }
  ~Shown() { Set(nullptr); }
  Shown(const Shown&) = delete;
  Shown& operator=(const Shown&) = delete;

 private:
  void Set(const T* part) {
    MutexLock lock(stages_.mutex);
    stages_.*place_ = part;
  }
  Stages& stages_;
  const T* Stages::*const place_;
};

ops::Readiness GetReadiness(Stages& stages) {
  ops::Readiness readiness;
  MutexLock lock(stages.mutex);
  if (stages.stopping) {
    readiness.missing.emplace_back("server", "it is shutting down");
    return readiness;
  }
  if (stages.coordinator != nullptr) {
    for (std::string& sentence : stages.coordinator->GetReadiness().missing) readiness.missing.emplace_back("log", std::move(sentence));
  } else {
    readiness.missing.emplace_back("storage", "the data directory is being opened");
  }
  if (stages.models != nullptr) {
    for (std::string& sentence : stages.models->Missing()) readiness.missing.emplace_back("model", std::move(sentence));
  }
  if (readiness.missing.empty() && !stages.listening) readiness.missing.emplace_back("port", "the public port is not open yet");
  return readiness;
}

std::vector<std::string> MissingSentences(Stages& stages) {
  std::vector<std::string> sentences;
  for (auto& [part, sentence] : GetReadiness(stages).missing) sentences.push_back(std::move(sentence));
  return sentences;
}

int Fail(const std::string& what, const Status& status) {
  std::fprintf(stderr, "saker: %s: %s\n", what.c_str(), status.message().c_str());
  return 1;
}

int Cores() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void LogEffectiveConfig(const Config& config) {
  std::string text;
  ForEachSetting(config, [&](const char* name, const auto& value, const char*) {
    std::ostringstream out;
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::vector<std::string>>) {
      for (const std::string& item : value) out << (out.tellp() > 0 ? "," : "") << item;
    } else {
      out << std::boolalpha << value;
    }
    text += (text.empty() ? "" : " ") + std::string(name) + "=" + out.str();
  });
  Log(kInfo, "configuration", {{"values", text}});
}

// An IPv6 address wants brackets before a port.
std::string UrlHost(const std::string& address) {
  return address.find(':') != std::string::npos ? "[" + address + "]" : address;
}

void PrintWelcome(const Config& config, uint16_t port, uint16_t ops_port, const auth::Authenticator& authenticator) {
  const std::string host = config.address == "0.0.0.0" || config.address == "::" ? "127.0.0.1" : config.address;
  const std::string scheme = config.tls_certificate.empty() ? "http" : "https";
  const std::string url = scheme + "://" + UrlHost(host) + ":" + std::to_string(port);
  std::printf("Saker %s\n  data        %s\n  clients     %s   (Milvus gRPC and REST, OpenAI /v1/embeddings)\n", kVersion,
              config.data.c_str(), url.c_str());
  std::printf("  operations  http://%s:%d   (/metrics, /livez, /readyz)\n", UrlHost(config.ops_address).c_str(), ops_port);
  const char* token = authenticator.enabled() ? ", token=\"root:PASSWORD\"" : "";
  std::printf("Try it:\n  python: from pymilvus import MilvusClient; client = MilvusClient(\"%s\"%s)\n", url.c_str(), token);
  std::printf("  curl -s %s/v2/vectordb/collections/create -d '{\"collectionName\": \"docs\", \"dimension\": 4}'\n", url.c_str());
  std::fflush(stdout);
}

void AnnounceRootPassword(const std::string& password) {
  std::printf("saker: made user root, password %s   (shown only here)\n", password.c_str());
  std::fflush(stdout);
}

// Blocks until SIGTERM or SIGINT; they are blocked in every thread.
// A call may hang in the disk or the kernel; a process that was told to end ends nevertheless.
void EndAfter(std::chrono::seconds patience) {
  std::thread([patience] {
    std::this_thread::sleep_for(patience);
    Log(kError, "something does not end: ending at once (nothing acknowledged is lost)", {{"waited_s", patience.count()}});
    _exit(1);
  }).detach();
}

void WaitForSignal(const sigset_t& signals) {
  int signal = 0;
  sigwait(&signals, &signal);
  Log(kInfo, "stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  std::thread([signals] {
    int again = 0;
    sigwait(&signals, &again);
    std::fprintf(stderr, "saker: a second signal: ending at once (nothing acknowledged is lost)\n");
    _exit(1);
  }).detach();  // ends with the process either way
}

}  // namespace

int Serve(const Config& config) {
  if (const Status status = CheckConfig(config); !status.ok()) return Fail("configuration", status);
  ConfigureHeap();
  const std::map<std::string, LogLevel> levels{{"debug", kDebug}, {"info", kInfo}, {"warning", kWarning}, {"error", kError}};
  ConfigureLog(levels.at(config.log_level), config.log_format == "json" ? LogFormat::kJson : LogFormat::kPlain);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const auto start = std::chrono::steady_clock::now();
  LogEffectiveConfig(config);

  Stages stages;
  auto ops = ops::OpsServer::Start({.address = config.ops_address, .port = static_cast<uint16_t>(config.ops_port), .version = kVersion},
                                   [&stages] { return GetReadiness(stages); });
  if (!ops.ok()) return Fail("operations port (another with --ops-port)", ops.status());

  const Result<uint64_t> memory_limit = ParseBytes(config.memory_limit, AvailableMemoryBytes());
  if (!memory_limit.ok()) return Fail("memory-limit", memory_limit.status());
  const auto shared_memory = std::make_shared<MemoryBudget>(*memory_limit);  // the metrics may look at it to the very end
  MemoryBudget& memory = *shared_memory;
  for (const char* account : {"growing", "columns", "index", "model", "request"}) {
    SetGaugeCallback("saker_memory_ledger_bytes", "What the memory ledger has given out.", {{"account", account}},
                     [shared_memory, account] {
                       const std::map<std::string, uint64_t> accounts = shared_memory->Accounts();
                       const auto found = accounts.find(account);
                       return found == accounts.end() ? 0.0 : static_cast<double>(found->second);
                     });
  }
  SetGaugeCallback("saker_memory_limit_bytes", "What the memory ledger may give out.", {},
                   [limit = *memory_limit] { return static_cast<double>(limit); });

  auto storage = storage::OpenStorage({.directory = config.data,
                                       .block_cache_bytes = config.block_cache_bytes,
                                       .write_buffer_bytes = config.write_buffer_bytes,
                                       .reserve_bytes = config.reserve_bytes,
                                       .accept_log_loss = config.accept_log_loss});
  if (!storage.ok()) return Fail("data directory " + config.data, storage.status());

  models::ModelRegistry::Options model_options;
  for (const std::string& argument : config.model) {
    Result<models::ModelEntry> entry = models::ParseModelArgument(argument);
    if (!entry.ok()) return Fail("--model " + argument, entry.status());
    model_options.configured.push_back(std::move(*entry));
  }
  model_options.file = models::ModelFilePath(config.data);
  model_options.defaults.precision = config.embed_precision == "fp32"   ? embed::Precision::kFloat32
                                     : config.embed_precision == "bf16" ? embed::Precision::kBFloat16
                                                                        : embed::Precision::kAuto;
  model_options.defaults.threads = config.embed_threads;
  model_options.defaults.queue_limit_tokens = config.embed_queue_tokens;
  model_options.budget = &memory;
  auto models = models::ModelRegistry::Start(std::move(model_options));
  if (!models.ok()) return Fail("models", models.status());
  const Shown<models::ModelRegistry> shown_models(stages, &Stages::models, models->get());

  WorkerPool search_pool({.name = "search", .threads = config.search_threads > 0 ? config.search_threads : Cores(), .queue_limit = 4096});
  WorkerPool background_pool({.name = "background",
                              .threads = config.background_threads > 0 ? config.background_threads : Cores(),
                              .queue_limit = 65536,
                              .nice = 10});
  // One build or merge at a time, on as many threads of idle time as the builder is given.
  WorkerPool build_pool({.name = "build", .threads = 1, .queue_limit = 65536, .nice = 10});
  auto coordinator = coord::Coordinator::Open(**storage, {.search_pool = &search_pool,
                                                          .background_pool = &background_pool,
                                                          .build_pool = &build_pool,
                                                          .memory = &memory,
                                                          .open_shard = shard::Shard::Open,
                                                          .seal_bytes = config.seal_bytes,
                                                          .segment_bytes = config.segment_bytes,
                                                          .build_threads = background_pool.threads()});
  if (!coordinator.ok()) return Fail("catalog", coordinator.status());
  const Shown<coord::Coordinator> shown_coordinator(stages, &Stages::coordinator, coordinator->get());

  CatalogUsers users(**coordinator);
  const char* root_password = std::getenv("SAKER_ROOT_PASSWORD");
  auto authenticator = auth::CreateAuthenticator({.enabled = config.auth,
                                                  .root_password_file = config.root_password_file,
                                                  .root_password = root_password != nullptr ? root_password : "",
                                                  .announce = AnnounceRootPassword},
                                                 users);
  if (!authenticator.ok()) return Fail("authentication", authenticator.status());

  std::unique_ptr<proxy::Proxy> proxy = proxy::MakeProxy(**coordinator, models->get());
  const auto missing = [&stages] { return MissingSentences(stages); };
  http::Router router;
  rest::RegisterRest(
      router,
      {.proxy = proxy.get(), .models = models->get(), .authenticator = authenticator->get(), .version = kVersion, .missing = missing});
  auto http = http::HttpServer::Start({.certificate_path = config.tls_certificate,
                                       .private_key_path = config.tls_key,
                                       .client_ca_path = config.tls_client_ca,
                                       .memory = &memory},
                                      router);
  if (!http.ok()) return Fail("HTTP", http.status());

  WorkerPool request_pool({.name = "request",
                           .threads = config.request_threads > 0 ? config.request_threads : std::max(8, 4 * Cores()),
                           .queue_limit = static_cast<size_t>(config.request_queue)});
  auto rpc = rpc::StartRpcServer({.address = config.address,
                                  .port = static_cast<uint16_t>(config.port),
                                  .tls_certificate_path = config.tls_certificate,
                                  .tls_key_path = config.tls_key,
                                  .tls_client_ca_path = config.tls_client_ca,
                                  .missing = missing,
                                  .memory = &memory,
                                  .max_receiving_bytes = std::clamp(memory.limit_bytes() / 8, uint64_t{256} << 20, uint64_t{1} << 30)},
                                 *proxy, **authenticator, request_pool, [&http](int fd, bool tls) { (*http)->Adopt(fd, tls); });
  if (!rpc.ok()) return Fail("public port", rpc.status());
  {
    MutexLock lock(stages.mutex);
    stages.listening = true;
  }
  const auto started_ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count();
  Log(kInfo, "serving",
      {{"address", config.address}, {"port", (*rpc)->port()}, {"ops_port", (*ops)->port()}, {"version", kVersion}, {"ms", started_ms}});
  if (IsOpenToOthers(config) && !config.auth)
    Log(kWarning, "the port is open to others without authentication", {{"address", config.address}});
  PrintWelcome(config, (*rpc)->port(), (*ops)->port(), **authenticator);

  WaitForSignal(signals);
  {
    MutexLock lock(stages.mutex);
    stages.stopping = true;  // from now on probes look at nothing else
  }
  const auto drain = std::chrono::seconds(config.drain_seconds);
  EndAfter(2 * drain + std::chrono::seconds(10));  // gRPC and HTTP are drained one after the other
  (*rpc)->Shutdown(std::chrono::system_clock::now() + drain);
  (*http)->Shutdown(std::chrono::steady_clock::now() + drain);
  request_pool.Shutdown();
  proxy.reset();
  (*coordinator)->Stop();
  build_pool.Shutdown();
  background_pool.Shutdown();
  search_pool.Shutdown();
  (*ops)->Shutdown(std::chrono::steady_clock::now() + std::chrono::seconds(1));
  const Status closed = (*storage)->Close();
  if (!closed.ok()) Log(kError, "closing the data directory failed", {{"reason", closed.message()}});
  Log(kInfo, "stopped");
  return closed.ok() ? 0 : 1;
}

}  // namespace saker::server
