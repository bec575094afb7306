// Databases, collections, partitions, aliases.
#include <algorithm>

#include "server/proxy/local_proxy.h"
#include "server/proxy/names.h"
#include "server/proxy/refusal.h"
#include "server/proxy/schema_rules.h"

namespace saker::proxy {
namespace {

DatabaseInfo ToInfo(const coord::Database& database) {
  return {database.id, database.name, database.created, database.properties};
}

bool IsNotFound(const Status& status) {
  return status.detail_code() == static_cast<int32_t>(MilvusErrorCode::kCollectionNotFound);
}

bool ParseConsistency(std::string_view text, ConsistencyLevel* level) {
  static constexpr std::pair<std::string_view, ConsistencyLevel> kNames[] = {{"strong", ConsistencyLevel::kStrong},
                                                                             {"session", ConsistencyLevel::kSession},
                                                                             {"bounded", ConsistencyLevel::kBounded},
                                                                             {"eventually", ConsistencyLevel::kEventually},
                                                                             {"customized", ConsistencyLevel::kCustomized}};
  const std::string lower = LowerCase(text);
  for (const auto& [name, value] : kNames) {
    if (lower == name || lower == std::to_string(static_cast<int>(value))) {
      *level = value;
      return true;
    }
  }
  return false;
}

void SetProperties(KeyValues* values, const KeyValues& set, const std::vector<std::string>& remove) {
  for (const auto& [key, value] : set) {
    std::erase_if(*values, [k = &key](const auto& old) { return old.first == *k; });
    values->emplace_back(key, value);
  }
  for (const std::string& key : remove) std::erase_if(*values, [&](const auto& old) { return old.first == key; });
}

Status CheckEdit(const KeyValues& set, const std::vector<std::string>& remove) {
  if (set.empty() && remove.empty()) return Invalid("no properties or delete keys provided");
  if (!set.empty() && !remove.empty()) return Invalid("can not provide properties and deletekeys at the same time");
  return OkStatus();
}

}  // namespace

Status LocalProxy::CreateDatabase(const std::string& name, const KeyValues& properties) {
  TRY(CheckDatabaseName(name));
  return coordinator_.CreateDatabase(name, properties);
}

Status LocalProxy::DropDatabase(const std::string& name) {
  TRY(CheckDatabaseName(name));
  return coordinator_.DropDatabase(name);
}

Status LocalProxy::AlterDatabase(const std::string& name, const KeyValues& set, const std::vector<std::string>& remove) {
  TRY(CheckEdit(set, remove));
  return coordinator_.AlterDatabase(name, set, remove);
}

Result<DatabaseInfo> LocalProxy::DescribeDatabase(const std::string& name) {
  return ToInfo(TRY(coordinator_.FindDatabase(name)));
}

std::vector<DatabaseInfo> LocalProxy::ListDatabases() {
  std::vector<DatabaseInfo> infos;
  for (const coord::Database& database : coordinator_.ListDatabases()) infos.push_back(ToInfo(database));
  return infos;
}

Status LocalProxy::CreateCollection(const CreateCollectionRequest& request) {
  TRY(CheckCollectionName(request.target.collection));
  TRY(CheckCreateLimits(request));
  coord::CollectionDraft draft;
  draft.database = request.target.database;
  draft.name = request.target.collection;
  draft.schema = request.schema;
  draft.schema.name = draft.name;
  TRY(CompleteSchema(&draft.schema, embedder_));
  draft.shard_count = std::max(1, request.shards);
  draft.partition_count = request.partitions == 0 ? 16 : request.partitions;
  draft.consistency = request.consistency;
  draft.properties = request.properties;
  SetProperties(&draft.properties, request.schema.properties, {});
  return coordinator_.CreateCollection(std::move(draft));
}

Status LocalProxy::DropCollection(const CollectionRef& target) {
  if (target.collection.empty()) return Invalid("collection name should not be empty");
  return coordinator_.DropCollection(target.database, target.collection);
}

Status LocalProxy::TruncateCollection(const CollectionRef& target) {
  return coordinator_.TruncateCollection(target.database, target.collection);
}

std::shared_ptr<const CollectionInfo> LocalProxy::Describe(const coord::Collection& collection) const {
  auto info = std::make_shared<CollectionInfo>();
  info->id = collection.id;
  info->database_id = collection.database_id;
  info->database = collection.database;
  info->name = collection.name;
  info->schema = *collection.schema;
  info->schema.name = collection.name;
  info->aliases = collection.aliases;
  info->shards = collection.shard_count;
  info->partitions = static_cast<int64_t>(collection.partitions.size());
  info->consistency = collection.consistency;
  info->properties = collection.properties;
  info->created = collection.created;
  info->updated = collection.updated;
  info->loaded = collection.AnyLoaded();
  return info;
}

Result<std::shared_ptr<const CollectionInfo>> LocalProxy::DescribeCollection(const CollectionRef& target) {
  const Result<CollectionPtr> found = Find(target);
  if (found.ok()) return Describe(**found);
  if (!IsNotFound(found.status())) return found.status();
  // This call keeps Milvus' older wording: has_collection of the clients reads it.
  return MilvusError(MilvusErrorCode::kCollectionNotFound, "can't find collection[database=",
                     target.database.empty() ? coord::kDefaultDatabase : std::string_view(target.database),
                     "][collection=", target.collection, "]");
}

Result<std::shared_ptr<const CollectionInfo>> LocalProxy::DescribeCollection(CollectionId id) {
  const Result<CollectionPtr> found = coordinator_.Find(id);
  if (found.ok()) return Describe(**found);
  return MilvusError(MilvusErrorCode::kCollectionNotFound, "can't find collection[collection=", id, "]");
}

Result<std::vector<std::shared_ptr<const CollectionInfo>>> LocalProxy::ListCollections(const std::string& database) {
  std::vector<std::shared_ptr<const CollectionInfo>> infos;
  const std::vector<CollectionPtr> collections = TRY(coordinator_.List(database));
  for (const CollectionPtr& collection : collections) infos.push_back(Describe(*collection));
  return infos;
}

Status LocalProxy::RenameCollection(const CollectionRef& from, const CollectionRef& to) {
  TRY(CheckCollectionName(to.collection));
  return coordinator_.RenameCollection(from.database, from.collection, to.database, to.collection);
}

Status LocalProxy::AlterCollection(const CollectionRef& target, const KeyValues& set, const std::vector<std::string>& remove) {
  TRY(CheckEdit(set, remove));
  TRY(CheckProperties(set));
  return coordinator_.Edit(target.database, target.collection, [&](coord::Collection* collection) -> Status {
    KeyValues properties;
    for (const auto& [key, value] : set) {
      if (key == "mmap.enabled" && collection->AnyLoaded()) {
        return Refused("can not alter mmap properties if collection loaded: ", collection->name);
      }
      bool dynamic = false;
      if (key == "dynamicfield.enabled" && (!ParseBoolean(value, &dynamic) || dynamic != collection->schema->enable_dynamic_field)) {
        return NotSupported("dynamicfield.enabled cannot be changed to ", value, " by this version of the server");
      }
      if (key == "consistency_level") {
        if (!ParseConsistency(value, &collection->consistency)) return Invalid("invalid consistency level: ", value);
      } else if (key == "collection.description") {
        auto schema = std::make_shared<CollectionSchema>(*collection->schema);
        schema->description = value;
        collection->schema = std::move(schema);
      } else {
        properties.emplace_back(key, value);
      }
    }
    for (const std::string& key : remove) {
      if (key == "mmap.enabled" && collection->AnyLoaded()) {
        return Refused("can not delete mmap properties if collection loaded: ", collection->name);
      }
    }
    SetProperties(&collection->properties, properties, remove);
    return OkStatus();
  });
}

Status LocalProxy::AlterField(const CollectionRef& target, const std::string& field, const KeyValues& set,
                              const std::vector<std::string>& remove) {
  return coordinator_.Edit(target.database, target.collection, [&](coord::Collection* collection) -> Status {
    if (FindValue(set, "mmap.enabled") != nullptr && collection->AnyLoaded()) {
      return Refused("can not alter mmap properties if collection loaded: ", collection->name);
    }
    auto schema = std::make_shared<CollectionSchema>(*collection->schema);
    TRY(AlterFieldIn(schema.get(), field, set, remove));
    collection->schema = std::move(schema);
    return OkStatus();
  });
}

Status LocalProxy::AddField(const CollectionRef& target, const FieldSchema& field) {
  return coordinator_.Edit(target.database, target.collection, [&](coord::Collection* collection) -> Status {
    auto schema = std::make_shared<CollectionSchema>(*collection->schema);
    TRY(AddFieldTo(schema.get(), field));
    collection->schema = std::move(schema);
    return OkStatus();
  });
}

Result<int64_t> LocalProxy::RowCount(const CollectionRef& target, const std::string& partition) {
  const CollectionPtr collection = TRY(Find(target));
  std::optional<PartitionId> id;
  if (!partition.empty()) {
    const coord::Partition* found = collection->FindPartition(partition);
    if (found == nullptr) return MilvusError(MilvusErrorCode::kPartitionNotFound, "partition not found[partition=", partition, "]");
    id = found->id;
  }
  int64_t rows = 0;
  for (const auto& slot : collection->shards) {
    rows += TRY(slot->Use(Context(), [&](shard::Shard& shard) -> Result<int64_t> { return static_cast<int64_t>(shard.LiveRows(id)); }));
  }
  return rows;
}

Status LocalProxy::CreatePartition(const CollectionRef& target, const std::string& partition) {
  TRY(CheckPartitionName(partition));
  return coordinator_.CreatePartition(target.database, target.collection, partition);
}

Status LocalProxy::DropPartition(const CollectionRef& target, const std::string& partition) {
  TRY(CheckPartitionName(partition));
  return coordinator_.DropPartition(target.database, target.collection, partition);
}

Result<std::vector<PartitionInfo>> LocalProxy::ListPartitions(const CollectionRef& target) {
  const CollectionPtr collection = TRY(Find(target));
  std::vector<PartitionInfo> infos;
  for (const coord::Partition& partition : collection->partitions) {
    infos.push_back({partition.id, partition.name, partition.created, partition.loaded});
  }
  return infos;
}

Status LocalProxy::CreateAlias(const CollectionRef& target, const std::string& alias) {
  TRY(CheckAliasName(alias));
  return coordinator_.CreateAlias(target.database, target.collection, alias);
}

Status LocalProxy::AlterAlias(const CollectionRef& target, const std::string& alias) {
  TRY(CheckAliasName(alias));
  return coordinator_.AlterAlias(target.database, target.collection, alias);
}

Status LocalProxy::DropAlias(const std::string& database, const std::string& alias) {
  TRY(CheckAliasName(alias));
  return coordinator_.DropAlias(database, alias);
}

Result<std::string> LocalProxy::DescribeAlias(const std::string& database, const std::string& alias) {
  TRY(CheckAliasName(alias));
  return coordinator_.DescribeAlias(database, alias);
}

Result<std::vector<std::string>> LocalProxy::ListAliases(const std::string& database, const std::string& collection) {
  if (!collection.empty()) {
    const CollectionPtr found = TRY(coordinator_.Find(database, collection));
    return found->aliases;
  }
  std::vector<std::string> aliases;
  const std::vector<CollectionPtr> collections = TRY(coordinator_.List(database));
  for (const CollectionPtr& one : collections) aliases.insert(aliases.end(), one->aliases.begin(), one->aliases.end());
  return aliases;
}

}  // namespace saker::proxy
