// When background jobs run: one lane each for sealing, index builds, those of growing segments and compaction, so that
// a long build delays nothing else.
#include "common/heap.h"
#include "common/log.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"
#include "server/shard/steady_ms.h"

namespace saker::shard {

namespace {

constexpr int64_t kSealAgainMs = 5000;
constexpr const char* kLaneNames[] = {"seal", "index", "growing_index", "compact"};

}  // namespace

// A lane that is running looks again when it is done. A full pool is no loss: the next write or seal schedules again.
void LocalShard::Schedule(Lane lane) {
  MutexLock lock(lane_mutex_);
  if (stopping()) return;
  if (lane_queued_[lane]) {
    lane_again_[lane] = true;
    return;
  }
  if (!environment_.background_pool.TrySubmit([this, lane] { RunLane(lane); })) return;
  lane_queued_[lane] = true;
  ++lanes_running_;
}

void LocalShard::RunLane(Lane lane) {
  for (bool again = true; again;) {
    if (!stopping()) {
      if (const Status status = RunLaneOnce(lane); !status.ok() && !stopping()) {
        JobFailures(kLaneNames[lane]).Add();
        if (lane == kSealLane) seal_again_ms_ = SteadyMs() + kSealAgainMs;
        Log(kWarning, "background job failed", {{"job", kLaneNames[lane]}, {"shard", id_}, {"error", status.message()}});
      }
    }
    ReturnFreeHeap();
    MutexLock lock(lane_mutex_);
    again = lane_again_[lane] && !stopping();
    lane_again_[lane] = false;
    if (again) continue;
    lane_queued_[lane] = false;
    --lanes_running_;
    lanes_idle_.NotifyAll();  // under the lock: the destructor waits for it and then takes everything away
  }
}

Status LocalShard::RunLaneOnce(Lane lane) {
  std::vector<SegmentId> sealed;
  switch (lane) {
    case kGrowingLane: return IndexGrowing();
    case kSealLane: return SealFrozen(&sealed, stop_context_);
    case kIndexLane: return BuildIndexes();
    case kCompactLane: return CompactAll(stop_context_, CompactionReason::kBackground, nullptr);
    case kLanes: break;
  }
  return OkStatus();
}

void LocalShard::StopLanes() {
  stop_context_.Cancel();
  MutexLock lock(lane_mutex_);
  while (lanes_running_ > 0) lanes_idle_.Wait(lane_mutex_);
}

}  // namespace saker::shard
