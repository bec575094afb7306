// Storage whose log and manifests refuse on demand; everything else goes through.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "storage/storage.h"

namespace saker::shard {

class FaultLog : public storage::Log {
 public:
  explicit FaultLog(storage::Log& real) : real_(real) {}
  Result<SequenceNumber> Append(ShardId shard, std::span<const storage::LogAppend> records) override {
    if (!refusal.ok()) return refusal;
    return real_.Append(shard, records);
  }
  Status Replay(ShardId shard, SequenceNumber after, const std::function<Status(SequenceNumber, std::string_view)>& apply) override {
    return real_.Replay(shard, after, apply);
  }
  Result<SequenceNumber> LastSequence(ShardId shard) override { return real_.LastSequence(shard); }
  Status Trim(ShardId shard, SequenceNumber through) override { return real_.Trim(shard, through); }
  uint64_t SizeBytes(ShardId shard) override { return real_.SizeBytes(shard); }
  Status ScanTombstones(ShardId shard, SegmentId segment, const std::function<void(const storage::Tombstone&)>& visit) override {
    return real_.ScanTombstones(shard, segment, visit);
  }
  Status Drop(ShardId shard) override { return real_.Drop(shard); }

  Status refusal;  // set between writes

 private:
  storage::Log& real_;
};

class FaultStorage : public storage::Storage {
 public:
  explicit FaultStorage(storage::Storage& real) : real_(real), log_(real.log()) {}
  FaultLog& log() override { return log_; }
  storage::Catalog& catalog() override { return real_.catalog(); }
  storage::Manifests& manifests() override { return real_.manifests(); }
  storage::Rows& rows() override { return real_.rows(); }
  storage::BlobStore& blobs() override { return real_.blobs(); }
  Status WritesAllowed() override { return real_.WritesAllowed(); }
  uint64_t MemoryBytes() override { return real_.MemoryBytes(); }
  Status Close() override { return OkStatus(); }

 private:
  storage::Storage& real_;
  FaultLog log_;
};

}  // namespace saker::shard
