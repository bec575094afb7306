// A segment that still takes rows, in memory.
//
// A write is staged first and becomes visible to readers with PublishStaged, after the log holds it. Each write is one
// piece; small pieces at the end are merged like the digits of a binary counter, so a reader meets few of them and a
// one-row insert stays cheap. Staging: the shard's writer only.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "common/mutex.h"
#include "server/segment/segment.h"

namespace saker::segment {

// Writes merge pieces up to so many rows.
inline constexpr size_t kMergedPieceRows = 8192;

class GrowingSegment final : public Segment {
 public:
  GrowingSegment(SegmentId segment_id, PartitionId partition_id, int64_t primary_key_id);

  RowOffset next_row() const { return next_row_; }
  // Appends the rows, written at one timestamp or, in replay, at several ascending ones.
  void Stage(std::shared_ptr<const RowBatch> rows, Timestamp timestamp);
  void PublishStaged();
  // Forgets what was staged since the last PublishStaged, exactly.
  void DropStaged();

  // The index answers searches of the piece's field, if the piece is still there. The writer's, like staging.
  void SetIndex(const Piece& piece, int64_t field_id, std::shared_ptr<const index::Index> index, std::shared_ptr<const void> reservation);
  // The same for a scalar index of the rows.
  void SetScalarIndex(const Piece& piece, int64_t index_id, std::shared_ptr<const scalar_index::ScalarIndex> index);
  void DropIndexes();
  // Neighbours become one piece that holds the same rows, if they are all still there. The writer's, like staging.
  void ReplaceRun(std::span<const std::shared_ptr<const Piece>> run, std::shared_ptr<const Piece> merged);
  int64_t primary_key_id() const { return primary_key_id_; }
  void DropScalarIndexes();

  bool sealed() const override { return false; }
  std::shared_ptr<const Pieces> pieces() const override { return pieces_.Get(); }
  size_t row_count() const override { return published_rows_.load(std::memory_order_acquire); }
  uint64_t memory_bytes() const override { return published_bytes_.load(std::memory_order_relaxed); }

 private:
  const int64_t primary_key_id_;
  RowOffset next_row_ = 0;
  Pieces staged_;
  Snapshot<Pieces> pieces_;
  std::atomic<size_t> published_rows_{0};
  std::atomic<uint64_t> published_bytes_{0};
};

// What the rows take in memory, about: columns, timestamps, key order.
uint64_t MemoryOf(const RowBatch& rows);

}  // namespace saker::segment
