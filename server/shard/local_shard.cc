#include "server/shard/local_shard.h"

#include <algorithm>
#include <utility>

#include "common/kill_point.h"
#include "common/log.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

Result<std::unique_ptr<Shard>> Shard::Open(ShardConfig config, Environment& environment) {
  auto shard = std::make_unique<LocalShard>(std::move(config), environment);
  TRY(shard->Recover());
  return std::unique_ptr<Shard>(std::move(shard));
}

LocalShard::LocalShard(ShardConfig config, Environment& environment)
    : environment_(environment),
      id_(config.id),
      primary_key_id_(config.schema->PrimaryKey().id),
      schema_(config.schema),
      indexes_(std::make_shared<const std::vector<IndexDefinition>>(WithTokenIndexes(config.indexes, *config.schema))),
      residence_(config.loaded ? Residence::kLoaded : Residence::kReleased),
      queue_(environment.write_queue_limit, [this](const std::vector<PendingWrite*>& group) { RunGroup(group); }) {}

LocalShard::~LocalShard() {
  StopLanes();
  MutexLock lock(writer_mutex_);
  sealed_.clear();
  unsealed_.clear();
  ReportRows();
}

void LocalShard::ReportRows() {
  size_t growing = 0;
  size_t sealed_rows = 0;
  for (const auto& [id, unsealed] : unsealed_) growing += unsealed.segment->row_count();
  for (const auto& [id, sealed] : sealed_) sealed_rows += sealed.segment->row_count();
  SegmentRows("growing").Add(static_cast<double>(growing) - static_cast<double>(reported_growing_));
  SegmentRows("sealed").Add(static_cast<double>(sealed_rows) - static_cast<double>(reported_sealed_));
  reported_growing_ = growing;
  reported_sealed_ = sealed_rows;
}

Status LocalShard::SetSchema(std::shared_ptr<const CollectionSchema> schema) {
  if (schema->PrimaryKey().id != primary_key_id_) {
    return InvalidArgument("the primary key cannot move from field ", primary_key_id_, " to ", schema->PrimaryKey().id);
  }
  const std::shared_ptr<const std::vector<IndexDefinition>> before = indexes_.Get();
  {
    MutexLock lock(writer_mutex_);
    schema_.Set(schema);
  }
  // A field may have come with enable_match, or gone.
  std::vector<IndexDefinition> after = WithTokenIndexes(*before, *schema);
  const auto same = [](const IndexDefinition& a, const IndexDefinition& b) { return a.index_id == b.index_id; };
  if (std::equal(before->begin(), before->end(), after.begin(), after.end(), same)) return OkStatus();
  return SetIndexes(std::move(after));
}

Status LocalShard::DropPartition(PartitionId partition) {
  MutexLock lock(writer_mutex_);
  TRY(read_only_);
  const Timestamp timestamp = TRY(environment_.timestamps.Next());
  std::vector<storage::LogAppend> records(1);
  records[0].payload = EncodeRecordBody({});
  PutRecordHeader({RecordKind::kDropPartition, timestamp, partition, SegmentId(), 0}, &records[0].payload);
  SAKER_KILL_POINT("drop_partition.before_log");
  const Result<SequenceNumber> sequence = environment_.storage.log().Append(id_, records);
  if (!sequence.ok()) {
    if (sequence.status().code() != StatusCode::kResourceExhausted) BecomeReadOnly(sequence.status());
    return sequence.status();
  }
  last_sequence_ = *sequence;
  SAKER_KILL_POINT("drop_partition.after_log");
  const Status forgotten = ForgetPartition(partition, timestamp);
  PublishSet();
  watermark_.store(timestamp, std::memory_order_release);
  return forgotten;
}

// The rows are gone already as far as the log says; this takes away what the log does not rule: sealed segments. The
// record must stay in the log until that is durable, so a failure makes the shard read-only.
Status LocalShard::ForgetPartition(PartitionId partition, Timestamp dropped) {
  storage::ManifestEdit edit;
  edit.shard = id_;
  std::vector<SegmentId> in_files;
  for (const auto& [id, sealed] : sealed_) {
    if (sealed.segment->partition == partition && sealed.segment->manifest()->max_timestamp <= dropped) in_files.push_back(id);
  }
  edit.remove = in_files;
  for (const auto& [id, unsealed] : unsealed_) {
    if (unsealed.segment->partition == partition) edit.remove.push_back(id);
  }
  if (edit.remove.empty()) return OkStatus();
  const Status committed = environment_.storage.manifests().Commit(edit);
  if (!committed.ok()) BecomeReadOnly(committed);
  SAKER_KILL_POINT("drop_partition.after_manifest");
  for (const SegmentId id : edit.remove) {
    if (const auto found = unsealed_.find(id); found != unsealed_.end()) {
      const std::shared_ptr<const segment::Pieces> pieces = found->second.segment->pieces();
      for (const auto& piece : *pieces) {
        for (size_t row = 0; row < piece->row_count; ++row) growing_keys_.EraseIfIn(piece->keys->At(row), id);
      }
      unsealed_.erase(found);
    }
    sealed_.erase(id);
  }
  current_.erase(partition);
  TRY(committed);
  for (const SegmentId id : in_files) TRY(segment::RemoveSegment(environment_.storage, id_, id));
  SAKER_KILL_POINT("drop_partition.after_files");
  return OkStatus();
}

std::vector<SegmentStatus> LocalShard::Segments() const {
  std::vector<SegmentStatus> all;
  const Timestamp now = watermark();
  const std::shared_ptr<const SegmentSet> set = segments_.Get();
  for (const std::shared_ptr<segment::Segment>& segment : set->segments) {
    SegmentStatus status;
    status.id = segment->id;
    status.partition = segment->partition;
    status.rows = segment->row_count();
    if (status.rows == 0) continue;
    status.live_rows = status.rows - segment->deletions->CountAt(now);
    status.memory_bytes = segment->memory_bytes();
    status.sealed = segment->sealed();
    if (segment->sealed()) {
      const auto manifest = static_cast<const segment::SealedSegment&>(*segment).manifest();
      status.level = manifest->level;
      for (const auto& [field_id, index] : manifest->index_files) status.indexes[field_id] = index.index_id;
    }
    all.push_back(std::move(status));
  }
  return all;
}

uint64_t LocalShard::LiveRows(std::optional<PartitionId> partition) const {
  uint64_t rows = 0;
  const Timestamp now = watermark();
  const std::shared_ptr<const SegmentSet> set = segments_.Get();
  for (const std::shared_ptr<segment::Segment>& segment : set->segments) {
    if (partition && segment->partition != *partition) continue;
    // Deletions first: a row that comes in between is counted, never taken off twice.
    const size_t dead = segment->deletions->CountAt(now);
    rows += std::max(segment->row_count(), dead) - dead;
  }
  return rows;
}

// The log goes first: with manifests and files whole, a restart half-way opens the shard and destroys it again. Files go
// last, because a restart finds those without manifests by itself.
Status LocalShard::Destroy() {
  StopLanes();
  MutexLock compacting(compact_mutex_);
  MutexLock sealing(seal_mutex_);
  MutexLock lock(writer_mutex_);
  read_only_ = FailedPrecondition("shard ", id_, " was dropped");
  SAKER_KILL_POINT("destroy.begin");
  TRY(environment_.storage.log().Drop(id_));
  SAKER_KILL_POINT("destroy.after_log");
  TRY(environment_.storage.manifests().Drop(id_));
  SAKER_KILL_POINT("destroy.after_manifests");
  TRY(RemoveGarbage({}));
  SAKER_KILL_POINT("destroy.after_files");
  sealed_.clear();
  unsealed_.clear();
  current_.clear();
  PublishSet();
  return OkStatus();
}

}  // namespace saker::shard
