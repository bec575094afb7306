// The ordered, durable record of every change to a shard.
//
// Append returns once its records are on disk (fsync; concurrent callers share one). A record is whole or absent. What
// was acknowledged is never silently missing after a restart: damage is DataLoss at open, naming file and numbers.
// Thread-safe, but one shard has one writer: sequence numbers of a shard are handed out in the order of its Append calls.
//
// A cluster driver puts this on an object store; the local one is storage/rocks/ (column families `log`, `tombstones`).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/result.h"

namespace saker::storage {

// Row `row` of `segment` died at `timestamp`. Written in the same batch as the record that killed it, so that a load
// needs no replay of records older than the checkpoint.
struct Tombstone {
  SegmentId segment;
  RowOffset row = 0;
  Timestamp timestamp = 0;
};

struct LogAppend {
  std::string payload;                // opaque here; the log adds length and checksum
  std::vector<Tombstone> tombstones;  // rows of this shard that the record kills
};

class Log {
 public:
  virtual ~Log() = default;

  // All records in one durable batch. Returns the sequence number of the first; the others follow it. Numbers of a
  // shard begin at 1 and have no holes. ResourceExhausted when the disk is too full (nothing was written; try again once
  // space is there); Unavailable after a failed sync: the log is read-only until a restart.
  virtual Result<SequenceNumber> Append(ShardId shard, std::span<const LogAppend> records) = 0;

  // Calls `apply` for each record with a number greater than `after`, ascending; stops at its first error. DataLoss when
  // a record is damaged or a number is missing; records that were trimmed are missing too.
  virtual Status Replay(ShardId shard, SequenceNumber after,
                        const std::function<Status(SequenceNumber, std::string_view payload)>& apply) = 0;

  // 0 when the shard has none. Counts trimmed records too.
  virtual Result<SequenceNumber> LastSequence(ShardId shard) = 0;

  // Records up to and including `through` may be dropped; the manifest that makes them unneeded is already durable.
  virtual Status Trim(ShardId shard, SequenceNumber through) = 0;

  // Bytes of records that are still kept, about.
  virtual uint64_t SizeBytes(ShardId shard) = 0;

  virtual Status ScanTombstones(ShardId shard, SegmentId segment, const std::function<void(const Tombstone&)>& visit) = 0;

  // Everything of a dropped collection's shard. Idempotent.
  virtual Status Drop(ShardId shard) = 0;
};

}  // namespace saker::storage
