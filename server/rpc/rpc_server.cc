#include "server/rpc/rpc_server.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include <google/protobuf/stubs/logging.h>
#include <absl/synchronization/mutex.h>
#include <grpc/support/log.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "common/log.h"
#include "server/rpc/health_status.h"
#include "server/rpc/listener.h"
#include "server/rpc/service.h"

namespace saker::rpc {
namespace {

Status CheckReadable(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (in.peek() == std::ifstream::traits_type::eof()) return InvalidArgument("cannot read ", path, ": ", std::strerror(errno));
  return OkStatus();
}

Status CheckKey(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return InvalidArgument("cannot read the TLS key ", path, ": ", std::strerror(errno));
  if ((info.st_mode & S_IRWXO) != 0) return InvalidArgument("the TLS key ", path, " may be read by others: chmod o= ", path);
  return CheckReadable(path);
}

// Files are looked at again every few seconds, so a renewed certificate needs no restart.
Result<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const RpcOptions& options) {
  constexpr unsigned kRefreshSeconds = 5;
  if (options.tls_certificate_path.empty() != options.tls_key_path.empty()) {
    return InvalidArgument("TLS wants both a certificate and a key: got '", options.tls_certificate_path, "' and '", options.tls_key_path,
                           "'");
  }
  if (options.tls_certificate_path.empty() && !options.tls_client_ca_path.empty()) {
    return InvalidArgument("the clients' CA ", options.tls_client_ca_path, " means nothing without a TLS certificate and a key");
  }
  if (options.tls_certificate_path.empty()) return grpc::InsecureServerCredentials();
  TRY(CheckReadable(options.tls_certificate_path));
  TRY(CheckKey(options.tls_key_path));
  if (!options.tls_client_ca_path.empty()) TRY(CheckReadable(options.tls_client_ca_path));
  auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(options.tls_key_path, options.tls_certificate_path,
                                                                                       options.tls_client_ca_path, kRefreshSeconds);
  grpc::experimental::TlsServerCredentialsOptions tls(std::move(provider));
  tls.watch_identity_key_cert_pairs();
  if (!options.tls_client_ca_path.empty()) {
    tls.watch_root_certs();
    tls.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(tls);
}

// The libraries' own lines go into our log, which bounds repeated ones: a client's bad text must not fill the disk.
void AdoptLibraryLogs() {
  google::protobuf::SetLogHandler([](google::protobuf::LogLevel level, const char*, int, const std::string& message) {
    if (level >= google::protobuf::LOGLEVEL_WARNING) Log(kWarning, "protobuf", {{"message", message}});
  });
  gpr_set_log_function([](gpr_log_func_args* line) {
    if (line->severity == GPR_LOG_SEVERITY_ERROR) Log(kWarning, "gRPC", {{"message", line->message}});
  });
}

void ConfigureBuilder(const RpcOptions& options, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(static_cast<int>(options.max_receive_bytes));
  builder->SetMaxSendMessageSize(static_cast<int>(options.max_send_bytes));
  // Calls unpack their requests themselves, with a bound: inflate.h.
  builder->AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  // Clients ping every 10 s without calls; gRPC would answer GOAWAY too_many_pings.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 300000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams_per_connection);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16384);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, static_cast<int>(options.first_bytes_timeout.count()));
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);  // counts every call for an interface that nobody opens
  // Half messages wait inside gRPC, where the ledger does not see them: at the bound it ends the calls that hold the most.
  builder->SetResourceQuota(grpc::ResourceQuota("saker").Resize(options.max_receiving_bytes));
}

class GrpcServer final : public RpcServer {
 public:
  GrpcServer(RpcOptions options, proxy::Proxy& proxy, auth::Authenticator& authenticator, WorkerPool& pool)
      : options_(std::move(options)),
        services_{options_, proxy, authenticator},
        service_(MakeMilvusService(services_, pool, health_book_)) {}

  ~GrpcServer() override { Shutdown(std::chrono::system_clock::now()); }

  Status Start(std::function<void(int fd, bool tls)> on_http) {
    const std::shared_ptr<grpc::ServerCredentials> credentials = TRY(MakeCredentials(options_));
    AdoptLibraryLogs();
    // Debian's abseil keeps a graph of every lock's order for a debugging aid: a few percent of each call.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    grpc::ServerBuilder builder;
    ConfigureBuilder(options_, &builder);
    service_->Register(&builder);
    using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
    acceptor_ = builder.experimental().AddExternalConnectionAcceptor(Type::FROM_FD, credentials);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return Internal("gRPC did not start; its own log says why");
    service_->Start();
    Listener::Options listener{.address = options_.address,
                               .port = options_.port,
                               .tls = !options_.tls_certificate_path.empty(),
                               .max_connections = options_.max_connections,
                               .first_bytes_timeout = options_.first_bytes_timeout};
    listener_ = TRY(Listener::Start(listener, {.grpc = [this](int fd) { TakeGrpc(fd); }, .http = std::move(on_http)}));
    health_ = std::make_unique<HealthStatus>(health_book_, options_.missing);
    return OkStatus();
  }

  uint16_t port() const override { return listener_ == nullptr ? 0 : listener_->port(); }

  void Shutdown(std::chrono::system_clock::time_point deadline) override {
    if (listener_ != nullptr) listener_->Stop();
    if (server_ == nullptr || stopped_) return;
    stopped_ = true;
    health_.reset();
    health_book_.Close();
    server_->Shutdown(deadline);
    service_->Stop();
  }

 private:
  void TakeGrpc(int fd) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.listener_fd = -1;
    connection.fd = fd;
    acceptor_->HandleNewConnection(&connection);
  }

  const RpcOptions options_;
  const Services services_;
  HealthBook health_book_;
  std::unique_ptr<MilvusService> service_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<HealthStatus> health_;
  std::unique_ptr<Listener> listener_;
  bool stopped_ = false;
};

}  // namespace

Result<std::unique_ptr<RpcServer>> StartRpcServer(RpcOptions options, proxy::Proxy& proxy, auth::Authenticator& authenticator,
                                                  WorkerPool& request_pool, std::function<void(int fd, bool tls)> on_http) {
  auto server = std::make_unique<GrpcServer>(std::move(options), proxy, authenticator, request_pool);
  TRY(server->Start(std::move(on_http)));
  return std::unique_ptr<RpcServer>(std::move(server));
}

}  // namespace saker::rpc
