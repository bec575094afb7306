// Makes guessing slow: after five failures of a user from an address, further tries are refused unheard for a time that
// doubles up to half a minute. Bounded; thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <unordered_map>

#include "common/mutex.h"

namespace saker::auth {

class FailureDelay {
 public:
  using Clock = std::chrono::steady_clock;

  bool MustWait(const std::string& who, Clock::time_point now) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const auto found = failures_.find(who);
    return found != failures_.end() && found->second.until > now;
  }

  void Failed(const std::string& who, Clock::time_point now) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (failures_.size() >= kMaxEntries) std::erase_if(failures_, [&](const auto& entry) { return entry.second.until <= now; });
    if (failures_.size() >= kMaxEntries) failures_.erase(failures_.begin());
    Entry& entry = failures_[who];
    ++entry.count;
    if (entry.count < kFreeTries) return;
    entry.until = now + std::min(kLongest, kFirst * (1 << std::min(entry.count - kFreeTries, 10)));
  }

  void Succeeded(const std::string& who) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    failures_.erase(who);
  }

 private:
  struct Entry {
    int count = 0;
    Clock::time_point until;
  };
  static constexpr size_t kMaxEntries = 10000;
  static constexpr int kFreeTries = 5;
  static constexpr std::chrono::milliseconds kFirst{250};
  static constexpr std::chrono::milliseconds kLongest{30000};

  mutable Mutex mutex_;
  std::unordered_map<std::string, Entry> failures_ GUARDED_BY(mutex_);
};

}  // namespace saker::auth
