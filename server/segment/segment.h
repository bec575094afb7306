// Rows of one shard and partition: growing in memory or sealed in files, the same id, rows and deletions in both lives.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "common/ids.h"
#include "server/segment/deletions.h"
#include "server/segment/piece.h"

namespace saker::segment {

// Reading is thread-safe; what changes a segment is called by the shard's writer, one at a time.
class Segment {
 public:
  Segment(SegmentId segment_id, PartitionId partition_id, std::shared_ptr<Deletions> dead)
      : id(segment_id), partition(partition_id), deletions(std::move(dead)) {}
  virtual ~Segment() = default;
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  virtual bool sealed() const = 0;
  // What readers see, one immutable snapshot; null while the segment is released.
  virtual std::shared_ptr<const Pieces> pieces() const = 0;
  virtual size_t row_count() const = 0;  // dead rows included
  virtual uint64_t memory_bytes() const = 0;

  const SegmentId id;
  const PartitionId partition;
  const std::shared_ptr<Deletions> deletions;
};

}  // namespace saker::segment
