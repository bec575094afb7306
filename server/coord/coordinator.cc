#include "server/coord/coordinator.h"

#include <algorithm>

#include "common/kill_point.h"
#include "common/log.h"
#include "server/coord/names.h"
#include "server/coord/records.h"

namespace saker::coord {
namespace {
constexpr size_t kMaxMissing = 16;
}  // namespace

Coordinator::Coordinator(storage::Storage& storage, CoordinatorOptions options, std::unique_ptr<TimestampOracle> oracle,
                         std::unique_ptr<IdAllocator> ids)
    : storage_(storage),
      catalog_(storage.catalog()),
      options_(std::move(options)),
      oracle_(std::move(oracle)),
      ids_(std::move(ids)),
      environment_{storage_,
                   *options_.search_pool,
                   *options_.background_pool,
                   *options_.build_pool,
                   *options_.memory,
                   *oracle_,
                   *ids_,
                   options_.seal_bytes,
                   options_.segment_bytes,
                   options_.compact_dead_share,
                   options_.write_queue_limit,
                   options_.build_threads},
      names_(std::make_unique<Names>()),
      jobs_(std::make_unique<WorkerPool>(
          WorkerPool::Options{.name = "coord", .threads = options_.open_threads, .queue_limit = 2 * options_.max_collections})) {}

Coordinator::~Coordinator() {
  Stop();
}

Result<std::unique_ptr<Coordinator>> Coordinator::Open(storage::Storage& storage, CoordinatorOptions options) {
  CHECK(options.search_pool != nullptr && options.background_pool != nullptr && options.build_pool != nullptr &&
        options.memory != nullptr && options.open_shard);
  auto oracle = TRY(TimestampOracle::Open(storage.catalog(), options.clock_ms));
  auto ids = TRY(IdAllocator::Open(storage.catalog()));
  std::unique_ptr<Coordinator> coordinator(new Coordinator(storage, std::move(options), std::move(oracle), std::move(ids)));
  TRY(coordinator->ReadCatalog());
  coordinator->OpenShards();
  return coordinator;
}

void Coordinator::Stop() {
  if (stopping_.exchange(true)) return;
  jobs_->Shutdown();
  for (const CollectionPtr& collection : ListAll()) {
    for (const auto& slot : collection->shards) slot->Close();
  }
}

// New shards are open when their collection is seen, so that readiness does not flicker; one that fails is tried again by its
// first use, and readiness says why.
void Coordinator::OpenNow(const Collection& collection) {
  for (const auto& slot : collection.shards) static_cast<void>(slot->EnsureOpen(Context()).ok());
}

void Coordinator::OpenShards() {
  for (const CollectionPtr& collection : ListAll()) {
    for (const auto& slot : collection->shards) {
      // A slot that finds no place here is opened by its first use.
      static_cast<void>(jobs_->TrySubmit([this, slot] {
        if (!stopping_.load()) static_cast<void>(slot->EnsureOpen(Context()).ok());
      }));
    }
  }
  for (Leftover& leftover : leftovers_) {
    static_cast<void>(jobs_->TrySubmit([this, leftover = std::move(leftover)] {
      const Status finished = stopping_.load() ? OkStatus() : Finish(leftover);
      if (!finished.ok()) Log(kWarning, "interrupted change not finished", {{"change", leftover.what}, {"why", finished.message()}});
    }));
  }
  leftovers_.clear();
}

std::vector<std::shared_ptr<ShardSlot>> Coordinator::MakeSlots(const Collection& collection, int32_t first) {
  // Until the collection is published, or after it is gone, its definition comes from here.
  auto fallback = std::make_shared<Collection>(collection);
  fallback->shards.clear();
  for (Partition& partition : fallback->partitions) partition.loaded = false;
  std::vector<std::shared_ptr<ShardSlot>> slots;
  for (int32_t i = 0; i < collection.shard_count; ++i) {
    slots.push_back(std::make_shared<ShardSlot>(ShardId{collection.id, first + i},
                                                [this, fallback](ShardId id) -> Result<std::unique_ptr<shard::Shard>> {
                                                  Result<CollectionPtr> current = Find(id.collection);
                                                  return OpenShard(id, current.ok() ? **current : *fallback);
                                                }));
  }
  return slots;
}

Result<std::unique_ptr<shard::Shard>> Coordinator::OpenShard(ShardId id, const Collection& collection) {
  shard::ShardConfig config;
  config.id = id;
  config.schema = collection.schema;
  config.indexes = ShardIndexes(collection);
  config.loaded = collection.AnyLoaded();
  return options_.open_shard(std::move(config), environment_);
}

std::vector<shard::IndexDefinition> Coordinator::ShardIndexes(const Collection& collection) {
  std::vector<shard::IndexDefinition> indexes;
  for (const IndexDefinition& index : collection.indexes) {
    if (index.is_vector) {
      indexes.push_back({index.id.value, index.field_id, index.spec});
      continue;
    }
    const FieldSchema* field = collection.schema->FindId(index.field_id);
    const std::string* type = FindValue(index.params, "index_type");
    if (field == nullptr || type == nullptr) continue;
    // One that today's rules refuse was taken by an older version: it stays a definition.
    const Result<scalar_index::Spec> spec = scalar_index::MakeSpec(*field, *type, index.params);
    if (spec.ok()) indexes.push_back({index.id.value, index.field_id, {}, *spec});
  }
  return indexes;
}

Readiness Coordinator::GetReadiness() const {
  Readiness readiness;
  for (const CollectionPtr& collection : ListAll()) {
    size_t closed = 0;
    Status failure;
    for (const auto& slot : collection->shards) {
      if (slot->is_open()) continue;
      ++closed;
      if (const Status last = slot->last_failure(); !last.ok()) failure = last;
    }
    readiness.shards += collection->shards.size();
    readiness.shards_open += collection->shards.size() - closed;
    if (readiness.missing.size() >= kMaxMissing) continue;
    if (!failure.ok()) {
      readiness.missing.push_back(
          internal::Join("collection ", collection->database, ".", collection->name, ": not opened: ", failure.message()));
    } else if (closed > 0) {
      readiness.missing.push_back(internal::Join("collection ", collection->database, ".", collection->name, ": ", closed, " of ",
                                                 collection->shards.size(), " shards are being opened"));
    }
  }
  readiness.ready = readiness.shards == readiness.shards_open;
  return readiness;
}

Status Coordinator::ApplyToShards(const Collection& collection, const std::function<Status(shard::Shard&)>& change) {
  Status first;
  for (const auto& slot : collection.shards) {
    const Status applied = slot->Use(Context(), change);
    if (first.ok()) first = applied;
  }
  return first;
}

}  // namespace saker::coord
