#include "server/ops/ops_server.h"

#include <nlohmann/json.hpp>

#include "server/ops/process_metrics.h"
#include "server/ops/prometheus_text.h"

namespace saker::ops {

namespace {

http::Response Metrics(const http::Request&) {
  std::vector<MetricFamily> families = CollectMetrics();
  for (MetricFamily& family : ProcessMetrics()) families.push_back(std::move(family));
  return {.content_type = kPrometheusContentType, .body = PrometheusText(families)};
}

http::Response Ready(const Readiness& readiness) {
  nlohmann::json body = {{"status", readiness.ready() ? "ready" : "not ready"}};
  if (!readiness.ready()) {
    nlohmann::json missing = nlohmann::json::array();
    for (const auto& [part, reason] : readiness.missing) missing.push_back({{"part", part}, {"reason", reason}});
    body["missing"] = std::move(missing);
  }
  // A reason may quote a file's bytes: what is not UTF-8 is replaced, never thrown over.
  return {.status = readiness.ready() ? 200 : 503,
          .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
          .headers = {{"Cache-Control", "no-store"}}};
}

}  // namespace

Result<std::unique_ptr<OpsServer>> OpsServer::Start(OpsOptions options, std::function<Readiness()> readiness) {
  std::unique_ptr<OpsServer> server(new OpsServer());
  server->readiness_ = std::move(readiness);
  GetGauge("saker_build_info", "Always 1; what was built and with what.", {{"version", options.version}, {"compiler", __VERSION__}}).Set(1);
  http::Router& router = server->router_;
  const auto ready = [s = server.get()](const http::Request&) { return Ready(s->readiness_()); };
  router.Add({"GET", "/metrics", http::Access::kOpen, http::RunOn::kPool, Metrics});
  router.Add({"GET", "/livez", http::Access::kOpen, http::RunOn::kInline,
              [](const http::Request&) { return http::Response{.content_type = "text/plain; charset=utf-8", .body = "ok\n"}; }});
  router.Add({"GET", "/readyz", http::Access::kOpen, http::RunOn::kPool, ready});
  router.Add({"GET", "/healthz", http::Access::kOpen, http::RunOn::kPool, ready});
  http::ServerOptions http_options;
  http_options.name = "ops";
  http_options.io_threads = 1;
  http_options.worker_threads = 2;
  http_options.worker_queue_limit = 64;
  http_options.max_connections = 256;
  http_options.max_body_bytes = 1024;
  http_options.idle_timeout = std::chrono::minutes(2);
  http_options.cors = false;
  server->server_ = TRY(http::HttpServer::Start(std::move(http_options), router));
  server->port_ = TRY(server->server_->Listen(options.address, options.port));
  return server;
}

OpsServer::~OpsServer() {
  if (server_ != nullptr) server_->Shutdown(std::chrono::steady_clock::now());
}

void OpsServer::Shutdown(std::chrono::steady_clock::time_point deadline) {
  server_->Shutdown(deadline);
}

}  // namespace saker::ops
