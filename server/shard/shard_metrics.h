// The numbers a shard keeps about itself. Handles are looked up once.
#pragma once

#include <chrono>
#include <string_view>

#include "common/metrics.h"

namespace saker::shard {

Histogram& WriteSeconds(std::string_view stage);   // total, stage, log, publish
Histogram& SearchSeconds(std::string_view stage);  // total, segments, fetch
Histogram& QuerySeconds();
Histogram& JobSeconds(std::string_view job);  // seal, index, growing_index, compact, load
Histogram& WriteGroupSize();
Counter& WrittenRows();
Counter& DistanceComputations();
Counter& JobFailures(std::string_view job);
Counter& DamagedIndexes(std::string_view found);  // open, search
Counter& BuildsResumed();                         // from a checkpoint
Gauge& SegmentRows(std::string_view state);       // growing, sealed

// Observes the seconds from its making to its end.
class StageTimer {
 public:
  explicit StageTimer(Histogram& histogram) : histogram_(histogram), start_(std::chrono::steady_clock::now()) {}
  ~StageTimer() { histogram_.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count()); }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  Histogram& histogram_;
  const std::chrono::steady_clock::time_point start_;
};

}  // namespace saker::shard
