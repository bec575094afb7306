// Partitions and aliases.
#include <algorithm>

#include "common/kill_point.h"
#include "common/log.h"
#include "server/coord/coordinator.h"
#include "server/coord/names.h"
#include "server/coord/records.h"

namespace saker::coord {

using storage::CatalogKind;

Status Coordinator::CreatePartition(const std::string& database, const std::string& collection, const std::string& partition) {
  MutexLock change(change_mutex_);
  const CollectionPtr old = TRY(Find(database, collection));
  if (old->schema->PartitionKey() != nullptr) {
    return MilvusError(MilvusErrorCode::kUnexpected, "disable create partition if partition key mode is used");
  }
  if (old->FindPartition(partition) != nullptr) return OkStatus();
  if (old->partitions.size() >= options_.max_partitions) {
    return MilvusError(MilvusErrorCode::kUnexpected, "partition number (", old->partitions.size(), ") exceeds max configuration (",
                       options_.max_partitions, "), collection: ", old->name);
  }
  Partition created{PartitionId(TRY(ids_->Next())), partition, TRY(oracle_->Next()), old->load_all};
  TRY(catalog_.Write({PutPartition(old->id, created)}));
  auto changed = std::make_shared<Collection>(*old);
  changed->partitions.push_back(std::move(created));
  Publish(changed);
  return OkStatus();
}

Status Coordinator::DropPartition(const std::string& database, const std::string& collection, const std::string& partition) {
  CollectionPtr old;
  Partition dropped;
  {
    MutexLock change(change_mutex_);
    old = TRY(Find(database, collection));
    if (old->schema->PartitionKey() != nullptr) {
      return MilvusError(MilvusErrorCode::kUnexpected, "disable drop partition if partition key mode is used");
    }
    if (partition == kDefaultPartition) return MilvusError(MilvusErrorCode::kUnexpected, "default partition cannot be deleted");
    const Partition* found = old->FindPartition(partition);
    if (found == nullptr) return OkStatus();
    if (found->loaded) {
      return MilvusError(MilvusErrorCode::kUnexpected, "partition cannot be dropped, partition is loaded, please release it first");
    }
    dropped = *found;
    dropped.dropping = true;
    TRY(catalog_.Write({PutPartition(old->id, dropped)}));
    SAKER_KILL_POINT("ddl.partition.after_mark");
    auto changed = std::make_shared<Collection>(*old);
    std::erase_if(changed->partitions, [&](const Partition& p) { return p.id == dropped.id; });
    Publish(changed);
  }
  const Status finished = FinishPartitionDrop(*old, dropped);
  if (!finished.ok()) Log(kWarning, "partition drop not finished", {{"partition", partition}, {"why", finished.message()}});
  return OkStatus();
}

// ---- aliases

Status Coordinator::CreateAlias(const std::string& database, const std::string& collection, const std::string& alias) {
  MutexLock change(change_mutex_);
  const CollectionPtr old = TRY(Find(database, collection));
  TRY(CheckAliasName(*old, alias));
  const Result<std::string> owner = DescribeAlias(old->database, alias);
  if (owner.ok() && *owner == old->name) return OkStatus();
  if (owner.ok()) {
    return MilvusError(MilvusErrorCode::kAliasAlreadyExists, alias, " is alias to another collection: ", *owner,
                       ": alias already exist[database=", old->database, "][alias=", alias, "]");
  }
  return PutAliasOn(*old, alias, nullptr);
}

Status Coordinator::AlterAlias(const std::string& database, const std::string& collection, const std::string& alias) {
  MutexLock change(change_mutex_);
  const CollectionPtr target = TRY(Find(database, collection));
  TRY(CheckAliasName(*target, alias));
  const std::string owner = TRY(DescribeAlias(target->database, alias));
  if (owner == target->name) return OkStatus();
  const CollectionPtr previous = TRY(Find(target->database, owner));
  return PutAliasOn(*target, alias, previous);
}

Status Coordinator::CheckAliasName(const Collection& target, const std::string& alias) const {
  MutexLock lock(mutex_);
  const Names::Entry* entry = names_->Find(target.database);
  if (entry == nullptr || entry->collections.count(alias) == 0) return OkStatus();
  return MilvusError(MilvusErrorCode::kAliasCollectionConflict, "alias and collection name conflict[database=", target.database,
                     "][alias=", alias, "]");
}

Status Coordinator::PutAliasOn(const Collection& target, const std::string& alias, const CollectionPtr& previous) {
  TRY(catalog_.Write({PutAlias({alias, target.database, target.id})}));
  if (previous != nullptr) {
    auto without = std::make_shared<Collection>(*previous);
    std::erase(without->aliases, alias);
    Publish(without);
  }
  auto with = std::make_shared<Collection>(target);
  with->aliases.push_back(alias);
  std::sort(with->aliases.begin(), with->aliases.end());
  Publish(with);
  return OkStatus();
}

Status Coordinator::DropAlias(const std::string& database, const std::string& alias) {
  MutexLock change(change_mutex_);
  TRY(FindDatabase(database));
  const Result<std::string> owner = DescribeAlias(database, alias);
  if (!owner.ok()) return OkStatus();
  const CollectionPtr old = TRY(Find(database, *owner));
  TRY(catalog_.Write({Remove(CatalogKind::kAlias, AliasKey(old->database, alias))}));
  auto without = std::make_shared<Collection>(*old);
  std::erase(without->aliases, alias);
  Publish(without);
  return OkStatus();
}

Result<std::string> Coordinator::DescribeAlias(std::string_view database, std::string_view alias) const {
  MutexLock lock(mutex_);
  const Names::Entry* entry = names_->Find(database);
  if (entry == nullptr) return DatabaseNotFound(database);
  const auto found = entry->aliases.find(alias);
  if (found != entry->aliases.end()) return names_->by_id.at(found->second.value)->name;
  return MilvusError(MilvusErrorCode::kAliasNotFound, "alias not found[database=", entry->database.name, "][alias=", alias, "]");
}

}  // namespace saker::coord
