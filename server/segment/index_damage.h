// Indexes of a piece that turned out to be damaged while they answered: a page of a graph on disk that does not have its checksum.
//
// The search that met one and those after it answer from the vectors, without the index; the shard takes the note and builds the index
// again. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/mutex.h"

namespace saker::segment {

class IndexDamage {
 public:
  void Note(int64_t field_id, std::string what) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (!damaged_.insert(field_id).second) return;
    noted_.try_emplace(field_id, std::move(what));
    any_.store(true, std::memory_order_release);
  }
  bool Has(int64_t field_id) const EXCLUDES(mutex_) {
    if (!any_.load(std::memory_order_acquire)) return false;
    MutexLock lock(mutex_);
    return damaged_.contains(field_id);
  }
  // What was noted since the last time, by field id.
  std::map<int64_t, std::string> Take() EXCLUDES(mutex_) {
    if (!any_.load(std::memory_order_acquire)) return {};
    MutexLock lock(mutex_);
    return std::exchange(noted_, {});
  }

 private:
  std::atomic<bool> any_ = false;  // one was noted, ever
  mutable Mutex mutex_;
  std::set<int64_t> damaged_ GUARDED_BY(mutex_);
  std::map<int64_t, std::string> noted_ GUARDED_BY(mutex_);
};

}  // namespace saker::segment
