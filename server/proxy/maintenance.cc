// Indexes, load and release, flush, compaction, segments.
#include <algorithm>

#include "common/log.h"
#include "common/timestamp.h"
#include "server/proxy/index_rules.h"
#include "server/proxy/local_proxy.h"
#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {

constexpr size_t kMaxJobs = 1000;

template <typename F>
Status ForEachShard(const coord::Collection& collection, const Context& context, F f) {
  for (const auto& slot : collection.shards) TRY(slot->Use(context, f));
  return OkStatus();
}

std::string VectorsWithoutIndex(const coord::Collection& collection) {
  std::string names;
  for (const FieldSchema& field : collection.schema->fields) {
    if (IsVector(field.type) && collection.IndexOn(field.id) == nullptr) names += (names.empty() ? "" : " ") + field.name;
  }
  return names;
}

Status NotLoaded(const coord::Collection& collection) {
  return MilvusError(MilvusErrorCode::kCollectionNotLoaded, "collection not loaded[collection=", collection.name, "]");
}

}  // namespace

Status LocalProxy::CreateIndex(const CreateIndexRequest& request) {
  const CollectionPtr collection = TRY(Find(request.target));
  coord::IndexDefinition definition = TRY(MakeIndexDefinition(*collection->schema, request));
  return coordinator_.CreateIndex(request.target.database, request.target.collection, std::move(definition));
}

Status LocalProxy::DropIndex(const CollectionRef& target, const std::string& field, const std::string& index) {
  return coordinator_.DropIndex(target.database, target.collection, field, index);
}

Status LocalProxy::AlterIndex(const CollectionRef& target, const std::string& index, const KeyValues& set,
                              const std::vector<std::string>& remove) {
  if (set.empty() && remove.empty()) return Invalid("no properties or delete keys provided");
  if (!set.empty() && !remove.empty()) return Invalid("cannot provide both DeleteKeys and ExtraParams");
  TRY(CheckIndexProperties(set, remove));
  return coordinator_.AlterIndex(target.database, target.collection, index, set, remove);
}

Result<std::vector<IndexInfo>> LocalProxy::DescribeIndex(const CollectionRef& target, const std::string& field, const std::string& index) {
  const CollectionPtr collection = TRY(Find(target));
  std::vector<IndexInfo> infos;
  for (const coord::IndexDefinition& definition : collection->indexes) {
    if ((!index.empty() && definition.name != index) || (!field.empty() && definition.field != field)) continue;
    IndexInfo info{definition.id, definition.name, definition.field, definition.params, IndexState::kFinished, "", 0, 0};
    TRY(ForEachShard(*collection, Context(), [&](shard::Shard& shard) -> Status {
      const shard::Shard::IndexProgress progress = shard.GetIndexProgress(definition.id.value);
      info.indexed_rows += static_cast<int64_t>(progress.indexed_rows);
      info.total_rows += static_cast<int64_t>(progress.total_rows);
      const bool unfinished = progress.building || progress.indexed_rows < progress.total_rows;
      if (unfinished && info.state == IndexState::kFinished) info.state = IndexState::kInProgress;
      if (!progress.error.empty()) {
        info.state = IndexState::kFailed;
        info.fail_reason = progress.error;
      }
      return OkStatus();
    }));
    infos.push_back(std::move(info));
  }
  if (!infos.empty()) return infos;
  if (!index.empty()) return MilvusError(MilvusErrorCode::kIndexNotFound, "index not found[indexName=", index, "]");
  return MilvusError(MilvusErrorCode::kIndexNotFound, "index not found[collection=", collection->name, "]");
}

Status LocalProxy::Load(const CollectionRef& target, const std::vector<std::string>& partitions, bool refresh) {
  const CollectionPtr collection = TRY(Find(target));
  if (refresh && !collection->AnyLoaded()) return NotLoaded(*collection);
  const std::string missing = VectorsWithoutIndex(*collection);
  if (!missing.empty()) return Refused("there is no vector index on field: [", missing, "], please create index firstly");
  return coordinator_.Load(target.database, target.collection, partitions);
}

Status LocalProxy::Release(const CollectionRef& target, const std::vector<std::string>& partitions) {
  return coordinator_.Release(target.database, target.collection, partitions);
}

Result<LoadState> LocalProxy::GetLoadState(const CollectionRef& target, const std::vector<std::string>& partitions) {
  const Result<CollectionPtr> found = Find(target);
  if (!found.ok()) {
    const bool absent = found.status().detail_code() == static_cast<int32_t>(MilvusErrorCode::kCollectionNotFound);
    return absent ? Result<LoadState>(LoadState::kNotExist) : Result<LoadState>(found.status());
  }
  const coord::Collection& collection = **found;
  for (const std::string& name : partitions) {
    const coord::Partition* partition = collection.FindPartition(name);
    if (partition == nullptr) return MilvusError(MilvusErrorCode::kPartitionNotFound, "partition not found[partition=", name, "]");
    if (!partition->loaded) return LoadState::kNotLoaded;
  }
  switch (coordinator_.GetLoadStatus(collection).phase) {
    case coord::LoadPhase::kReleased: return LoadState::kNotLoaded;
    case coord::LoadPhase::kLoading: return LoadState::kLoading;
    case coord::LoadPhase::kLoaded: return LoadState::kLoaded;
  }
  return LoadState::kNotLoaded;
}

Result<int> LocalProxy::LoadProgress(const CollectionRef& target, const std::vector<std::string>& partitions) {
  const CollectionPtr collection = TRY(Find(target));
  for (const std::string& name : partitions) {
    const coord::Partition* partition = collection->FindPartition(name);
    if (partition == nullptr) return MilvusError(MilvusErrorCode::kPartitionNotFound, "partition not found[partition=", name, "]");
    if (!partition->loaded) return MilvusError(MilvusErrorCode::kPartitionNotLoaded, "partition not loaded[partition=", name, "]");
  }
  const coord::LoadStatus status = coordinator_.GetLoadStatus(*collection);
  if (status.phase != coord::LoadPhase::kReleased) return status.percent;
  return status.error.ok() ? NotLoaded(*collection) : status.error;
}

Result<FlushResponse> LocalProxy::Flush(const std::string& database, const std::vector<std::string>& collections, const Context& context) {
  Metrics::Timer timer(metrics_, Operation::kFlush);
  const auto run = [&]() -> Result<FlushResponse> {
    std::vector<std::pair<std::string, CollectionPtr>> targets;
    for (const std::string& name : collections) targets.emplace_back(name, TRY(coordinator_.Find(database, name)));
    if (collections.empty()) {
      const std::vector<CollectionPtr> all = TRY(coordinator_.List(database));
      for (const CollectionPtr& collection : all) targets.emplace_back(collection->name, collection);
    }
    FlushResponse response;
    for (const auto& [name, collection] : targets) {
      FlushResponse::Collection& flushed = response.collections.emplace_back();
      flushed.name = name;
      flushed.flushed_at = TRY(coordinator_.oracle().Next());
      const auto flush_one = [&, to = &flushed.segments](shard::Shard& shard) -> Status {
        const std::vector<SegmentId> segments = TRY(shard.Flush(context));
        for (const SegmentId segment : segments) to->push_back(segment.value);
        return OkStatus();
      };
      TRY(ForEachShard(*collection, context, flush_one));
      flushed.seal_time_ms = static_cast<int64_t>(UnixMs());
    }
    return response;
  };
  Result<FlushResponse> response = run();
  timer.Done(response.status());
  return response;
}

Result<Timestamp> LocalProxy::FlushAll(const Context& context) {
  const Timestamp timestamp = TRY(coordinator_.oracle().Next());
  for (const CollectionPtr& collection : coordinator_.ListAll()) {
    const Status flushed = ForEachShard(*collection, context, [&](shard::Shard& shard) -> Status { return shard.Flush(context).status(); });
    // One that is dropped meanwhile needs no flush.
    if (!flushed.ok() && coordinator_.Find(collection->id).ok()) return flushed;
  }
  return timestamp;
}

// Flush answers when its segments are durable: whatever it named is flushed.
Result<bool> LocalProxy::IsFlushed(const std::vector<int64_t>& /*segments*/, Timestamp /*flush_timestamp*/) {
  return true;
}

Result<int64_t> LocalProxy::Compact(const CollectionRef& target) {
  const CollectionPtr collection = TRY(Find(target));
  int64_t id = 0;
  {
    MutexLock lock(jobs_mutex_);
    id = next_job_++;
    compactions_[id] = CompactionInfo{id, false, 1, 0, 0, {}};
    if (compactions_.size() > kMaxJobs) compactions_.erase(compactions_.begin());
  }
  const bool queued = jobs_.TrySubmit([this, id, collection] {
    std::vector<std::pair<std::vector<SegmentId>, SegmentId>> merges;
    const Status status =
        ForEachShard(*collection, Context(), [&](shard::Shard& shard) -> Status { return shard.Compact(Context(), &merges); });
    if (!status.ok()) Log(kWarning, "compaction failed", {{"collection", collection->name}, {"why", status.message()}});
    MutexLock lock(jobs_mutex_);
    const auto job = compactions_.find(id);
    if (job == compactions_.end()) return;
    job->second.done = true;
    job->second.executing = 0;
    (status.ok() ? job->second.completed : job->second.failed) = 1;
    for (const auto& [sources, merged] : merges) {
      std::vector<int64_t> ids;
      for (const SegmentId source : sources) ids.push_back(source.value);
      job->second.merges.emplace_back(std::move(ids), merged.value);
    }
  });
  if (queued) return id;
  MutexLock lock(jobs_mutex_);
  compactions_.erase(id);
  return MilvusError(MilvusErrorCode::kTooManyRequests, "too many concurrent requests, queue is full: 256 compactions are waiting");
}

Result<CompactionInfo> LocalProxy::DescribeCompaction(int64_t id) {
  MutexLock lock(jobs_mutex_);
  const auto job = compactions_.find(id);
  if (job != compactions_.end()) return job->second;
  return CompactionInfo{id, true, 0, 0, 0, {}};  // before a restart, or long ago
}

Result<std::vector<SegmentInfo>> LocalProxy::ListSegments(const CollectionRef& target) {
  const CollectionPtr collection = TRY(Find(target));
  std::vector<SegmentInfo> infos;
  TRY(ForEachShard(*collection, Context(), [&](shard::Shard& shard) -> Status {
    for (const shard::SegmentStatus& segment : shard.Segments()) {
      SegmentInfo info{segment.id,
                       collection->id,
                       segment.partition,
                       static_cast<int64_t>(segment.live_rows),
                       static_cast<int64_t>(segment.memory_bytes),
                       segment.sealed,
                       segment.level,
                       "",
                       IndexId()};
      for (const coord::IndexDefinition& index : collection->indexes) {
        const auto built = segment.indexes.find(index.field_id);
        if (built == segment.indexes.end() || built->second != index.id.value) continue;
        info.index_name = index.name;
        info.index_id = index.id;
        break;
      }
      infos.push_back(std::move(info));
    }
    return OkStatus();
  }));
  return infos;
}

Result<Timestamp> LocalProxy::AllocateTimestamp() {
  return coordinator_.oracle().Next();
}

}  // namespace saker::proxy
