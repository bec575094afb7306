// Recovery: manifests give the sealed segments, the log after the checkpoint gives the growing ones, tombstones their dead.
#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "common/log.h"
#include "server/shard/build_checkpoint.h"
#include "server/shard/local_shard.h"

namespace saker::shard {

Status LocalShard::Recover() {
  const auto start = std::chrono::steady_clock::now();
  MutexLock lock(writer_mutex_);
  storage::Storage& storage = environment_.storage;
  const std::vector<storage::SegmentManifest> manifests = TRY(storage.manifests().Load(id_));
  checkpoint_ = TRY(storage.manifests().LoadCheckpoint(id_)).through;
  TRY(RemoveGarbage(manifests));
  TRY(OpenSealedSegments(manifests));
  last_sequence_ = std::max(checkpoint_, TRY(storage.log().LastSequence(id_)));
  Replay replay;
  for (const storage::SegmentManifest& manifest : manifests) replay.newest = std::max(replay.newest, manifest.max_timestamp);
  TRY(storage.log().Replay(id_, checkpoint_, [&](SequenceNumber sequence, std::string_view payload) NO_THREAD_SAFETY_ANALYSIS {
    return ReplayRecord(sequence, payload, &replay);
  }));
  if (!replay.cut.empty()) {
    return Corruption("shard ", id_, ": the log after ", checkpoint_, " lacks the first rows of segment ", replay.cut.begin()->first);
  }
  uint64_t growing_rows = 0;
  for (auto& [id, unsealed] : unsealed_) {
    TRY(RestoreTombstones(id, unsealed.segment->next_row(), unsealed.segment->deletions.get()));
    growing_rows += unsealed.segment->next_row();
  }
  FreezeFull();
  // Every later write is stamped later than this, so a read at the watermark is repeatable.
  watermark_.store(std::max(replay.newest, TRY(environment_.timestamps.Next())), std::memory_order_release);
  PublishSet();
  bool frozen = false;
  for (const auto& [id, unsealed] : unsealed_) frozen |= unsealed.frozen;
  if (frozen) Schedule(kSealLane);
  Schedule(kIndexLane);
  Schedule(kGrowingLane);
  const auto spent = std::chrono::steady_clock::now() - start;
  Log(kDebug, "shard opened",
      {{"shard", id_},
       {"sealed", sealed_.size()},
       {"growing_rows", growing_rows},
       {"ms", std::chrono::duration_cast<std::chrono::milliseconds>(spent).count()}});
  return OkStatus();
}

Status LocalShard::OpenSealedSegments(const std::vector<storage::SegmentManifest>& manifests) {
  std::vector<Sealed> opened(manifests.size());
  const bool load = residence_ == Residence::kLoaded;
  {
    TaskGroup group(environment_.search_pool);
    for (size_t i = 0; i < manifests.size(); ++i) {
      group.Run([this, load, &manifests, &opened, i]() -> Status {
        opened[i] = TRY(OpenSealed(manifests[i], load));
        return OkStatus();
      });
    }
    TRY(group.Wait());
  }
  for (size_t i = 0; i < manifests.size(); ++i) sealed_[manifests[i].segment] = std::move(opened[i]);
  return OkStatus();
}

Result<LocalShard::Sealed> LocalShard::OpenSealed(const storage::SegmentManifest& manifest, bool load) {
  auto deletions = std::make_shared<segment::Deletions>();
  TRY(RestoreTombstones(manifest.segment, manifest.row_count, deletions.get()));
  Sealed sealed;
  if (load) {
    std::shared_ptr<segment::Piece> piece = TRY(OpenLoaded(manifest));
    sealed.segment = std::make_shared<segment::SealedSegment>(manifest, std::move(deletions), piece->keys);
    sealed.segment->Set(std::move(piece));
    return sealed;
  }
  const segment::StoredRows stored = TRY(segment::ReadRows(environment_.storage, manifest));
  const Column* keys = stored.rows->Find(primary_key_id_);
  if (keys == nullptr || keys->has_nulls()) return Corruption("segment ", manifest.segment, " has no primary keys");
  auto index = std::make_shared<const segment::KeyIndex>(std::make_shared<const Column>(*keys));
  sealed.segment = std::make_shared<segment::SealedSegment>(manifest, std::move(deletions), std::move(index));
  return sealed;
}

Status LocalShard::RestoreTombstones(SegmentId id, size_t row_count, segment::Deletions* deletions) {
  std::vector<segment::Deletion> dead;
  std::optional<RowOffset> outside;
  TRY(environment_.storage.log().ScanTombstones(id_, id, [&](const storage::Tombstone& tombstone) {
    if (tombstone.row >= row_count) outside = tombstone.row;
    dead.push_back({tombstone.row, tombstone.timestamp});
  }));
  if (outside) return Corruption("segment ", id, " has ", row_count, " rows and a tombstone for row ", *outside);
  std::sort(dead.begin(), dead.end(),
            [](const auto& a, const auto& b) { return a.timestamp != b.timestamp ? a.timestamp < b.timestamp : a.row < b.row; });
  std::erase_if(dead, [&](const segment::Deletion& deletion) {
    if (deletions->IsDead(deletion.row)) return true;
    deletions->Kill(deletion.row);
    return false;
  });
  deletions->Publish(dead);
  return OkStatus();
}

// Files that no manifest names are left over from a job that a crash interrupted.
Status LocalShard::RemoveGarbage(const std::vector<storage::SegmentManifest>& manifests) {
  storage::Storage& storage = environment_.storage;
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  std::set<std::string> named;
  std::set<SegmentId> sealed;
  for (const storage::SegmentManifest& manifest : manifests) {
    sealed.insert(manifest.segment);
    named.insert(segment::SegmentPrefix(id_, manifest.segment) + "no_vectors");
    for (const auto& [field_id, file] : manifest.vector_files) named.insert(file.name);
    for (const auto& [field_id, index] : manifest.index_files) named.insert(index.file.name);
    for (const auto& [index_id, index] : manifest.scalar_index_files) named.insert(index.file.name);
    for (const IndexDefinition& definition : *definitions) {  // builds that go on where they were
      if (!definition.scalar && NeedsIndex(manifest, definition))
        named.insert(CheckpointName(id_, manifest.segment, definition.field_id, definition.index_id));
    }
  }
  const std::string prefix = segment::ShardPrefix(id_);
  std::set<SegmentId> dropped;
  for (const std::string& name : TRY(storage.blobs().List(prefix))) {
    if (named.contains(name) || !name.starts_with(prefix)) continue;
    const SegmentId owner(std::strtoll(name.c_str() + prefix.size(), nullptr, 10));
    // Row chunks before blobs: the blobs are what tells that there may be chunks.
    if (!sealed.contains(owner) && dropped.insert(owner).second) TRY(storage.rows().Drop(owner));
    TRY(storage.blobs().Remove(name));
  }
  return OkStatus();
}

Status LocalShard::ReplayRecord(SequenceNumber sequence, std::string_view payload, Replay* replay) {
  Result<Record> decoded = DecodeRecord(payload);
  if (!decoded.ok()) return Corruption("shard ", id_, " log record ", sequence, ": ", decoded.status().message());
  Record& record = *decoded;
  replay->newest = std::max(replay->newest, record.header.timestamp);
  log_bytes_ += payload.size();
  if (record.header.kind == RecordKind::kDropPartition) {
    std::erase_if(replay->cut, [&](const auto& entry) { return entry.second == record.header.partition; });
    return ForgetPartition(record.header.partition, record.header.timestamp);
  }
  if (record.rows.row_count == 0) return OkStatus();  // its deaths are tombstones
  const SegmentId id = record.header.segment;
  if (const auto sealed = sealed_.find(id); sealed != sealed_.end()) {
    sealed->second.last_sequence = sequence;
    return OkStatus();
  }
  if (replay->cut.contains(id) || (record.header.first_row > 0 && !unsealed_.contains(id))) {
    replay->cut.emplace(id, record.header.partition);
    return OkStatus();
  }
  Unsealed& target = unsealed_[id];
  if (target.segment == nullptr) {
    target.segment = std::make_shared<segment::GrowingSegment>(id, record.header.partition, primary_key_id_);
    target.first_sequence = sequence;
    target.log_bytes_before = log_bytes_ - payload.size();
    // A partition's older segment was frozen when the crash came.
    const auto [current, fresh] = current_.try_emplace(record.header.partition, id);
    if (!fresh) {
      unsealed_.at(current->second).frozen = true;
      current->second = id;
    }
  }
  target.last_sequence = sequence;
  if (target.segment->next_row() != record.header.first_row || target.segment->partition != record.header.partition) {
    return Corruption("shard ", id_, " log record ", sequence, " begins at row ", record.header.first_row, " of segment ", id,
                      " and not at ", target.segment->next_row());
  }
  const Column* keys = record.rows.Find(primary_key_id_);
  if (keys == nullptr || keys->has_nulls()) return Corruption("shard ", id_, " log record ", sequence, " has no primary keys");
  for (size_t row = 0; row < record.rows.row_count; ++row) {
    growing_keys_.Put(segment::KeyRef::At(*keys, row), {id, record.header.first_row + static_cast<RowOffset>(row)});
  }
  const uint64_t bytes = segment::MemoryOf(record.rows) + 64 * record.rows.row_count;
  if (target.used_bytes + bytes > target.reserved_bytes) {
    const uint64_t step = std::max<uint64_t>(1 << 20, bytes);
    target.reservations.push_back(TRY(environment_.memory.Reserve("growing", step, "replaying the log")));
    target.reserved_bytes += step;
  }
  target.used_bytes += bytes;
  target.segment->Stage(std::make_shared<const RowBatch>(std::move(record.rows)), record.header.timestamp);
  target.segment->PublishStaged();
  return OkStatus();
}

}  // namespace saker::shard
