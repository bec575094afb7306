// Owns the names and settings of everything: databases, collections, partitions, aliases, indexes, load states, users;
// the timestamp oracle; the id allocator; and the shards.
//
// The catalog on disk comes first: a change is durable, then published in memory, then acted on. What a crash leaves half
// done (a drop, a truncation) is finished at the next Open. Reads take an immutable snapshot under a short lock. One
// definition changes at a time. Thread-safe. Errors carry Milvus' codes and wording; the proxy has checked names and
// parameters before.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/context.h"
#include "common/memory_budget.h"
#include "common/mutex.h"
#include "common/result.h"
#include "common/worker_pool.h"
#include "server/coord/collection.h"
#include "server/coord/id_allocator.h"
#include "server/coord/records.h"
#include "server/coord/timestamp_oracle.h"
#include "server/shard/shard.h"
#include "storage/storage.h"

namespace saker::coord {

inline constexpr std::string_view kDefaultDatabase = "default";
inline constexpr std::string_view kDefaultPartition = "_default";

using ShardFactory = std::function<Result<std::unique_ptr<shard::Shard>>(shard::ShardConfig, shard::Environment&)>;

// Pools and budget outlive the coordinator.
struct CoordinatorOptions {
  WorkerPool* search_pool = nullptr;
  WorkerPool* background_pool = nullptr;
  WorkerPool* build_pool = nullptr;  // shard::Environment
  MemoryBudget* memory = nullptr;
  ShardFactory open_shard;  // shard::Shard::Open
  uint64_t seal_bytes = 128ull << 20;
  uint64_t segment_bytes = 512ull << 20;
  double compact_dead_share = 0.2;
  size_t write_queue_limit = 1024;
  int build_threads = 1;
  std::function<uint64_t()> clock_ms = UnixMs;
  int open_threads = 2;  // shards that are opened at the same time at start
  size_t max_databases = 64;
  size_t max_collections = 65536;
  size_t max_partitions = 1024;  // of one collection
};

// What /readyz shows: right answers need every shard's log replayed and every loaded collection in memory.
struct Readiness {
  bool ready = false;
  size_t shards = 0;
  size_t shards_open = 0;
  std::vector<std::string> missing;  // sentences, at most 16
};

enum class LoadPhase { kReleased, kLoading, kLoaded };
struct LoadStatus {
  LoadPhase phase = LoadPhase::kReleased;
  int percent = 0;
  Status error;  // why the last load failed
};

// A new collection; the schema is complete: ids, $meta, function outputs.
struct CollectionDraft {
  std::string database;
  std::string name;
  CollectionSchema schema;
  int32_t shard_count = 1;
  int64_t partition_count = 1;  // with a partition key: _default_0 ...
  ConsistencyLevel consistency = ConsistencyLevel::kBounded;
  KeyValues properties;
};

class Coordinator {
 public:
  // Reads the catalog, finishes what a crash left half done, and begins to open the shards in the background.
  static Result<std::unique_ptr<Coordinator>> Open(storage::Storage& storage, CoordinatorOptions options);
  ~Coordinator();  // Stop
  // Waits for loads and openings, then closes every shard. Idempotent.
  void Stop();

  shard::TimestampSource& timestamps() { return *oracle_; }
  shard::IdSource& ids() { return *ids_; }
  TimestampOracle& oracle() { return *oracle_; }
  shard::Environment& environment() { return environment_; }
  uint64_t NowMs() const { return options_.clock_ms(); }
  Readiness GetReadiness() const;

  // Databases
  Status CreateDatabase(const std::string& name, const KeyValues& properties);
  Status DropDatabase(const std::string& name);
  Status AlterDatabase(const std::string& name, const KeyValues& set, const std::vector<std::string>& remove);
  Result<Database> FindDatabase(std::string_view name) const;
  std::vector<Database> ListDatabases() const;

  // Collections. A name may be an alias wherever the text does not say otherwise.
  using CollectionPtr = std::shared_ptr<const Collection>;
  Result<CollectionPtr> Find(std::string_view database, std::string_view name) const;
  Result<CollectionPtr> Find(CollectionId id) const;
  Result<std::vector<CollectionPtr>> List(std::string_view database) const;  // by name
  std::vector<CollectionPtr> ListAll() const;
  Status CreateCollection(CollectionDraft draft);
  Status DropCollection(const std::string& database, const std::string& name);  // not by an alias
  Status TruncateCollection(const std::string& database, const std::string& name);
  Status RenameCollection(const std::string& database, const std::string& name, const std::string& new_database,
                          const std::string& new_name);
  // Changes properties, consistency or schema of a copy, which then becomes the collection. With a new schema pointer the
  // shards get it too and `updated` moves.
  Status Edit(const std::string& database, const std::string& name, const std::function<Status(Collection*)>& edit);

  // Partitions
  Status CreatePartition(const std::string& database, const std::string& collection, const std::string& partition);
  Status DropPartition(const std::string& database, const std::string& collection, const std::string& partition);

  // Aliases
  Status CreateAlias(const std::string& database, const std::string& collection, const std::string& alias);
  Status AlterAlias(const std::string& database, const std::string& collection, const std::string& alias);
  Status DropAlias(const std::string& database, const std::string& alias);  // OK when there is none
  Result<std::string> DescribeAlias(std::string_view database, std::string_view alias) const;

  // Indexes. The definition's id is assigned here. Same name or field with equal parameters: OK and nothing happens.
  Status CreateIndex(const std::string& database, const std::string& collection, IndexDefinition definition);
  Status DropIndex(const std::string& database, const std::string& collection, const std::string& field, const std::string& index);
  Status AlterIndex(const std::string& database, const std::string& collection, const std::string& index, const KeyValues& set,
                    const std::vector<std::string>& remove);

  // Loads run in the background; empty partitions: all.
  Status Load(const std::string& database, const std::string& collection, const std::vector<std::string>& partitions);
  Status Release(const std::string& database, const std::string& collection, const std::vector<std::string>& partitions);
  LoadStatus GetLoadStatus(const Collection& collection) const;
  // OK once the collection can be read; waits a while for a load that is running. 101 when it is not loaded.
  Status AwaitLoad(const Collection& collection, const Context& context) const;

  // Users: the name and the text of its password's hash; what a hash is, the caller knows.
  Status PutUser(const std::string& name, const std::string& password_hash);
  Result<std::string> GetUser(std::string_view name) const;
  std::vector<std::string> ListUsers() const;
  Status DropUser(const std::string& name);  // NotFound when there is none

 private:
  struct LoadJob;
  struct Names;
  // What a crash left half done.
  struct Leftover {
    std::string what;
    CollectionRecord record;
    std::optional<Partition> partition;
  };

  Coordinator(storage::Storage& storage, CoordinatorOptions options, std::unique_ptr<TimestampOracle> oracle,
              std::unique_ptr<IdAllocator> ids);
  Status ReadCatalog();
  Status ReadCollections(std::map<int64_t, CollectionRecord>* records);
  static void OpenNow(const Collection& collection);
  void OpenShards();
  Status Finish(const Leftover& leftover);
  Status FinishDrop(const Collection& collection, const std::vector<std::shared_ptr<ShardSlot>>& slots);
  Status FinishTruncation(CollectionId id, const std::vector<std::shared_ptr<ShardSlot>>& slots) EXCLUDES(change_mutex_);
  Status FinishPartitionDrop(const Collection& collection, const Partition& partition);

  std::vector<std::shared_ptr<ShardSlot>> MakeSlots(const Collection& collection, int32_t first);
  Result<std::unique_ptr<shard::Shard>> OpenShard(ShardId id, const Collection& collection);
  static std::vector<shard::IndexDefinition> ShardIndexes(const Collection& collection);
  static bool SameDefinition(const Collection& collection, const CollectionDraft& draft);
  Status ApplyToShards(const Collection& collection, const std::function<Status(shard::Shard&)>& change);

  void Publish(CollectionPtr collection) EXCLUDES(mutex_);
  void Unpublish(const Collection& collection) EXCLUDES(mutex_);
  void RemoveNames(const Collection& collection) REQUIRES(mutex_);
  Result<CollectionRecord> ReadRecord(CollectionId id);
  Result<storage::CatalogChange> CollectionChange(const Collection& collection) REQUIRES(change_mutex_);
  Status CheckAliasName(const Collection& target, const std::string& alias) const EXCLUDES(mutex_);
  Status PutAliasOn(const Collection& target, const std::string& alias, const CollectionPtr& previous) REQUIRES(change_mutex_);
  Status WriteLoaded(const Collection& old, const std::shared_ptr<Collection>& changed) REQUIRES(change_mutex_);
  std::shared_ptr<LoadJob> BeginLoad(CollectionId id) EXCLUDES(mutex_);
  void EndLoad(LoadJob& job, const Status& status);
  void RunLoad(CollectionId id, const std::shared_ptr<LoadJob>& job);
  Status SetIndexes(const Collection& old, const std::shared_ptr<Collection>& changed, const std::vector<storage::CatalogChange>& changes)
      REQUIRES(change_mutex_);

  storage::Storage& storage_;
  storage::Catalog& catalog_;
  const CoordinatorOptions options_;
  std::unique_ptr<TimestampOracle> oracle_;
  std::unique_ptr<IdAllocator> ids_;
  shard::Environment environment_;

  mutable Mutex change_mutex_;  // one definition changes at a time; taken before mutex_
  mutable Mutex mutex_;         // names and snapshots
  std::unique_ptr<Names> names_ GUARDED_BY(mutex_);
  std::map<int64_t, std::shared_ptr<LoadJob>> loads_ GUARDED_BY(mutex_);  // by collection; the last load of each
  std::vector<Leftover> leftovers_;                                       // only during Open
  std::unique_ptr<WorkerPool> jobs_;
  std::atomic<int> running_loads_{0};  // none is the common case: reads then look no further
  std::atomic<bool> stopping_{false};
};

}  // namespace saker::coord
