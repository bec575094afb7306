// Which rows of one segment died, and when.
//
// The writer marks rows first (Kill, undone by Revive) and publishes them once the log holds them; readers see published
// deletions only, as of a timestamp. The object moves with its segment from growing to sealed: rows keep their offsets.
// Kill, Revive, IsDead and Publish: the shard's writer, one at a time. The rest: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/ids.h"
#include "common/mutex.h"
#include "index/bitset.h"

namespace saker::segment {

struct Deletion {
  RowOffset row = 0;
  Timestamp timestamp = 0;
};

class Deletions {
 public:
  bool IsDead(RowOffset row) const { return row / 64 < dead_.size() && (dead_[row / 64] >> (row % 64) & 1) != 0; }
  void Kill(RowOffset row);
  void Revive(RowOffset row);
  // Timestamps do not go back, from call to call and within one. Each row was marked and dies once.
  void Publish(std::span<const Deletion> deletions) EXCLUDES(mutex_);

  // Rows that were dead at the timestamp.
  size_t CountAt(Timestamp timestamp) const EXCLUDES(mutex_);
  // One bit per dead row; null when there was none. The bitset may be longer or shorter than the segment.
  std::shared_ptr<const index::Bitset> At(Timestamp timestamp) const EXCLUDES(mutex_);
  // Everything after the timestamp, ascending.
  std::vector<Deletion> After(Timestamp timestamp) const EXCLUDES(mutex_);
  size_t memory_bytes() const EXCLUDES(mutex_);

 private:
  size_t PrefixAt(Timestamp timestamp) const REQUIRES(mutex_);

  std::vector<uint64_t> dead_;  // the writer's, unpublished ones included

  mutable Mutex mutex_;
  std::vector<Deletion> published_ GUARDED_BY(mutex_);
  // The bitset of the first `cached_prefix_` deletions: almost every read wants the newest.
  mutable std::shared_ptr<const index::Bitset> cached_ GUARDED_BY(mutex_);
  mutable size_t cached_prefix_ GUARDED_BY(mutex_) = 0;
};

}  // namespace saker::segment
