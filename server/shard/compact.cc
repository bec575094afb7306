// Compaction: several small sealed segments become one, and dead rows go.
//
// The new segment is complete, indexes included, before anyone sees it; then one manifest edit swaps it for its sources.
// Rows that die meanwhile are carried over by place.
#include <algorithm>
#include <chrono>
#include <utility>

#include "common/kill_point.h"
#include "common/log.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

namespace {

constexpr RowOffset kDropped = ~RowOffset{0};
constexpr size_t kBackgroundMerge = 4;  // small segments that are worth a rewrite

struct Candidate {
  std::shared_ptr<segment::SealedSegment> segment;
  uint64_t live_bytes = 0;
  bool dead_heavy = false;
};

uint64_t LiveBytes(const segment::SealedSegment& segment, size_t dead) {
  const std::shared_ptr<const storage::SegmentManifest> manifest = segment.manifest();
  uint64_t bytes = manifest->row_count * 64;  // what is not a vector, about
  for (const auto& [field_id, file] : manifest->vector_files) bytes += file.size_bytes;
  return manifest->row_count == 0 ? 0
                                  : static_cast<uint64_t>(static_cast<double>(bytes) * static_cast<double>(manifest->row_count - dead) /
                                                          static_cast<double>(manifest->row_count));
}

// Runs of rows that were alive at the horizon, and where each row of the source goes.
std::vector<RowOffset> AppendLiveRuns(const std::shared_ptr<const segment::Piece>& piece, const index::Bitset* dead, RowOffset* next,
                                      std::vector<segment::RowRun>* runs) {
  std::vector<RowOffset> places(piece->row_count, kDropped);
  for (size_t row = 0; row < piece->row_count; ++row) {
    if (dead != nullptr && row < dead->size() && dead->Test(row)) continue;
    const bool continues = row > 0 && places[row - 1] != kDropped;
    if (continues) {
      ++runs->back().count;
    } else {
      runs->push_back({piece, row, 1});
    }
    places[row] = (*next)++;
  }
  return places;
}

}  // namespace

Timestamp LocalShard::HistoryHorizon() {
  return std::min(watermark(), read_history_.Oldest(ReadHistory::Clock::now()));
}

Status LocalShard::Compact(const Context& context, Merges* merges) {
  TRY(Flush(context));
  return CompactAll(context, CompactionReason::kAsked, merges);
}

Status LocalShard::CompactAll(const Context& context, CompactionReason reason, Merges* merges) {
  MutexLock compacting(compact_mutex_);
  for (const CompactionPlan& plan : PlanCompactions(reason)) {
    TRY(context.Check());
    const SegmentId made = TRY(CompactOne(plan));
    if (merges == nullptr) continue;
    merges->emplace_back();
    for (const auto& source : plan.sources) merges->back().first.push_back(source->id);
    merges->back().second = made;
  }
  return OkStatus();
}

std::vector<LocalShard::CompactionPlan> LocalShard::PlanCompactions(CompactionReason reason) {
  const Timestamp horizon = HistoryHorizon();
  std::map<PartitionId, std::vector<Candidate>> candidates;
  {
    MutexLock lock(writer_mutex_);
    if (!read_only_.ok()) return {};
    for (const auto& [id, sealed] : sealed_) {
      // Replay must never meet the inserts of a segment that is no longer there.
      if (sealed.last_sequence > checkpoint_ || !sealed.keys_erased) continue;
      const size_t dead = sealed.segment->deletions->CountAt(horizon);
      const double share = static_cast<double>(dead) / static_cast<double>(sealed.segment->row_count());
      Candidate candidate{sealed.segment, LiveBytes(*sealed.segment, dead), dead > 0 && share >= environment_.compact_dead_share};
      if (candidate.dead_heavy || candidate.live_bytes < environment_.segment_bytes / 2) {
        candidates[sealed.segment->partition].push_back(std::move(candidate));
      }
    }
  }
  std::vector<CompactionPlan> plans;
  const size_t worth = reason == CompactionReason::kAsked ? 2 : kBackgroundMerge;
  for (const auto& [partition, of_partition] : candidates) {
    for (size_t i = 0; i < of_partition.size();) {
      CompactionPlan plan;
      plan.partition = partition;
      uint64_t bytes = 0;
      bool dead_heavy = false;
      for (; i < of_partition.size() && (plan.sources.empty() || bytes + of_partition[i].live_bytes <= environment_.segment_bytes); ++i) {
        bytes += of_partition[i].live_bytes;
        dead_heavy |= of_partition[i].dead_heavy;
        plan.sources.push_back(of_partition[i].segment);
      }
      if (dead_heavy || plan.sources.size() >= worth) plans.push_back(std::move(plan));
    }
  }
  return plans;
}

Result<SegmentId> LocalShard::CompactOne(const CompactionPlan& plan) {
  const auto start = std::chrono::steady_clock::now();
  const StageTimer timer(JobSeconds("compact"));
  SAKER_KILL_POINT("compact.begin");
  const SegmentId id(TRY(environment_.ids.Next()));
  RowOffset rows = 0;
  const Result<bool> swapped = CompactInto(id, plan, &rows);
  if (!swapped.ok() || !*swapped) {
    // After a commit that failed in an unknown way the new segment may count: then the next start decides.
    MutexLock lock(writer_mutex_);
    if (read_only_.ok()) TRY(segment::RemoveSegment(environment_.storage, id_, id));
    return swapped.ok() ? SegmentId() : Result<SegmentId>(swapped.status());
  }
  for (const std::shared_ptr<segment::SealedSegment>& source : plan.sources) {
    // What stays behind is garbage without a manifest; the next start removes it.
    if (const Status removed = segment::RemoveSegment(environment_.storage, id_, source->id); !removed.ok()) {
      Log(kWarning, "compacted segment's files stay", {{"shard", id_}, {"segment", source->id}, {"error", removed.message()}});
    }
  }
  SAKER_KILL_POINT("compact.after_files");
  Schedule(kIndexLane);
  const auto spent = std::chrono::steady_clock::now() - start;
  Log(kInfo, "segments compacted",
      {{"shard", id_},
       {"sources", plan.sources.size()},
       {"segment", id},
       {"rows", rows},
       {"ms", std::chrono::duration_cast<std::chrono::milliseconds>(spent).count()}});
  return rows > 0 ? id : SegmentId();
}

Result<bool> LocalShard::CompactInto(SegmentId id, const CompactionPlan& plan, RowOffset* rows) {
  const Timestamp horizon = HistoryHorizon();
  std::vector<segment::RowRun> runs;
  std::vector<std::vector<RowOffset>> places;
  for (const std::shared_ptr<segment::SealedSegment>& source : plan.sources) {
    const std::shared_ptr<const segment::Pieces> pieces = source->pieces();
    std::shared_ptr<const segment::Piece> piece = pieces == nullptr ? nullptr : pieces->front();
    if (piece == nullptr)
      piece = TRY(segment::OpenPiece(environment_.storage, *source->manifest(), *schema_.Get(), segment::VectorAccess::kMapped));
    places.push_back(AppendLiveRuns(piece, source->deletions->At(horizon).get(), rows, &runs));
  }
  if (*rows == 0) return SwapCompacted(plan, places, horizon, nullptr, nullptr);
  storage::SegmentManifest manifest;
  manifest.segment = id;
  manifest.shard = id_;
  manifest.partition = plan.partition;
  manifest.level = 2;
  segment::SegmentBuilder builder(environment_.storage, schema_.Get(), std::move(runs), std::move(manifest));
  TRY(builder.WriteVectors());
  SAKER_KILL_POINT("compact.after_vectors");
  TRY(builder.IngestRows());
  SAKER_KILL_POINT("compact.after_rows");
  std::shared_ptr<const void> vectors = ReserveVectors(builder.manifest());
  std::shared_ptr<segment::Piece> piece = TRY(builder.Open(segment::AccessWith(vectors)));
  piece->vector_reservation = std::move(vectors);
  piece->reservations[0] = TRY(ReserveMemory("columns", segment::MemoryOf(*piece->rows), "compacting segments"));
  piece->filter_bits = std::make_shared<segment::FilterBits>(environment_.memory, piece->row_count);
  piece->damage = std::make_shared<segment::IndexDamage>();
  TRY(IndexCompacted(&builder.manifest(), piece.get()));
  SAKER_KILL_POINT("compact.after_indexes");
  return SwapCompacted(plan, places, horizon, &builder.manifest(), piece);
}

// Builds before the swap what the sources' readers are used to; a failed build is the index lane's to report and repeat.
Status LocalShard::IndexCompacted(storage::SegmentManifest* manifest, segment::Piece* piece) {
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  for (const IndexDefinition& definition : *definitions) {
    TRY(stop_context_.Check());
    if (!NeedsIndex(*manifest, definition)) continue;
    if (definition.scalar) {
      IndexColumn(definition, manifest, piece);
      continue;
    }
    const auto source = piece->vectors.find(definition.field_id);
    if (source == piece->vectors.end()) continue;
    Built built;
    const Result<storage::IndexRef> written = WriteIndex(*manifest, definition, source->second, nullptr, &built);
    if (!written.ok()) continue;
    manifest->index_files[definition.field_id] = *written;
    piece->indexes[definition.field_id] = std::move(built.index);
    piece->reservations[definition.field_id] = std::move(built.reservation);
  }
  return OkStatus();
}

Result<bool> LocalShard::SwapCompacted(const CompactionPlan& plan, const std::vector<std::vector<RowOffset>>& places, Timestamp horizon,
                                       storage::SegmentManifest* manifest, const std::shared_ptr<segment::Piece>& piece) {
  MutexLock lock(writer_mutex_);
  TRY(read_only_);
  std::vector<segment::Deletion> carried;
  storage::ManifestEdit edit;
  edit.shard = id_;
  for (size_t i = 0; i < plan.sources.size(); ++i) {
    if (!sealed_.contains(plan.sources[i]->id)) return false;
    edit.remove.push_back(plan.sources[i]->id);
    for (const segment::Deletion& deletion : plan.sources[i]->deletions->After(horizon)) {
      carried.push_back({places[i][deletion.row], deletion.timestamp});
    }
  }
  std::sort(carried.begin(), carried.end(), [](const auto& a, const auto& b) { return a.timestamp < b.timestamp; });
  auto deletions = std::make_shared<segment::Deletions>();
  for (const segment::Deletion& deletion : carried) {
    CHECK(deletion.row != kDropped);
    deletions->Kill(deletion.row);
    edit.tombstones.push_back({manifest->segment, deletion.row, deletion.timestamp});
  }
  deletions->Publish(carried);
  if (manifest != nullptr) edit.put = {*manifest};
  const Status committed = environment_.storage.manifests().Commit(edit);
  if (!committed.ok()) {
    // Whether the sources are still there is not known: a tombstone for one of them might come to nothing.
    if (committed.code() != StatusCode::kResourceExhausted) BecomeReadOnly(committed);
    return committed;
  }
  SAKER_KILL_POINT("compact.after_manifest");
  for (const std::shared_ptr<segment::SealedSegment>& source : plan.sources) sealed_.erase(source->id);
  if (manifest != nullptr) {
    Sealed sealed;
    sealed.segment = std::make_shared<segment::SealedSegment>(*manifest, std::move(deletions), piece->keys);
    sealed.segment->Set(piece);
    if (residence_ == Residence::kReleased) sealed.segment->Release();
    sealed_[manifest->segment] = std::move(sealed);
  }
  PublishSet(horizon);
  return true;
}

}  // namespace saker::shard
