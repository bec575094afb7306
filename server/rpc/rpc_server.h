// The public port: one TCP port that carries gRPC and HTTP/1.1, with TLS when a certificate is configured.
//
// A connection's first bytes decide: the HTTP/2 preface (or ALPN h2) goes to gRPC, HTTP/1.1 to `on_http`, anything else is
// closed. Calls run on the request pool and end in proxy::Proxy; a full pool answers "too many concurrent requests".
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/memory_budget.h"
#include "common/result.h"
#include "common/worker_pool.h"
#include "server/auth/authenticator.h"
#include "server/proxy/proxy.h"

namespace saker::rpc {

struct RpcOptions {
  std::string address = "127.0.0.1";  // "0.0.0.0" or "::" opens it to others
  uint16_t port = 19530;              // 0: any free port
  std::string tls_certificate_path;   // PEM; with the key: TLS on the whole port
  std::string tls_key_path;           // PEM; refused when others may read it
  std::string tls_client_ca_path;     // PEM; clients must then show a certificate
  std::string version = "v2.6.4";     // what Connect tells as build_tags: clients parse it to see what the server can do
  size_t max_receive_bytes = size_t{64} << 20;
  size_t max_send_bytes = size_t{256} << 20;
  std::function<std::vector<std::string>()> missing;  // what stands between the server and right answers, for CheckHealth
  MemoryBudget* memory = nullptr;                     // asked for what a big request will take; must outlive the server
  size_t max_receiving_bytes = size_t{512} << 20;     // of all messages that are not complete yet, and of gRPC's buffers
  size_t max_connections = 20000;
  int max_streams_per_connection = 1000;
  // How long a connection may stay without saying what it is.
  std::chrono::milliseconds first_bytes_timeout{10000};
};

class RpcServer {
 public:
  virtual ~RpcServer() = default;
  virtual uint16_t port() const = 0;
  // Stops accepting, lets running calls end until `deadline`, then cancels them. Returns when every call has ended.
  virtual void Shutdown(std::chrono::system_clock::time_point deadline) = 0;
};

// `on_http` owns the socket it is given: non-blocking, nothing read from it yet; `tls` says that a TLS handshake comes
// first. It is called on the listener's thread and must not block. All references must outlive the server.
Result<std::unique_ptr<RpcServer>> StartRpcServer(RpcOptions options, proxy::Proxy& proxy, auth::Authenticator& authenticator,
                                                  WorkerPool& request_pool, std::function<void(int fd, bool tls)> on_http);

}  // namespace saker::rpc
