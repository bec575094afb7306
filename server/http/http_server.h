// HTTP/1.1 on sockets that it is handed or that it accepts itself; with TLS when it has a certificate.
//
// A few network threads read requests and write answers; handlers run on a bounded pool, and a full pool is refused in
// the dialect's own words. One request of a connection is worked on at a time; pipelined ones wait. Everything a client
// can make grow is bounded: connections, header and body bytes, bytes of all bodies together, the time for each part.
// An idle connection costs well below 2 KiB and no thread. Any Host header is served.
//
// Adopt and Shutdown may be called from any thread. The router must outlive the server and is not changed after Start.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "common/memory_budget.h"
#include "common/result.h"
#include "server/http/router.h"

namespace saker::http {

struct ServerOptions {
  std::string name = "http";  // of its threads and its metrics' `server` label
  int io_threads = 2;
  int worker_threads = 16;
  size_t worker_queue_limit = 1024;
  size_t max_connections = 16384;
  size_t max_header_bytes = 16 * 1024;
  size_t max_body_bytes = 64 << 20;
  size_t max_bodies_bytes = size_t{256} << 20;  // of all requests in work
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds idle_timeout{600'000};
  // A body or an answer may take this long plus the time its bytes need at 16 KiB/s.
  std::chrono::milliseconds transfer_timeout{30'000};
  bool cors = true;
  std::string certificate_path;  // PEM; both or none
  std::string private_key_path;
  std::string client_ca_path;                          // PEM; with it a client without a certificate that it signed gets no answer
  std::chrono::milliseconds certificate_check{5'000};  // how often the files are looked at for a renewal
  MemoryBudget* memory = nullptr;                      // asked for what a big request will take; must outlive the server
};

class HttpServer {
 public:
  // Starts the threads. InvalidArgument names a certificate or key that cannot be used.
  static Result<std::unique_ptr<HttpServer>> Start(ServerOptions options, const Router& router);
  ~HttpServer();  // Shutdown with no time to drain

  // Takes over an accepted socket (and closes it in the end, whatever happens). `already_read` are bytes that the caller
  // has consumed from it (peeked ones do not count); only without TLS. `tls` needs a certificate in the options.
  void Adopt(int fd, bool tls, std::string already_read = {});

  // Listens by itself too and returns the port: the given one, or a free one for 0. Address as numbers ("127.0.0.1", "::1").
  Result<uint16_t> Listen(const std::string& address, uint16_t port);

  // Stops accepting, lets requests in work end until the deadline, then cancels and closes the rest. Idempotent.
  void Shutdown(std::chrono::steady_clock::time_point deadline);

  size_t connection_count() const;

 private:
  class State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace saker::http
