// A segment in files: key lookup always in memory, columns and indexes only while it is loaded.
//
// Set, Release, SetIndex, SetScalarIndex and SetManifest: one caller at a time (the shard's writer lock). The rest: any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "common/mutex.h"
#include "server/segment/segment.h"
#include "storage/manifest.h"

namespace saker::segment {

class SealedSegment final : public Segment {
 public:
  SealedSegment(storage::SegmentManifest manifest, std::shared_ptr<Deletions> dead, std::shared_ptr<const KeyIndex> keys);

  // The live row that holds the key, if any; counts deletions that are not published yet. The writer's.
  std::optional<RowOffset> FindLive(const KeyRef& key) const;
  std::shared_ptr<const KeyIndex> keys() const { return keys_.Get(); }
  std::shared_ptr<const storage::SegmentManifest> manifest() const { return manifest_.Get(); }
  void SetManifest(storage::SegmentManifest manifest);

  // Makes the rows readable; keys are looked up in the piece's own column from now on.
  void Set(std::shared_ptr<const Piece> piece);
  void Release();
  // The index answers searches of the field; null takes it away. Nothing happens while released.
  void SetIndex(int64_t field_id, std::shared_ptr<const index::Index> index, std::shared_ptr<const void> reservation);
  void SetScalarIndex(int64_t index_id, std::shared_ptr<const scalar_index::ScalarIndex> index);

  bool sealed() const override { return true; }
  std::shared_ptr<const Pieces> pieces() const override { return pieces_.Get(); }
  size_t row_count() const override { return row_count_; }
  uint64_t memory_bytes() const override;

 private:
  const size_t row_count_;
  Snapshot<storage::SegmentManifest> manifest_;
  Snapshot<KeyIndex> keys_;
  Snapshot<Pieces> pieces_;
};

}  // namespace saker::segment
