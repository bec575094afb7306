// The operations port: /metrics, /livez, /readyz, /healthz and nothing else. No call here reads or writes data.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "server/http/http_server.h"

namespace saker::ops {

// Ready when nothing is missing; each entry names a part ("log", "model BAAI/bge-m3") and what it waits for.
struct Readiness {
  std::vector<std::pair<std::string, std::string>> missing;
  bool ready() const { return missing.empty(); }
};

struct OpsOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 9091;  // 0: a free one
  std::string version;   // for saker_build_info
};

class OpsServer {
 public:
  // `readiness` is asked at each probe, from a thread of this server, until Shutdown returns.
  static Result<std::unique_ptr<OpsServer>> Start(OpsOptions options, std::function<Readiness()> readiness);
  ~OpsServer();

  uint16_t port() const { return port_; }
  void Shutdown(std::chrono::steady_clock::time_point deadline);

 private:
  OpsServer() = default;
  std::function<Readiness()> readiness_;
  http::Router router_;
  std::unique_ptr<http::HttpServer> server_;
  uint16_t port_ = 0;
};

}  // namespace saker::ops
