// Sealing: a frozen segment becomes files; the manifest makes them count; then the log may forget the rows.
#include <chrono>
#include <optional>
#include <utility>

#include "common/give_way.h"
#include "common/kill_point.h"
#include "common/log.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

namespace {

constexpr size_t kKeysErasedAtOnce = 8192;

}  // namespace

Result<std::vector<SegmentId>> LocalShard::Flush(const Context& context) {
  std::vector<SegmentId> wanted;
  {
    MutexLock lock(writer_mutex_);
    TRY(read_only_);
    for (auto& [id, unsealed] : unsealed_) {
      if (unsealed.first_sequence == 0) continue;
      unsealed.frozen = true;
      wanted.push_back(id);
      const auto current = current_.find(unsealed.segment->partition);
      if (current != current_.end() && current->second == id) current_.erase(current);
    }
  }
  std::vector<SegmentId> sealed;
  TRY(SealFrozen(&sealed, context));
  return wanted;
}

// Runs on the caller's thread: a flush waits for no index build.
Status LocalShard::SealFrozen(std::vector<SegmentId>* sealed, const Context& context) {
  MutexLock sealing(seal_mutex_);
  for (;;) {
    TRY(context.Check());
    std::shared_ptr<segment::GrowingSegment> next;
    {
      MutexLock lock(writer_mutex_);
      TRY(read_only_);
      SequenceNumber oldest = 0;
      for (const auto& [id, unsealed] : unsealed_) {
        if (!unsealed.frozen || (next != nullptr && unsealed.first_sequence > oldest)) continue;
        next = unsealed.segment;
        oldest = unsealed.first_sequence;
      }
    }
    if (next == nullptr) break;
    TRY(SealOne(next));
    sealed->push_back(next->id);
  }
  if (!sealed->empty()) {
    Schedule(kIndexLane);
    Schedule(kGrowingLane);
    Schedule(kCompactLane);
  }
  return OkStatus();
}

Status LocalShard::SealOne(std::shared_ptr<segment::GrowingSegment> growing) {
  const auto start = std::chrono::steady_clock::now();
  const StageTimer timer(JobSeconds("seal"));
  SAKER_KILL_POINT("seal.begin");
  const std::shared_ptr<const segment::Pieces> pieces = growing->pieces();
  std::vector<segment::RowRun> runs;
  for (const std::shared_ptr<const segment::Piece>& piece : *pieces) runs.push_back({piece, 0, piece->row_count});
  storage::SegmentManifest manifest;
  manifest.segment = growing->id;
  manifest.shard = id_;
  manifest.partition = growing->partition;
  segment::SegmentBuilder builder(environment_.storage, schema_.Get(), std::move(runs), std::move(manifest));
  std::optional<GiveWay> way(std::in_place, GiveWay::When::kAlways);  // until the lock is taken
  TRY(builder.WriteVectors());
  SAKER_KILL_POINT("seal.after_vectors");
  TRY(builder.IngestRows());
  SAKER_KILL_POINT("seal.after_rows");
  std::shared_ptr<const void> vectors = ReserveVectors(builder.manifest());
  std::shared_ptr<segment::Piece> piece = TRY(builder.Open(segment::AccessWith(vectors)));
  piece->vector_reservation = std::move(vectors);
  piece->reservations[0] = TRY(ReserveMemory("columns", segment::MemoryOf(*piece->rows), "sealing a segment"));
  piece->filter_bits = std::make_shared<segment::FilterBits>(environment_.memory, piece->row_count);
  piece->damage = std::make_shared<segment::IndexDamage>();
  IndexSealedTexts(&builder.manifest(), piece.get());
  SAKER_KILL_POINT("seal.after_indexes");
  way.reset();
  SequenceNumber checkpoint = 0;
  {
    MutexLock lock(writer_mutex_);
    const auto unsealed = unsealed_.find(growing->id);
    if (unsealed == unsealed_.end()) return segment::RemoveSegment(environment_.storage, id_, growing->id);  // its partition was dropped
    checkpoint = SafeCheckpoint(growing->id);
    storage::ManifestEdit edit;
    edit.shard = id_;
    edit.put = {builder.manifest()};
    edit.checkpoint = storage::Checkpoint{checkpoint};
    TRY(environment_.storage.manifests().Commit(edit));
    SAKER_KILL_POINT("seal.after_manifest");
    checkpoint_ = checkpoint;
    Sealed sealed;
    sealed.segment = std::make_shared<segment::SealedSegment>(builder.manifest(), growing->deletions, piece->keys);
    sealed.segment->Set(piece);
    if (residence_ == Residence::kReleased) sealed.segment->Release();
    sealed.last_sequence = unsealed->second.last_sequence;
    sealed.keys_erased = false;
    sealed_[growing->id] = std::move(sealed);
    unsealed_.erase(unsealed);
    PublishSet();
  }
  TRY(environment_.storage.log().Trim(id_, checkpoint));
  SAKER_KILL_POINT("seal.after_trim");
  EraseGrowingKeys(*growing, *pieces);
  const auto spent = std::chrono::steady_clock::now() - start;
  Log(kInfo, "segment sealed",
      {{"shard", id_},
       {"segment", growing->id},
       {"rows", growing->row_count()},
       {"ms", std::chrono::duration_cast<std::chrono::milliseconds>(spent).count()}});
  return OkStatus();
}

// The entries stay right without this; it gives their memory back, a slice at a time so that writes go on.
void LocalShard::EraseGrowingKeys(const segment::Segment& segment, const segment::Pieces& pieces) {
  for (const std::shared_ptr<const segment::Piece>& piece : pieces) {
    for (size_t row = 0; row < piece->row_count;) {
      MutexLock lock(writer_mutex_);
      for (const size_t end = std::min(piece->row_count, row + kKeysErasedAtOnce); row < end; ++row) {
        growing_keys_.EraseIfIn(piece->keys->At(row), segment.id);
      }
    }
  }
  MutexLock lock(writer_mutex_);
  if (const auto sealed = sealed_.find(segment.id); sealed != sealed_.end()) sealed->second.keys_erased = true;
}

// Every record up to it is in manifests (once `without` is) or is a tombstone.
SequenceNumber LocalShard::SafeCheckpoint(SegmentId without) {
  SequenceNumber safe = last_sequence_;
  for (const auto& [id, unsealed] : unsealed_) {
    if (id != without && unsealed.first_sequence != 0) safe = std::min(safe, unsealed.first_sequence - 1);
  }
  return std::max(safe, checkpoint_);
}

}  // namespace saker::shard
