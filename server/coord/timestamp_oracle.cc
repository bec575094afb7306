#include "server/coord/timestamp_oracle.h"

#include <algorithm>

#include "common/kill_point.h"
#include "server/coord/counter.h"

namespace saker::coord {
namespace {
constexpr uint64_t kAheadMs = 3000;
constexpr uint64_t kRaiseWhenLeftMs = 1000;
constexpr std::string_view kCeiling = "timestamp_ceiling_ms";
}  // namespace

TimestampOracle::TimestampOracle(storage::Catalog& catalog, std::function<uint64_t()> clock_ms, uint64_t ceiling_ms)
    : catalog_(catalog), clock_ms_(std::move(clock_ms)), next_(MakeTimestamp(ceiling_ms)), ceiling_ms_(ceiling_ms) {}

Result<std::unique_ptr<TimestampOracle>> TimestampOracle::Open(storage::Catalog& catalog, std::function<uint64_t()> clock_ms) {
  const uint64_t ceiling_ms = TRY(ReadCounter(catalog, kCeiling));
  return std::unique_ptr<TimestampOracle>(new TimestampOracle(catalog, std::move(clock_ms), ceiling_ms));
}

// Writes without the lock, so that timestamps below the old ceiling go on being given out.
Status TimestampOracle::RaiseCeiling(uint64_t ceiling_ms) {
  raising_ = true;
  mutex_.Unlock();
  SAKER_KILL_POINT("ddl.timestamp.before_ceiling");
  const Status written = WriteCounter(catalog_, kCeiling, ceiling_ms);
  mutex_.Lock();
  raising_ = false;
  if (written.ok()) ceiling_ms_ = std::max(ceiling_ms_, ceiling_ms);
  raised_.NotifyAll();
  return written;
}

Timestamp TimestampOracle::Latest() {
  const Timestamp now = MakeTimestamp(clock_ms_());
  MutexLock lock(mutex_);
  return std::max(next_, now);
}

Result<Timestamp> TimestampOracle::NextRange(uint64_t count) {
  MutexLock lock(mutex_);
  for (;;) {
    const uint64_t now_ms = clock_ms_();
    const Timestamp first = std::max(next_, MakeTimestamp(now_ms));
    const uint64_t last_ms = TimestampMs(first + count);
    if (last_ms < ceiling_ms_) {
      next_ = first + count;
      if (last_ms + kRaiseWhenLeftMs >= ceiling_ms_ && !raising_) {
        // The range is ours already; a failed write matters only to whoever reaches the ceiling.
        const Status raised = RaiseCeiling(last_ms + kAheadMs);
        static_cast<void>(raised.ok());
      }
      return first;
    }
    if (raising_) {
      raised_.Wait(mutex_);
      continue;
    }
    TRY(RaiseCeiling(last_ms + kAheadMs));
  }
}

}  // namespace saker::coord
