// Writes: stage in memory, one log append for the group, publish, answer.
#include <algorithm>
#include <chrono>
#include <utility>

#include "common/kill_point.h"
#include "common/log.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"
#include "server/shard/steady_ms.h"
#include "server/shard/validate.h"

namespace saker::shard {

namespace {

constexpr RowOffset kSegmentRows = 1u << 30;
constexpr uint64_t kReserveStep = 1 << 20;
constexpr uint64_t kBytesPerKey = 64;  // an entry of GrowingKeys, about

}  // namespace

Result<WriteResult> LocalShard::Write(WriteRequest request, const Context& context) {
  TRY(context.Check());
  if (request.kind != WriteRequest::Kind::kDelete || request.rows.row_count > 0) TRY(CheckRows(request, *schema_.Get()));
  TRY(CheckKeys(request.delete_keys, *schema_.Get()));
  PendingWrite write;
  write.rows = std::make_shared<const RowBatch>(std::move(request.rows));
  write.request = std::move(request);
  write.payload = EncodeRecordBody(*write.rows);
  const StageTimer timer(WriteSeconds("total"));
  TRY(queue_.Submit(&write, context));
  TRY(write.status);
  return write.result;
}

void LocalShard::RunGroup(const std::vector<PendingWrite*>& group) {
  MutexLock lock(writer_mutex_);
  WriteGroupSize().Observe(static_cast<double>(group.size()));
  std::vector<StagedWrite> staged;
  staged.reserve(group.size());
  {
    const StageTimer timer(WriteSeconds("stage"));
    for (PendingWrite* write : group) {
      StagedWrite one;
      one.write = write;
      write->status = read_only_.ok() ? Stage(write, &one) : read_only_;
      if (write->status.ok()) staged.push_back(std::move(one));
      if (write->status.code() == StatusCode::kResourceExhausted) FreezeForMemory();
    }
  }
  if (staged.empty()) return;
  const Status logged = AppendGroup(&staged);
  if (logged.ok()) {
    const StageTimer timer(WriteSeconds("publish"));
    PublishGroup(&staged);
    return;
  }
  for (auto one = staged.rbegin(); one != staged.rend(); ++one) {
    Undo(&*one);
    one->write->status = logged;
  }
  if (logged.code() != StatusCode::kResourceExhausted) BecomeReadOnly(logged);
}

// Changes nothing when it fails.
Status LocalShard::Stage(PendingWrite* write, StagedWrite* staged) {
  const WriteRequest& request = write->request;
  const bool has_rows = write->rows->row_count > 0;
  const Timestamp timestamp = TRY(environment_.timestamps.Next());
  if (has_rows) {
    staged->memory_bytes = segment::MemoryOf(*write->rows) + kBytesPerKey * write->rows->row_count;
    staged->target = TRY(TargetFor(*request.partition, staged->memory_bytes));
  }
  staged->header.kind = request.kind == WriteRequest::Kind::kInsert   ? RecordKind::kInsert
                        : request.kind == WriteRequest::Kind::kUpsert ? RecordKind::kUpsert
                                                                      : RecordKind::kDelete;
  staged->header.timestamp = timestamp;
  if (request.partition) staged->header.partition = *request.partition;
  write->result.timestamp = timestamp;
  const bool plain_delete = request.kind == WriteRequest::Kind::kDelete;
  StageDeletes(request.delete_keys, plain_delete ? request.partition : std::nullopt, staged);
  if (has_rows) StageRows(write->rows, staged);
  write->result.deleted = staged->deleted;
  return OkStatus();
}

void LocalShard::StageDeletes(const PrimaryKeys& keys, const std::optional<PartitionId>& only_in, StagedWrite* staged) {
  using segment::KeyRef;
  if (keys.size() == 0) return;
  KeyRef least = KeyRef::At(keys, 0);
  KeyRef greatest = least;
  for (size_t i = 1; i < keys.size(); ++i) {
    const KeyRef key = KeyRef::At(keys, i);
    if (key < least) least = key;
    if (key > greatest) greatest = key;
  }
  const std::vector<SealedKeys> sealed = SealedThatMayHold(least, greatest);
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::optional<Place> live = FindLive(KeyRef::At(keys, i), sealed);
    if (!live) continue;
    segment::Segment* home = FindSegment(live->segment);
    if (only_in && home->partition != *only_in) continue;
    home->deletions->Kill(live->row);
    staged->tombstones.push_back({live->segment, live->row, staged->header.timestamp});
    ++staged->deleted;
  }
}

void LocalShard::StageRows(std::shared_ptr<const RowBatch> rows, StagedWrite* staged) {
  using segment::KeyRef;
  segment::GrowingSegment& target = *staged->target->segment;
  const RowOffset first = target.next_row();
  staged->header.segment = target.id;
  staged->header.first_row = first;
  target.Stage(rows, staged->header.timestamp);
  const Column& keys = *rows->Find(primary_key_id_);
  KeyRef least = KeyRef::At(keys, 0);
  KeyRef greatest = least;
  for (size_t row = 1; row < rows->row_count; ++row) {
    const KeyRef key = KeyRef::At(keys, row);
    if (key < least) least = key;
    if (key > greatest) greatest = key;
  }
  const std::vector<SealedKeys> sealed = SealedThatMayHold(least, greatest);
  staged->replaced.resize(rows->row_count);
  for (size_t row = 0; row < rows->row_count; ++row) {
    const KeyRef key = KeyRef::At(keys, row);
    const std::optional<Place> live = FindLive(key, sealed);
    staged->replaced[row] = growing_keys_.Put(key, {target.id, first + static_cast<RowOffset>(row)});
    if (!live) continue;
    FindSegment(live->segment)->deletions->Kill(live->row);
    staged->tombstones.push_back({live->segment, live->row, staged->header.timestamp});
    // An earlier row of this very write was never live for anyone.
    if (live->segment != target.id || live->row < first) ++staged->deleted;
  }
}

void LocalShard::Undo(StagedWrite* staged) {
  const RowBatch& rows = *staged->write->rows;
  for (size_t row = staged->replaced.size(); row-- > 0;) {
    const segment::KeyRef key = segment::KeyRef::At(*rows.Find(primary_key_id_), row);
    if (staged->replaced[row]) {
      growing_keys_.Put(key, *staged->replaced[row]);
    } else {
      growing_keys_.Erase(key);
    }
  }
  for (const storage::Tombstone& tombstone : staged->tombstones) FindSegment(tombstone.segment)->deletions->Revive(tombstone.row);
  if (staged->target == nullptr) return;
  staged->target->segment->DropStaged();
  staged->target->used_bytes -= staged->memory_bytes;
}

Status LocalShard::AppendGroup(std::vector<StagedWrite>* staged) {
  std::vector<storage::LogAppend> records;
  std::vector<StagedWrite*> owners;
  for (StagedWrite& one : *staged) {
    // A delete that found nothing leaves nothing to remember.
    if (one.target == nullptr && one.tombstones.empty()) continue;
    PutRecordHeader(one.header, &one.write->payload);
    records.push_back({std::move(one.write->payload), one.tombstones});
    owners.push_back(&one);
  }
  if (records.empty()) return OkStatus();
  const StageTimer timer(WriteSeconds("log"));
  SAKER_KILL_POINT("write.before_log");
  const SequenceNumber first = TRY(environment_.storage.log().Append(id_, records));
  SAKER_KILL_POINT("write.after_log");
  for (size_t i = 0; i < owners.size(); ++i) {
    const SequenceNumber sequence = first + i;
    if (Unsealed* target = owners[i]->target; target != nullptr) {
      if (target->first_sequence == 0) {
        target->first_sequence = sequence;
        target->log_bytes_before = log_bytes_;
      }
      target->last_sequence = sequence;
    }
    log_bytes_ += records[i].payload.size();
    last_sequence_ = sequence;
  }
  return OkStatus();
}

void LocalShard::PublishGroup(std::vector<StagedWrite>* staged) {
  std::map<SegmentId, std::vector<segment::Deletion>> deaths;
  uint64_t rows = 0;
  bool index_growing = false;
  for (StagedWrite& one : *staged) {
    if (one.target != nullptr) {
      one.target->segment->PublishStaged();
      index_growing |= WantsGrowingIndex(*one.target->segment) || WantsTokenIndex(*one.target->segment);
    }
    for (const storage::Tombstone& dead : one.tombstones) deaths[dead.segment].push_back({dead.row, dead.timestamp});
    rows += one.write->rows->row_count;
  }
  for (const auto& [id, deletions] : deaths) {
    segment::Segment& segment = *FindSegment(id);
    const auto limit = static_cast<size_t>(environment_.compact_dead_share * static_cast<double>(segment.row_count()));
    const size_t before = segment.deletions->CountAt(kMaxTimestamp);
    segment.deletions->Publish(deletions);
    if (segment.sealed() && before < limit && before + deletions.size() >= limit) Schedule(kCompactLane);
  }
  if (set_changed_) PublishSet();
  watermark_.store(staged->back().header.timestamp, std::memory_order_release);
  WrittenRows().Add(static_cast<double>(rows));
  ReportRows();
  FreezeFull();
  if (index_growing) Schedule(kGrowingLane);
}

Result<LocalShard::Unsealed*> LocalShard::TargetFor(PartitionId partition, uint64_t bytes) {
  const auto current = current_.find(partition);
  Unsealed* target = current == current_.end() ? nullptr : &unsealed_.at(current->second);
  if (target != nullptr && target->segment->next_row() > kSegmentRows) {
    target->frozen = true;
    target = nullptr;
    Schedule(kSealLane);
  }
  if (target == nullptr) {
    const SegmentId id(TRY(environment_.ids.Next()));
    target = &unsealed_[id];
    target->segment = std::make_shared<segment::GrowingSegment>(id, partition, primary_key_id_);
    current_[partition] = id;
    set_changed_ = true;
  }
  if (target->used_bytes + bytes > target->reserved_bytes) {
    const uint64_t step = std::max(kReserveStep, target->used_bytes + bytes - target->reserved_bytes);
    target->reservations.push_back(TRY(environment_.memory.Reserve("growing", step, "a growing segment")));
    target->reserved_bytes += step;
  }
  target->used_bytes += bytes;
  return target;
}

std::vector<LocalShard::SealedKeys> LocalShard::SealedThatMayHold(const segment::KeyRef& least, const segment::KeyRef& greatest) {
  std::vector<SealedKeys> found;
  for (const auto& [id, sealed] : sealed_) {
    std::shared_ptr<const segment::KeyIndex> keys = sealed.segment->keys();
    if (keys->max() < least || keys->min() > greatest) continue;
    found.push_back({sealed.segment.get(), std::move(keys)});
  }
  return found;
}

std::optional<Place> LocalShard::FindLive(const segment::KeyRef& key, const std::vector<SealedKeys>& sealed) {
  // At most one row of a key is alive. A dead entry says nothing of sealed rows: after a restart the map has no entries of
  // segments that were sealed, though their copy of the key may be the newer one.
  if (const std::optional<Place> place = growing_keys_.Find(key)) {
    segment::Segment* home = FindSegment(place->segment);
    if (home != nullptr && !home->deletions->IsDead(place->row)) return place;
  }
  for (const SealedKeys& candidate : sealed) {
    std::optional<Place> live;
    candidate.keys->Find(key, [&](RowOffset row) {
      if (candidate.segment->deletions->IsDead(row)) return true;
      live = Place{candidate.segment->id, row};
      return false;
    });
    if (live) return live;
  }
  return std::nullopt;
}

segment::Segment* LocalShard::FindSegment(SegmentId id) {
  if (const auto found = unsealed_.find(id); found != unsealed_.end()) return found->second.segment.get();
  if (const auto found = sealed_.find(id); found != sealed_.end()) return found->second.segment.get();
  return nullptr;
}

void LocalShard::FreezeFull() {
  bool any = false;
  for (auto current = current_.begin(); current != current_.end();) {
    Unsealed& segment = unsealed_.at(current->second);
    // A quiet partition must not hold the log of the busy ones back for ever.
    const bool log_is_long = segment.first_sequence != 0 && log_bytes_ - segment.log_bytes_before >= 2 * environment_.seal_bytes;
    if (segment.first_sequence == 0 || (segment.used_bytes < environment_.seal_bytes && !log_is_long)) {
      ++current;
      continue;
    }
    segment.frozen = true;
    any = true;
    current = current_.erase(current);
  }
  // A seal that failed (a full disk, most likely) left its segment frozen.
  for (const auto& [id, unsealed] : unsealed_) any |= unsealed.frozen;
  if (any && SteadyMs() >= seal_again_ms_) Schedule(kSealLane);
}

// Sealing gives the vectors' memory back: the next write may find room.
void LocalShard::FreezeForMemory() {
  bool any = false;
  for (auto current = current_.begin(); current != current_.end();) {
    Unsealed& segment = unsealed_.at(current->second);
    const bool has_rows = segment.first_sequence != 0;
    segment.frozen = has_rows;
    any |= has_rows;
    current = has_rows ? current_.erase(current) : std::next(current);
  }
  if (any && SteadyMs() >= seal_again_ms_) Schedule(kSealLane);
}

void LocalShard::PublishSet(Timestamp history_from) {
  auto set = std::make_shared<SegmentSet>();
  for (const auto& [id, sealed] : sealed_) set->segments.push_back(sealed.segment);
  for (const auto& [id, growing] : unsealed_) set->segments.push_back(growing.segment);
  const std::shared_ptr<const SegmentSet> before = segments_.Get();
  set->history_from = std::max(history_from, before == nullptr ? 0 : before->history_from);
  segments_.Set(std::move(set));
  set_changed_ = false;
  ReportRows();
}

void LocalShard::BecomeReadOnly(const Status& why) {
  if (!read_only_.ok()) return;
  read_only_ = Unavailable("shard ", id_, " takes no writes until a restart: ", why.message());
  Log(kError, "shard became read-only", {{"shard", id_}, {"reason", why.message()}});
}

}  // namespace saker::shard
