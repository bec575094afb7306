#include <algorithm>

#include "common/kill_point.h"
#include "common/log.h"
#include "server/coord/coordinator.h"
#include "server/coord/names.h"
#include "server/coord/records.h"

namespace saker::coord {

using storage::CatalogKind;

Result<Coordinator::CollectionPtr> Coordinator::Find(std::string_view database, std::string_view name) const {
  MutexLock lock(mutex_);
  const Names::Entry* entry = names_->Find(database);
  if (entry == nullptr) return DatabaseNotFound(database);
  if (const auto found = entry->collections.find(name); found != entry->collections.end()) return found->second;
  if (const auto alias = entry->aliases.find(name); alias != entry->aliases.end()) return names_->by_id.at(alias->second.value);
  return CollectionNotFound(database, name);
}

Result<Coordinator::CollectionPtr> Coordinator::Find(CollectionId id) const {
  MutexLock lock(mutex_);
  const auto found = names_->by_id.find(id.value);
  if (found != names_->by_id.end()) return found->second;
  return MilvusError(MilvusErrorCode::kCollectionNotFound, "collection not found[collection=", id, "]");
}

Result<std::vector<Coordinator::CollectionPtr>> Coordinator::List(std::string_view database) const {
  std::vector<CollectionPtr> collections;
  {
    MutexLock lock(mutex_);
    const Names::Entry* entry = names_->Find(database);
    if (entry == nullptr) return DatabaseNotFound(database);
    for (const auto& [name, collection] : entry->collections) collections.push_back(collection);
  }
  std::sort(collections.begin(), collections.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
  return collections;
}

std::vector<Coordinator::CollectionPtr> Coordinator::ListAll() const {
  MutexLock lock(mutex_);
  std::vector<CollectionPtr> collections;
  collections.reserve(names_->by_id.size());
  for (const auto& [id, collection] : names_->by_id) collections.push_back(collection);
  return collections;
}

void Coordinator::Publish(CollectionPtr collection) {
  MutexLock lock(mutex_);
  const auto old = names_->by_id.find(collection->id.value);
  if (old != names_->by_id.end()) RemoveNames(*old->second);
  Names::Entry* entry = names_->Find(collection->database);
  CHECK(entry != nullptr);
  for (const std::string& alias : collection->aliases) entry->aliases[alias] = collection->id;
  entry->collections[collection->name] = collection;
  names_->by_id[collection->id.value] = std::move(collection);
}

void Coordinator::Unpublish(const Collection& collection) {
  MutexLock lock(mutex_);
  RemoveNames(collection);
  names_->by_id.erase(collection.id.value);
  loads_.erase(collection.id.value);
}

void Coordinator::RemoveNames(const Collection& collection) {
  Names::Entry* entry = names_->Find(collection.database);
  CHECK(entry != nullptr);
  entry->collections.erase(collection.name);
  for (const std::string& alias : collection.aliases) entry->aliases.erase(alias);
}

Status Coordinator::CreateCollection(CollectionDraft draft) {
  MutexLock change(change_mutex_);
  if (draft.database.empty()) draft.database = kDefaultDatabase;
  const Database database = TRY(FindDatabase(draft.database));
  {
    MutexLock lock(mutex_);
    const Names::Entry* entry = names_->Find(draft.database);
    if (entry->aliases.count(draft.name) > 0) {
      return MilvusError(MilvusErrorCode::kAliasCollectionConflict, "alias and collection name conflict[database=", draft.database,
                         "][alias=", draft.name, "]");
    }
    if (const auto found = entry->collections.find(draft.name); found != entry->collections.end()) {
      if (SameDefinition(*found->second, draft)) return OkStatus();
      return MilvusError(MilvusErrorCode::kUnexpected, "create duplicate collection with different parameters, collection: ", draft.name);
    }
    if (names_->by_id.size() >= options_.max_collections) {
      return MilvusError(MilvusErrorCode::kCollectionLimit, "exceeded the limit number of collections[limit=", options_.max_collections,
                         "]: there are ", names_->by_id.size());
    }
  }
  auto collection = std::make_shared<Collection>();
  collection->id = CollectionId(TRY(ids_->Next()));
  collection->database_id = database.id;
  collection->database = database.name;
  collection->name = draft.name;
  collection->schema = std::make_shared<const CollectionSchema>(std::move(draft.schema));
  collection->shard_count = draft.shard_count;
  collection->consistency = draft.consistency;
  collection->properties = std::move(draft.properties);
  collection->created = collection->updated = TRY(oracle_->Next());
  const bool keyed = collection->schema->PartitionKey() != nullptr;
  for (int64_t i = 0; i < (keyed ? draft.partition_count : 1); ++i) {
    std::string name(kDefaultPartition);
    if (keyed) name += "_" + std::to_string(i);
    collection->partitions.push_back({PartitionId(TRY(ids_->Next())), std::move(name), collection->created});
  }
  std::vector<storage::CatalogChange> changes{PutCollection({*collection, false, {}})};
  for (const Partition& partition : collection->partitions) changes.push_back(PutPartition(collection->id, partition));
  SAKER_KILL_POINT("ddl.create.before_record");
  TRY(catalog_.Write(changes));
  SAKER_KILL_POINT("ddl.create.after_record");
  collection->shards = MakeSlots(*collection, 0);
  OpenNow(*collection);
  Publish(collection);
  return OkStatus();
}

bool Coordinator::SameDefinition(const Collection& collection, const CollectionDraft& draft) {
  // Compared as the catalog would write it, so that nothing durable is forgotten.
  Collection other = collection;
  other.schema = std::make_shared<const CollectionSchema>(draft.schema);
  other.shard_count = draft.shard_count;
  other.consistency = draft.consistency;
  other.properties = draft.properties;
  if (draft.schema.PartitionKey() != nullptr && draft.partition_count != static_cast<int64_t>(collection.partitions.size())) return false;
  return PutCollection({collection, false, {}}).value == PutCollection({other, false, {}}).value;
}

Status Coordinator::DropCollection(const std::string& database, const std::string& name) {
  CollectionPtr collection;
  {
    MutexLock change(change_mutex_);
    Result<CollectionPtr> found = Find(database, name);
    if (!found.ok())
      return found.status().detail_code() == static_cast<int32_t>(MilvusErrorCode::kCollectionNotFound) ? OkStatus() : found.status();
    collection = *found;
    if (collection->name != name) return MilvusError(MilvusErrorCode::kUnexpected, "cannot drop the collection via alias = ", name);
    if (!collection->aliases.empty()) {
      std::string aliases;
      for (const std::string& alias : collection->aliases) aliases += (aliases.empty() ? "" : " ") + alias;
      return MilvusError(MilvusErrorCode::kUnexpected, "unable to drop the collection [", name, "] because it has associated aliases [",
                         aliases, "], please remove all aliases before dropping the collection");
    }
    CollectionRecord record = TRY(ReadRecord(collection->id));
    record.dropping = true;
    SAKER_KILL_POINT("ddl.drop.before_mark");
    TRY(catalog_.Write({PutCollection(record)}));
    SAKER_KILL_POINT("ddl.drop.after_mark");
    Unpublish(*collection);
  }
  // The name is free and the drop is certain; what fails from here on is finished at the next start.
  const Status finished = FinishDrop(*collection, collection->shards);
  if (!finished.ok()) Log(kWarning, "drop not finished", {{"collection", name}, {"why", finished.message()}});
  return OkStatus();
}

Status Coordinator::TruncateCollection(const std::string& database, const std::string& name) {
  CollectionPtr old;
  {
    MutexLock change(change_mutex_);
    old = TRY(Find(database, name));
    CollectionRecord record = TRY(ReadRecord(old->id));
    record.old_shards.push_back(old->first_shard);
    auto fresh = std::make_shared<Collection>(*old);
    fresh->first_shard = old->first_shard + old->shard_count;
    fresh->shards = MakeSlots(*fresh, fresh->first_shard);
    record.collection = *fresh;
    SAKER_KILL_POINT("ddl.truncate.before_record");
    TRY(catalog_.Write({PutCollection(record)}));
    SAKER_KILL_POINT("ddl.truncate.after_record");
    OpenNow(*fresh);
    Publish(fresh);
  }
  const Status finished = FinishTruncation(old->id, old->shards);
  if (!finished.ok()) Log(kWarning, "truncation not finished", {{"collection", name}, {"why", finished.message()}});
  return OkStatus();
}

Status Coordinator::RenameCollection(const std::string& database, const std::string& name, const std::string& new_database,
                                     const std::string& new_name) {
  MutexLock change(change_mutex_);
  const CollectionPtr old = TRY(Find(database, name));
  if (old->name != name) return MilvusError(MilvusErrorCode::kUnexpected, "unsupported use an alias to rename collection, alias:", name);
  const Database target = TRY(FindDatabase(new_database.empty() ? old->database : new_database));
  if (target.name == old->database && new_name == name) {
    return MilvusError(MilvusErrorCode::kUnexpected, "collection name or database name should be different");
  }
  {
    MutexLock lock(mutex_);
    const Names::Entry* entry = names_->Find(target.name);
    if (entry->aliases.count(new_name) > 0) {
      return MilvusError(MilvusErrorCode::kUnexpected, "cannot rename collection to an existing alias: ", new_name);
    }
    if (entry->collections.count(new_name) > 0) {
      return MilvusError(MilvusErrorCode::kUnexpected, "duplicated new collection name ", target.name, ":", new_name,
                         " with other collection name or alias");
    }
  }
  if (target.name != old->database && !old->aliases.empty()) {
    return MilvusError(MilvusErrorCode::kUnexpected, "fail to rename db name, must drop all aliases of this collection before rename");
  }
  auto renamed = std::make_shared<Collection>(*old);
  renamed->name = new_name;
  renamed->database = target.name;
  renamed->database_id = target.id;
  const storage::CatalogChange record = TRY(CollectionChange(*renamed));
  TRY(catalog_.Write({record}));
  Publish(renamed);
  return OkStatus();
}

Status Coordinator::Edit(const std::string& database, const std::string& name, const std::function<Status(Collection*)>& edit) {
  MutexLock change(change_mutex_);
  const CollectionPtr old = TRY(Find(database, name));
  auto edited = std::make_shared<Collection>(*old);
  TRY(edit(edited.get()));
  const bool new_schema = edited->schema != old->schema;
  if (new_schema) edited->updated = TRY(oracle_->Next());
  const storage::CatalogChange record = TRY(CollectionChange(*edited));
  TRY(catalog_.Write({record}));
  // The shards first: they take rows of the older schema too, but not of one they do not know yet.
  Status applied;
  if (new_schema) applied = ApplyToShards(*old, [&](shard::Shard& shard) { return shard.SetSchema(edited->schema); });
  Publish(edited);
  return applied;
}

}  // namespace saker::coord
