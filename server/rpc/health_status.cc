#include "server/rpc/health_status.h"

#include <chrono>
#include <utility>

#include <grpcpp/health_check_service_interface.h>

namespace saker::rpc {

HealthStatus::HealthStatus(grpc::HealthCheckServiceInterface* service, std::function<std::vector<std::string>()> missing)
    : service_(service), missing_(std::move(missing)) {
  const bool serving = Look();
  Set(serving);
  if (missing_) thread_ = std::thread([this, serving] { Follow(serving); });
}

HealthStatus::~HealthStatus() {
  if (thread_.joinable()) {
    {
      MutexLock lock(mutex_);
      stop_ = true;
    }
    stop_changed_.NotifyAll();
    thread_.join();
  }
  Set(false);
}

bool HealthStatus::Look() const {
  return !missing_ || missing_().empty();
}

void HealthStatus::Set(bool serving) {
  service_->SetServingStatus(serving);
  service_->SetServingStatus("milvus.proto.milvus.MilvusService", serving);
}

void HealthStatus::Follow(bool was_serving) {
  while (true) {
    {
      MutexLock lock(mutex_);
      const auto next = std::chrono::steady_clock::now() + std::chrono::milliseconds(was_serving ? 500 : 20);
      while (!stop_ && std::chrono::steady_clock::now() < next) stop_changed_.WaitUntil(mutex_, next);
      if (stop_) return;
    }
    const bool serving = Look();
    if (serving != was_serving) Set(serving);
    was_serving = serving;
  }
}

}  // namespace saker::rpc
