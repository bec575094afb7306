// For tests: a catalog and shards that keep everything in memory and survive the objects that use them.
#pragma once

#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/memory_budget.h"
#include "common/worker_pool.h"
#include "server/coord/coordinator.h"
#include "server/shard/shard.h"
#include "storage/storage.h"

namespace saker::coord {

class FakeCatalog final : public storage::Catalog {
 public:
  Status Write(const std::vector<storage::CatalogChange>& changes) override {
    MutexLock lock(mutex_);
    ++writes_;
    if (fail_after_writes && writes_ > *fail_after_writes) return Unavailable("the catalog is gone");
    for (const storage::CatalogChange& change : changes) {
      if (change.value) {
        records_[{change.kind, change.key}] = *change.value;
      } else {
        records_.erase({change.kind, change.key});
      }
    }
    return OkStatus();
  }
  Result<std::string> Read(storage::CatalogKind kind, std::string_view key) override {
    MutexLock lock(mutex_);
    const auto found = records_.find({kind, std::string(key)});
    if (found == records_.end()) return NotFound("no record ", key);
    return found->second;
  }
  Status Scan(storage::CatalogKind kind, const std::function<Status(std::string_view, std::string_view)>& visit) override {
    std::map<std::string, std::string> copy;
    {
      MutexLock lock(mutex_);
      for (const auto& [key, value] : records_) {
        if (key.first == kind) copy[key.second] = value;
      }
    }
    for (const auto& [key, value] : copy) TRY(visit(key, value));
    return OkStatus();
  }
  size_t Count(storage::CatalogKind kind) {
    MutexLock lock(mutex_);
    size_t count = 0;
    for (const auto& [key, value] : records_) count += key.first == kind ? 1 : 0;
    return count;
  }
  int writes() {
    MutexLock lock(mutex_);
    return writes_;
  }
  std::optional<int> fail_after_writes;

 private:
  Mutex mutex_;
  std::map<std::pair<storage::CatalogKind, std::string>, std::string> records_ GUARDED_BY(mutex_);
  int writes_ GUARDED_BY(mutex_) = 0;
};

class FakeStorage final : public storage::Storage {
 public:
  storage::Log& log() override { return *Absent<storage::Log>(); }
  storage::Catalog& catalog() override { return catalog_; }
  storage::Manifests& manifests() override { return *Absent<storage::Manifests>(); }
  storage::Rows& rows() override { return *Absent<storage::Rows>(); }
  storage::BlobStore& blobs() override { return *Absent<storage::BlobStore>(); }
  Status WritesAllowed() override { return OkStatus(); }
  uint64_t MemoryBytes() override { return 0; }
  Status Close() override { return OkStatus(); }
  FakeCatalog& fake_catalog() { return catalog_; }

 private:
  template <typename T>
  T* Absent() {
    CHECK(!"the fake storage has only a catalog");
    return nullptr;
  }
  FakeCatalog catalog_;
};

// What a shard keeps; outlives the FakeShard objects.
struct FakeShardState {
  struct Row {
    RowBatch values;  // one row
    PrimaryKey key;
    PartitionId partition;
    Timestamp written = 0;
    Timestamp died = kMaxTimestamp;
  };
  Mutex mutex;
  std::vector<Row> rows GUARDED_BY(mutex);
  std::vector<shard::IndexDefinition> indexes GUARDED_BY(mutex);
  std::shared_ptr<const CollectionSchema> schema GUARDED_BY(mutex);
  int loads GUARDED_BY(mutex) = 0;
  int flushes GUARDED_BY(mutex) = 0;
};

struct FakeWorld {
  FakeStorage storage;
  WorkerPool search{{.name = "search", .threads = 2}};
  WorkerPool background{{.name = "background", .threads = 1}};
  WorkerPool build{{.name = "build", .threads = 1}};
  MemoryBudget memory{1ull << 30};
  uint64_t now_ms = 1'700'000'000'000;
  Mutex mutex;
  std::map<ShardId, std::shared_ptr<FakeShardState>> shards GUARDED_BY(mutex);
  bool fail_destroy = false;
  bool fail_load = false;

  std::shared_ptr<FakeShardState> State(ShardId id) {
    MutexLock lock(mutex);
    auto& state = shards[id];
    if (state == nullptr) state = std::make_shared<FakeShardState>();
    return state;
  }
  bool HasShard(ShardId id) {
    MutexLock lock(mutex);
    return shards.count(id) > 0;
  }
  size_t shard_count() {
    MutexLock lock(mutex);
    return shards.size();
  }
  CoordinatorOptions Options();
  std::unique_ptr<Coordinator> Open() {
    Result<std::unique_ptr<Coordinator>> opened = Coordinator::Open(storage, Options());
    CHECK(opened.ok());
    return std::move(opened).value();
  }
};

std::unique_ptr<shard::Shard> MakeFakeShard(shard::ShardConfig config, shard::Environment& environment, FakeWorld& world);

inline CoordinatorOptions FakeWorld::Options() {
  CoordinatorOptions options;
  options.search_pool = &search;
  options.background_pool = &background;
  options.build_pool = &build;
  options.memory = &memory;
  options.clock_ms = [this] { return now_ms; };
  options.open_shard = [this](shard::ShardConfig config, shard::Environment& environment) -> Result<std::unique_ptr<shard::Shard>> {
    return MakeFakeShard(std::move(config), environment, *this);
  };
  return options;
}

}  // namespace saker::coord
