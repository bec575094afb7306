// What the proxy counts, under Milvus' names. Labels come from fixed sets: databases and collections are not labels,
// their number has no bound.
#pragma once

#include <array>
#include <chrono>

#include "common/metrics.h"
#include "common/result.h"

namespace saker::proxy {

enum class Operation { kInsert, kUpsert, kDelete, kSearch, kHybridSearch, kQuery, kFlush };
inline constexpr size_t kOperations = 7;

class Metrics {
 public:
  Metrics();

  // Counts one request and how long it took.
  class Timer {
   public:
    Timer(Metrics& metrics, Operation operation) : metrics_(metrics), operation_(operation), start_(std::chrono::steady_clock::now()) {}
    // Call once, with how it ended.
    void Done(const Status& status, size_t vectors = 0);

   private:
    Metrics& metrics_;
    const Operation operation_;
    const std::chrono::steady_clock::time_point start_;
  };

 private:
  struct PerOperation {
    Counter* total;
    Counter* success;
    Counter* fail;
    Histogram* latency;
    Histogram* kind_latency;  // sq_latency or mutation_latency; null for others
    Counter* vectors;         // null for others
  };
  std::array<PerOperation, kOperations> operations_;
};

}  // namespace saker::proxy
