// The local Log: column families `log` and `tombstones`.
//
// A shard's mutex is held while its records are written, so that no later record can reach the disk before an earlier
// one; shards write side by side and share RocksDB's group commit.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "storage/log.h"
#include "storage/rocks/database.h"
#include "storage/rocks/disk_guard.h"

namespace saker::storage::rocks {

class RocksLog final : public Log {
 public:
  RocksLog(Database& database, DiskGuard& disk, DamagedLog damaged_log);

  Result<SequenceNumber> Append(ShardId shard, std::span<const LogAppend> records) override;
  Status Replay(ShardId shard, SequenceNumber after, const std::function<Status(SequenceNumber, std::string_view)>& apply) override;
  Result<SequenceNumber> LastSequence(ShardId shard) override;
  Status Trim(ShardId shard, SequenceNumber through) override;
  uint64_t SizeBytes(ShardId shard) override;
  Status ScanTombstones(ShardId shard, SegmentId segment, const std::function<void(const Tombstone&)>& visit) override;
  Status Drop(ShardId shard) override;

  // Gives the disk space and memory of trimmed and dropped records back; slow, for a background thread. `cancel` ends it.
  void Reclaim(std::atomic<bool>* cancel) EXCLUDES(mutex_);
  // Tells that thread that there is work.
  bool ReclaimWanted() EXCLUDES(mutex_);

 private:
  // How many bytes a shard's records have, about: cumulative marks every quarter MiB.
  struct Sizes {
    uint64_t appended = 0;
    uint64_t trimmed = 0;
    std::deque<std::pair<SequenceNumber, uint64_t>> marks;
    void Add(SequenceNumber sequence, uint64_t bytes);
    uint64_t TrimThrough(SequenceNumber sequence, SequenceNumber last);
  };
  struct Shard {
    Mutex mutex;
    bool loaded GUARDED_BY(mutex) = false;
    SequenceNumber last GUARDED_BY(mutex) = 0;
    SequenceNumber trimmed GUARDED_BY(mutex) = 0;
    Sizes sizes GUARDED_BY(mutex);
  };
  struct Reclaimable {
    std::string from, to;
    uint64_t bytes;
  };

  std::shared_ptr<Shard> Find(ShardId id) EXCLUDES(mutex_);
  Status Load(ShardId id, Shard* shard) REQUIRES(shard->mutex);
  Status DropDamagedTail(ShardId id, SequenceNumber from, SequenceNumber last, const Status& why);
  void NoteReclaimable(Reclaimable range) EXCLUDES(mutex_);
  uint64_t LiveBytes() EXCLUDES(mutex_);

  Database& database_;
  DiskGuard& disk_;
  const DamagedLog damaged_log_;
  Counter& log_bytes_;
  Mutex mutex_;
  std::map<ShardId, std::shared_ptr<Shard>> shards_ GUARDED_BY(mutex_);
  std::vector<Reclaimable> reclaimable_ GUARDED_BY(mutex_);
  uint64_t reclaimable_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace saker::storage::rocks
