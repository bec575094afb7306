// Remembers which old timestamps were read lately, so that compaction keeps what an iterator still needs.
//
// A read that names its timestamp (the pages of an iterator) keeps the history from there for ten minutes. Thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <algorithm>

#include "common/ids.h"
#include "common/mutex.h"

namespace saker::shard {

class ReadHistory {
 public:
  using Clock = std::chrono::steady_clock;

  void Note(Timestamp timestamp, Clock::time_point now) EXCLUDES(mutex_) {
    const int64_t minute = Minute(now);
    MutexLock lock(mutex_);
    Slot& slot = slots_[static_cast<size_t>(minute % kMinutes)];
    if (slot.minute != minute) slot = {minute, kMaxTimestamp};
    slot.oldest = std::min(slot.oldest, timestamp);
  }

  // The oldest timestamp that a reader of the last minutes named; kMaxTimestamp when there was none.
  Timestamp Oldest(Clock::time_point now) const EXCLUDES(mutex_) {
    const int64_t minute = Minute(now);
    MutexLock lock(mutex_);
    Timestamp oldest = kMaxTimestamp;
    for (const Slot& slot : slots_) {
      if (slot.minute > minute - kMinutes) oldest = std::min(oldest, slot.oldest);
    }
    return oldest;
  }

 private:
  static constexpr int64_t kMinutes = 10;
  struct Slot {
    int64_t minute = -kMinutes;
    Timestamp oldest = kMaxTimestamp;
  };
  static int64_t Minute(Clock::time_point now) { return std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch()).count(); }

  mutable Mutex mutex_;
  std::array<Slot, kMinutes> slots_ GUARDED_BY(mutex_);
};

}  // namespace saker::shard
