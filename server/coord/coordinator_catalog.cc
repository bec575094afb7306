// Start: reading the catalog and finishing what a crash left half done.
#include <algorithm>

#include "common/kill_point.h"
#include "common/log.h"
#include "server/coord/coordinator.h"
#include "server/coord/names.h"
#include "server/coord/records.h"

namespace saker::coord {

using storage::CatalogKind;

Status Coordinator::ReadCatalog() {
  Names names;
  const auto read_database = [&](std::string_view key, std::string_view value) -> Status {
    Database database = TRY(ParseDatabase(key, value));
    names.databases[database.name].database = std::move(database);
    return OkStatus();
  };
  TRY(catalog_.Scan(CatalogKind::kDatabase, read_database));
  if (names.databases.count(std::string(kDefaultDatabase)) == 0) {
    const int64_t id = TRY(ids_->Next());
    Database database{DatabaseId(id), std::string(kDefaultDatabase), TRY(oracle_->Next()), {}};
    TRY(catalog_.Write({PutDatabase(database)}));
    names.databases[database.name].database = std::move(database);
  }
  std::map<int64_t, CollectionRecord> records;
  TRY(ReadCollections(&records));
  for (auto& [id, record] : records) {
    Collection& collection = record.collection;
    const auto entry = names.databases.find(collection.database);
    if (entry == names.databases.end()) {
      return Corruption("catalog: collection ", id, " is in database ", collection.database, ", which does not exist");
    }
    if (record.dropping) {
      leftovers_.push_back({"drop of collection " + collection.name, record, std::nullopt});
      continue;
    }
    if (!record.old_shards.empty()) leftovers_.push_back({"truncation of collection " + collection.name, record, std::nullopt});
    for (const Partition& partition : collection.partitions) {
      if (partition.dropping) leftovers_.push_back({"drop of partition " + partition.name, record, partition});
    }
    std::erase_if(collection.partitions, [](const Partition& partition) { return partition.dropping; });
    auto shared = std::make_shared<Collection>(collection);
    shared->shards = MakeSlots(*shared, shared->first_shard);
    for (const std::string& alias : shared->aliases) entry->second.aliases[alias] = shared->id;
    entry->second.collections[shared->name] = shared;
    names.by_id[id] = shared;
  }
  const auto read_user = [&](std::string_view key, std::string_view value) -> Status {
    names.users.insert(TRY(ParseUser(key, value)));
    return OkStatus();
  };
  TRY(catalog_.Scan(CatalogKind::kUser, read_user));
  MutexLock lock(mutex_);
  *names_ = std::move(names);
  return OkStatus();
}

// Parts of a collection without its own record are ignored: there are none, a drop removes all in one write.
Status Coordinator::ReadCollections(std::map<int64_t, CollectionRecord>* records) {
  const auto read_collection = [&](std::string_view key, std::string_view value) -> Status {
    CollectionRecord record = TRY(ParseCollection(key, value));
    records->emplace(record.collection.id.value, std::move(record));
    return OkStatus();
  };
  TRY(catalog_.Scan(CatalogKind::kCollection, read_collection));
  const auto find = [&](CollectionId id) -> Collection* {
    const auto found = records->find(id.value);
    return found == records->end() ? nullptr : &found->second.collection;
  };
  const auto read_partition = [&](std::string_view key, std::string_view value) -> Status {
    auto [id, partition] = TRY(ParsePartition(key, value));
    if (Collection* collection = find(id)) collection->partitions.push_back(std::move(partition));
    return OkStatus();
  };
  TRY(catalog_.Scan(CatalogKind::kPartition, read_partition));
  const auto read_index = [&](std::string_view key, std::string_view value) -> Status {
    auto [id, index] = TRY(ParseIndex(key, value));
    if (Collection* collection = find(id)) collection->indexes.push_back(std::move(index));
    return OkStatus();
  };
  TRY(catalog_.Scan(CatalogKind::kIndex, read_index));
  return catalog_.Scan(CatalogKind::kAlias, [&](std::string_view key, std::string_view value) -> Status {
    const AliasRecord alias = TRY(ParseAlias(key, value));
    if (Collection* collection = find(alias.collection)) collection->aliases.push_back(alias.name);
    return OkStatus();
  });
}

Status Coordinator::Finish(const Leftover& leftover) {
  const Collection& collection = leftover.record.collection;
  if (leftover.partition) {
    const CollectionPtr current = TRY(Find(collection.id));
    return FinishPartitionDrop(*current, *leftover.partition);
  }
  for (const int32_t first : leftover.record.old_shards) TRY(FinishTruncation(collection.id, MakeSlots(collection, first)));
  return leftover.record.dropping ? FinishDrop(collection, MakeSlots(collection, collection.first_shard)) : OkStatus();
}

Status Coordinator::FinishDrop(const Collection& collection, const std::vector<std::shared_ptr<ShardSlot>>& slots) {
  for (const auto& slot : slots) TRY(slot->Destroy());
  SAKER_KILL_POINT("ddl.drop.before_remove");
  std::vector<storage::CatalogChange> changes{Remove(CatalogKind::kCollection, IdKey(collection.id.value))};
  for (const Partition& partition : collection.partitions) {
    changes.push_back(Remove(CatalogKind::kPartition, PairKey(collection.id.value, partition.id.value)));
  }
  for (const IndexDefinition& index : collection.indexes) {
    changes.push_back(Remove(CatalogKind::kIndex, PairKey(collection.id.value, index.id.value)));
  }
  return catalog_.Write(changes);
}

Status Coordinator::FinishTruncation(CollectionId id, const std::vector<std::shared_ptr<ShardSlot>>& slots) {
  for (const auto& slot : slots) TRY(slot->Destroy());
  SAKER_KILL_POINT("ddl.truncate.before_forget");
  MutexLock change(change_mutex_);
  CollectionRecord record = TRY(ReadRecord(id));
  std::erase(record.old_shards, slots.front()->id().shard);
  return catalog_.Write({PutCollection(record)});
}

Status Coordinator::FinishPartitionDrop(const Collection& collection, const Partition& partition) {
  TRY(ApplyToShards(collection, [&](shard::Shard& shard) { return shard.DropPartition(partition.id); }));
  SAKER_KILL_POINT("ddl.partition.before_remove");
  return catalog_.Write({Remove(CatalogKind::kPartition, PairKey(collection.id.value, partition.id.value))});
}

Result<CollectionRecord> Coordinator::ReadRecord(CollectionId id) {
  const std::string key = IdKey(id.value);
  const std::string bytes = TRY(catalog_.Read(CatalogKind::kCollection, key));
  return ParseCollection(key, bytes);
}

// Writers of a collection's record keep what a truncation still has to destroy.
Result<storage::CatalogChange> Coordinator::CollectionChange(const Collection& collection) {
  CollectionRecord record = TRY(ReadRecord(collection.id));
  record.collection = collection;
  return PutCollection(record);
}

}  // namespace saker::coord
