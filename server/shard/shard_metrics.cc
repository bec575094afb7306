#include "server/shard/shard_metrics.h"

#include <array>
#include <string>

namespace saker::shard {

namespace {

// One handle per stage, found by comparing a few short names: no registry lock on the way of a request.
template <size_t kCount>
class StageHistograms {
 public:
  StageHistograms(std::string_view name, std::string_view help, const std::array<std::string_view, kCount>& stages) : stages_(stages) {
    for (size_t i = 0; i < kCount; ++i)
      handles_[i] = &GetHistogram(name, help, LatencySecondsBuckets(), {{"stage", std::string(stages[i])}});
  }
  Histogram& Get(std::string_view stage) const {
    for (size_t i = 0; i < kCount; ++i) {
      if (stages_[i] == stage) return *handles_[i];
    }
    return *handles_[0];
  }

 private:
  const std::array<std::string_view, kCount> stages_;
  std::array<Histogram*, kCount> handles_;
};

}  // namespace

Histogram& WriteSeconds(std::string_view stage) {
  static const StageHistograms<4> histograms("saker_shard_write_seconds", "Time of a write by stage", {"total", "stage", "log", "publish"});
  return histograms.Get(stage);
}

Histogram& SearchSeconds(std::string_view stage) {
  static const StageHistograms<3> histograms("saker_search_stage_seconds", "Time of a shard's search by stage",
                                             {"total", "segments", "fetch"});
  return histograms.Get(stage);
}

Histogram& QuerySeconds() {
  static Histogram& histogram = GetHistogram("saker_shard_query_seconds", "Time of a shard's query", LatencySecondsBuckets());
  return histogram;
}

Histogram& JobSeconds(std::string_view job) {
  static const StageHistograms<6> histograms("saker_shard_job_seconds", "Time of a background job",
                                             {"seal", "index", "growing_index", "match_index", "compact", "load"});
  return histograms.Get(job);
}

Histogram& WriteGroupSize() {
  static Histogram& histogram =
      GetHistogram("saker_shard_write_group_requests", "Requests that shared one log append", {1, 2, 4, 8, 16, 32, 64, 128, 256, 512});
  return histogram;
}

Counter& WrittenRows() {
  static Counter& counter = GetCounter("saker_shard_written_rows_total", "Rows written to shards");
  return counter;
}

Counter& DistanceComputations() {
  static Counter& counter = GetCounter("saker_distance_computations_total", "Distances computed by searches");
  return counter;
}

Counter& JobFailures(std::string_view job) {
  return GetCounter("saker_shard_job_failures_total", "Background jobs that failed and will be tried again", {{"job", std::string(job)}});
}

Counter& BuildsResumed() {
  static Counter& counter = GetCounter("saker_shard_index_builds_resumed_total", "Index builds that went on from a checkpoint");
  return counter;
}

Counter& DamagedIndexes(std::string_view found) {
  return GetCounter("saker_shard_damaged_indexes_total", "Indexes found damaged, answered for by scans and built again",
                    {{"found", std::string(found)}});
}

Gauge& SegmentRows(std::string_view state) {
  return GetGauge("saker_shard_segment_rows", "Rows by the state of their segment, dead ones included", {{"state", std::string(state)}});
}

}  // namespace saker::shard
