#include "server/rpc/health_status.h"

#include <chrono>
#include <utility>

namespace saker::rpc {

HealthStatus::HealthStatus(HealthBook& book, std::function<std::vector<std::string>()> missing)
    : book_(book), missing_(std::move(missing)) {
  const bool serving = Look();
  book_.Set(serving);
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
  book_.Set(false);
}

bool HealthStatus::Look() const {
  return !missing_ || missing_().empty();
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
    if (serving != was_serving) book_.Set(serving);
    was_serving = serving;
  }
}

}  // namespace saker::rpc
