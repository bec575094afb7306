#include "server/rpc/service.h"

#include <algorithm>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "common/metrics.h"
#include "server/rpc/polling.h"
#include "server/rpc/running_call.h"

namespace saker::rpc {
namespace {

// One thread reads and writes tens of thousands of calls a second; more of them wake one another.
size_t PollingCount() {
  constexpr unsigned kCoresPerQueue = 16;
  return std::clamp<size_t>(std::thread::hardware_concurrency() / kCoresPerQueue, 1, 4);
}

class GenericMilvusService final : public MilvusService, public CallHost {
 public:
  GenericMilvusService(const Services& all_services, WorkerPool& request_pool, HealthBook& book)
      : CallHost(all_services, request_pool, book) {
    const auto* descriptor = mp::ConnectRequest::descriptor()->file()->FindServiceByName("MilvusService");
    CHECK(descriptor != nullptr);
    for (int i = 0; i < descriptor->method_count(); ++i) {
      const std::string name(descriptor->method(i)->name());
      Counter& ok = GetCounter("saker_rpc_requests_total", "gRPC calls", {{"method", name}, {"outcome", "answered"}});
      Counter& failed = GetCounter("saker_rpc_requests_total", "gRPC calls", {{"method", name}, {"outcome", "refused"}});
      Histogram& seconds = GetHistogram("saker_rpc_request_seconds", "time in the method, without waiting for a thread",
                                        LatencySecondsBuckets(), {{"method", name}});
      routes_.emplace("/" + std::string(descriptor->full_name()) + "/" + name,
                      std::make_unique<Route>(FindMethod(name), name, ok, failed, seconds));
    }
  }

  void Register(grpc::ServerBuilder* builder) override {
    builder->RegisterAsyncGenericService(&generic);
    for (size_t i = 0; i < PollingCount(); ++i) queues_.push_back(builder->AddCompletionQueue());
  }
  void Start() override {
    for (const auto& queue : queues_) {
      AwaitCall(*this, *queue);
      polling_.push_back(std::make_unique<Polling>(*queue));
    }
  }
  void Stop() override {
    AwaitNone();
    polling_.clear();
  }

  const Route* FindRoute(const std::string& path) const override {
    const auto found = routes_.find(path);
    return found == routes_.end() ? nullptr : found->second.get();
  }

 private:
  std::unordered_map<std::string, std::unique_ptr<const Route>> routes_;
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues_;
  std::vector<std::unique_ptr<Polling>> polling_;
};

}  // namespace

std::unique_ptr<MilvusService> MakeMilvusService(const Services& services, WorkerPool& pool, HealthBook& health) {
  return std::make_unique<GenericMilvusService>(services, pool, health);
}

}  // namespace saker::rpc
