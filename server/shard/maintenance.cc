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

// What takes long, a build or a merge, runs one at a time in the whole process, on all the threads that builds may use.
void LocalShard::Schedule(Lane lane) {
  const bool heavy = lane == kIndexLane || lane == kCompactLane;
  lanes_.Schedule(lane, heavy ? environment_.build_pool : environment_.background_pool);
}

void LocalShard::RunLane(Lane lane) {
  if (stopping()) return;
  if (const Status status = RunLaneOnce(lane); !status.ok() && !stopping()) {
    JobFailures(kLaneNames[lane]).Add();
    if (lane == kSealLane) seal_again_ms_ = SteadyMs() + kSealAgainMs;
    Log(kWarning, "background job failed", {{"job", kLaneNames[lane]}, {"shard", id_}, {"error", status.message()}});
  }
  ReturnFreeHeap();
}

Status LocalShard::RunLaneOnce(Lane lane) {
  std::vector<SegmentId> sealed;
  switch (lane) {
    case kGrowingLane: TRY(IndexGrowing()); return BuildTokenIndexes();
    case kSealLane: return SealFrozen(&sealed, stop_context_);
    case kIndexLane: return BuildIndexes();
    case kCompactLane: return CompactAll(stop_context_, CompactionReason::kBackground, nullptr);
    case kLanes: break;
  }
  return OkStatus();
}

void LocalShard::StopLanes() {
  stop_context_.Cancel();
  lanes_.Close();
}

}  // namespace saker::shard
