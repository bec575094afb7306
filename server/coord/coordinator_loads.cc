// Load and release. What the user wants is durable in the catalog; bringing it into memory happens behind.
#include <algorithm>

#include "common/log.h"
#include "server/coord/coordinator.h"
#include "server/coord/names.h"
#include "server/coord/records.h"

namespace saker::coord {
namespace {

Status PartitionNotFound(const std::string& partition) {
  return MilvusError(MilvusErrorCode::kPartitionNotFound, "partition not found[partition=", partition, "]");
}

// Small collections are in memory within this time, so that a client's first look at the state says loaded.
constexpr std::chrono::milliseconds kWaitForLoad{50};
constexpr std::chrono::seconds kLongestWait{10};

}  // namespace

Status Coordinator::WriteLoaded(const Collection& old, const std::shared_ptr<Collection>& changed) {
  std::vector<storage::CatalogChange> changes;
  if (changed->load_all != old.load_all) changes.push_back(TRY(CollectionChange(*changed)));
  for (size_t i = 0; i < changed->partitions.size(); ++i) {
    if (changed->partitions[i].loaded != old.partitions[i].loaded) { changes.push_back(PutPartition(old.id, changed->partitions[i])); }
  }
  if (!changes.empty()) TRY(catalog_.Write(changes));
  Publish(changed);
  return OkStatus();
}

Status Coordinator::Load(const std::string& database, const std::string& collection, const std::vector<std::string>& partitions) {
  std::shared_ptr<LoadJob> job;
  CollectionId id;
  {
    MutexLock change(change_mutex_);
    const CollectionPtr old = TRY(Find(database, collection));
    for (const std::string& name : partitions) {
      if (old->FindPartition(name) == nullptr) return PartitionNotFound(name);
    }
    auto changed = std::make_shared<Collection>(*old);
    if (partitions.empty()) changed->load_all = true;
    for (Partition& partition : changed->partitions) {
      const bool named = std::find(partitions.begin(), partitions.end(), partition.name) != partitions.end();
      if (partitions.empty() || named) partition.loaded = true;
    }
    // Shards hold all partitions: nothing to bring in when one of them is there already.
    const bool there = old->AnyLoaded() && GetLoadStatus(*old).phase == LoadPhase::kLoaded;
    // Known before it is published: whoever reads the collection as loaded finds the load that is running.
    if (!there) job = BeginLoad(old->id);
    const Status written = WriteLoaded(*old, changed);
    if (!written.ok() && job != nullptr) EndLoad(*job, written);
    if (!written.ok() || job == nullptr) return written;
    id = old->id;
  }
  if (!jobs_->TrySubmit([this, id, job] { RunLoad(id, job); })) RunLoad(id, job);
  const auto deadline = std::chrono::steady_clock::now() + kWaitForLoad;
  MutexLock lock(job->mutex);
  while (!job->done && job->ended.WaitUntil(job->mutex, deadline)) {}
  return OkStatus();
}

std::shared_ptr<Coordinator::LoadJob> Coordinator::BeginLoad(CollectionId id) {
  auto job = std::make_shared<LoadJob>();
  running_loads_.fetch_add(1);
  MutexLock lock(mutex_);
  loads_[id.value] = job;
  return job;
}

void Coordinator::EndLoad(LoadJob& job, const Status& status) {
  {
    MutexLock lock(job.mutex);
    job.error = status;
    job.done = true;
    job.ended.NotifyAll();
  }
  running_loads_.fetch_sub(1);
}

void Coordinator::RunLoad(CollectionId id, const std::shared_ptr<LoadJob>& job) {
  Status status;
  const Result<CollectionPtr> collection = Find(id);
  // At the end of the process nothing is undone: the next start loads what the catalog says.
  if (collection.ok() && !stopping_.load()) {
    const size_t shards = (*collection)->shards.size();
    for (size_t i = 0; i < shards && status.ok(); ++i) {
      const auto progress = [&](double share) {
        const double whole = (static_cast<double>(i) + std::clamp(share, 0.0, 1.0)) / static_cast<double>(shards);
        job->percent.store(std::min(99, static_cast<int>(whole * 100)), std::memory_order_relaxed);
      };
      status = (*collection)->shards[i]->Use(Context(), [&](shard::Shard& shard) { return shard.Load(progress); });
    }
  }
  if (!status.ok()) {
    Log(kWarning, "load failed", {{"collection", id}, {"why", status.message()}});
    MutexLock change(change_mutex_);
    if (const Result<CollectionPtr> current = Find(id); current.ok()) {
      auto released = std::make_shared<Collection>(**current);
      released->load_all = false;
      for (Partition& partition : released->partitions) partition.loaded = false;
      const Status written = WriteLoaded(**current, released);
      if (!written.ok()) Log(kWarning, "load state not written", {{"collection", id}, {"why", written.message()}});
    }
  }
  EndLoad(*job, status);
  // A release that came meanwhile found nothing to let go.
  if (const Result<CollectionPtr> current = Find(id); current.ok() && !(*current)->AnyLoaded()) {
    static_cast<void>(ApplyToShards(**current, [](shard::Shard& shard) {
                        shard.Release();
                        return OkStatus();
                      }).ok());
  }
}

Status Coordinator::Release(const std::string& database, const std::string& collection, const std::vector<std::string>& partitions) {
  MutexLock change(change_mutex_);
  const CollectionPtr old = TRY(Find(database, collection));
  for (const std::string& name : partitions) {
    if (old->FindPartition(name) == nullptr) return PartitionNotFound(name);
  }
  auto changed = std::make_shared<Collection>(*old);
  changed->load_all = false;
  for (Partition& partition : changed->partitions) {
    const bool named = std::find(partitions.begin(), partitions.end(), partition.name) != partitions.end();
    if (partitions.empty() || named) partition.loaded = false;
  }
  TRY(WriteLoaded(*old, changed));
  if (!old->AnyLoaded() || changed->AnyLoaded()) return OkStatus();
  return ApplyToShards(*old, [](shard::Shard& shard) {
    shard.Release();
    return OkStatus();
  });
}

Status Coordinator::AwaitLoad(const Collection& collection, const Context& context) const {
  if (!collection.AnyLoaded()) {
    return MilvusError(MilvusErrorCode::kCollectionNotLoaded, "collection not loaded[collection=", collection.name, "]");
  }
  if (running_loads_.load(std::memory_order_relaxed) == 0) return OkStatus();
  std::shared_ptr<LoadJob> job;
  {
    MutexLock lock(mutex_);
    const auto found = loads_.find(collection.id.value);
    if (found == loads_.end()) return OkStatus();
    job = found->second;
  }
  const auto deadline = std::min(context.deadline(), std::chrono::steady_clock::now() + kLongestWait);
  MutexLock lock(job->mutex);
  while (!job->done && job->ended.WaitUntil(job->mutex, deadline)) {}
  if (job->done && job->error.ok()) return OkStatus();
  return MilvusError(MilvusErrorCode::kCollectionNotLoaded, "collection not fully loaded[collection=", collection.name,
                     "]: ", job->done ? job->error.message() : "the load is still running");
}

LoadStatus Coordinator::GetLoadStatus(const Collection& collection) const {
  std::shared_ptr<LoadJob> job;
  {
    MutexLock lock(mutex_);
    const auto found = loads_.find(collection.id.value);
    if (found != loads_.end()) job = found->second;
  }
  LoadStatus status;
  bool done = true;
  if (job != nullptr) {
    MutexLock lock(job->mutex);
    done = job->done;
    status.error = job->error;
  }
  if (!collection.AnyLoaded()) return status;
  status.error = OkStatus();
  size_t open = 0;
  for (const auto& slot : collection.shards) open += slot->is_open() ? 1 : 0;
  if (job == nullptr) {
    // Loaded since the start: the shards open with everything in memory.
    done = open == collection.shards.size();
    status.percent = done ? 100 : static_cast<int>(100 * open / collection.shards.size());
  } else {
    status.percent = done ? 100 : job->percent.load(std::memory_order_relaxed);
  }
  status.phase = done ? LoadPhase::kLoaded : LoadPhase::kLoading;
  return status;
}

}  // namespace saker::coord
