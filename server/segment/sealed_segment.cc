#include "server/segment/sealed_segment.h"

#include <utility>

#include "server/segment/growing_segment.h"

namespace saker::segment {

SealedSegment::SealedSegment(storage::SegmentManifest manifest, std::shared_ptr<Deletions> dead, std::shared_ptr<const KeyIndex> keys)
    : Segment(manifest.segment, manifest.partition, std::move(dead)), row_count_(manifest.row_count), keys_(std::move(keys)) {
  CHECK(keys_.Get()->row_count() == row_count_);
  manifest_.Set(std::make_shared<const storage::SegmentManifest>(std::move(manifest)));
}

std::optional<RowOffset> SealedSegment::FindLive(const KeyRef& key) const {
  std::optional<RowOffset> live;
  keys_.Get()->Find(key, [&](RowOffset row) {
    if (deletions->IsDead(row)) return true;
    live = row;
    return false;
  });
  return live;
}

void SealedSegment::SetManifest(storage::SegmentManifest manifest) {
  manifest_.Set(std::make_shared<const storage::SegmentManifest>(std::move(manifest)));
}

void SealedSegment::Set(std::shared_ptr<const Piece> piece) {
  keys_.Set(piece->keys);
  pieces_.Set(std::make_shared<const Pieces>(Pieces{std::move(piece)}));
}

void SealedSegment::Release() {
  if (pieces_.Get() == nullptr) return;
  keys_.Set(keys_.Get()->Detached());
  pieces_.Set(nullptr);
}

void SealedSegment::SetIndex(int64_t field_id, std::shared_ptr<const index::Index> index, std::shared_ptr<const void> reservation) {
  const std::shared_ptr<const Pieces> pieces = pieces_.Get();
  if (pieces == nullptr) return;
  auto piece = std::make_shared<Piece>(*pieces->front());
  if (index == nullptr) {
    piece->indexes.erase(field_id);
    piece->reservations.erase(field_id);
  } else {
    piece->indexes[field_id] = std::move(index);
    piece->reservations[field_id] = std::move(reservation);
  }
  if (piece->damage != nullptr) piece->damage = std::make_shared<IndexDamage>();  // what searches of the old index find is its own
  pieces_.Set(std::make_shared<const Pieces>(Pieces{std::move(piece)}));
}

void SealedSegment::SetScalarIndex(int64_t index_id, std::shared_ptr<const scalar_index::ScalarIndex> index) {
  const std::shared_ptr<const Pieces> pieces = pieces_.Get();
  if (pieces == nullptr) return;
  auto piece = std::make_shared<Piece>(*pieces->front());
  if (index == nullptr) {
    piece->scalar_indexes.erase(index_id);
  } else {
    piece->scalar_indexes[index_id] = std::move(index);
  }
  pieces_.Set(std::make_shared<const Pieces>(Pieces{std::move(piece)}));
}

uint64_t SealedSegment::memory_bytes() const {
  uint64_t bytes = deletions->memory_bytes();
  const std::shared_ptr<const Pieces> pieces = pieces_.Get();
  if (pieces == nullptr) return bytes + keys_.Get()->memory_bytes();
  const Piece& piece = *pieces->front();
  bytes += MemoryOf(*piece.rows);
  for (const auto& [field_id, index] : piece.indexes) bytes += index->memory_bytes();
  for (const auto& [index_id, index] : piece.scalar_indexes) bytes += index->memory_bytes();
  return bytes;
}

}  // namespace saker::segment
