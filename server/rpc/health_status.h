// What the standard health service (grpc.health.v1) says: SERVING when nothing is missing, as /readyz does.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "server/rpc/health_book.h"

namespace saker::rpc {

// Looks fifty times a second while something is missing, else twice. `missing` may be empty: then the server serves at once.
// `book` must outlive it.
class HealthStatus {
 public:
  HealthStatus(HealthBook& book, std::function<std::vector<std::string>()> missing);
  // From now on NOT_SERVING.
  ~HealthStatus();

 private:
  void Follow(bool was_serving) EXCLUDES(mutex_);
  bool Look() const;

  HealthBook& book_;
  const std::function<std::vector<std::string>()> missing_;
  Mutex mutex_;
  CondVar stop_changed_;
  bool stop_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace saker::rpc
