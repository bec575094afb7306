// The checkpoint of an index build as a blob beside the segment's files, so that a restarted server goes on where the last one was.
//
// Named in no manifest. It is kept over a restart as long as the index it belongs to is wanted and not built, replaced by the next one
// of the same build, removed when the index is there. A build's thread only.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "common/ids.h"
#include "common/memory_budget.h"
#include "index/checkpoint.h"
#include "storage/blob_store.h"

namespace saker::shard {

// Of the index of a vector field.
std::string CheckpointName(const ShardId& shard, SegmentId segment, int64_t field_id, int64_t index_id);

class BuildCheckpoint final : public index::CheckpointStore {
 public:
  BuildCheckpoint(storage::BlobStore& blobs, MemoryBudget& memory, std::string name)
      : blobs_(blobs), memory_(memory), name_(std::move(name)) {}

  Status Write(std::span<const std::span<const std::byte>> parts, double seconds) override;
  // Held in memory that the ledger grants for as long as the file; refused memory is as good as no checkpoint.
  Result<std::shared_ptr<const MappedFile>> Read() override;
  void Remove() override;
  void Resumed(std::string_view stage) override;
  // SAKER_CHECKPOINT_SECONDS in the environment, for tests; 0: at every point that a build can go on from.
  double first_seconds() const override;

 private:
  storage::BlobStore& blobs_;
  MemoryBudget& memory_;
  const std::string name_;
};

}  // namespace saker::shard
