// Between the catalog's protobuf records and what the coordinator holds in memory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "server/coord/collection.h"
#include "storage/catalog.h"

namespace saker::coord {

// A collection's own record with what only the catalog needs.
struct CollectionRecord {
  Collection collection;  // without aliases, partitions, indexes and shards
  bool dropping = false;
  std::vector<int32_t> old_shards;
};
struct AliasRecord {
  std::string name;
  std::string database;
  CollectionId collection;
};

std::string IdKey(int64_t id);
std::string PairKey(int64_t collection, int64_t id);

storage::CatalogChange PutDatabase(const Database& database);
storage::CatalogChange PutCollection(const CollectionRecord& record);
storage::CatalogChange PutPartition(CollectionId collection, const Partition& partition);
storage::CatalogChange PutIndex(CollectionId collection, const IndexDefinition& index);
storage::CatalogChange PutAlias(const AliasRecord& alias);
storage::CatalogChange PutUserRecord(const std::string& name, const std::string& password_hash);
storage::CatalogChange Remove(storage::CatalogKind kind, std::string key);
std::string AliasKey(std::string_view database, std::string_view alias);

// DataLoss names the kind and key of a record that does not parse.
Result<Database> ParseDatabase(std::string_view key, std::string_view bytes);
Result<CollectionRecord> ParseCollection(std::string_view key, std::string_view bytes);
Result<std::pair<CollectionId, Partition>> ParsePartition(std::string_view key, std::string_view bytes);
Result<std::pair<CollectionId, IndexDefinition>> ParseIndex(std::string_view key, std::string_view bytes);
Result<AliasRecord> ParseAlias(std::string_view key, std::string_view bytes);
Result<std::pair<std::string, std::string>> ParseUser(std::string_view key, std::string_view bytes);

}  // namespace saker::coord
