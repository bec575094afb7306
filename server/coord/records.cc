#include "server/coord/records.h"

#include <algorithm>
#include <cstdio>

#include "proto/saker/catalog.pb.h"
#include "server/coord/schema_records.h"

namespace saker::coord {
namespace {

using storage::CatalogChange;
using storage::CatalogKind;

template <typename Record>
Status Parse(std::string_view what, std::string_view key, std::string_view bytes, Record* record) {
  if (record->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return OkStatus();
  return Corruption("catalog: ", what, " ", key, ": ", bytes.size(), " bytes that do not parse");
}

}  // namespace

std::string IdKey(int64_t id) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(id));
  return text;
}

std::string PairKey(int64_t collection, int64_t id) {
  return IdKey(collection) + "/" + IdKey(id);
}

std::string AliasKey(std::string_view database, std::string_view alias) {
  return std::string(database) + "/" + std::string(alias);
}

CatalogChange Remove(CatalogKind kind, std::string key) {
  return {kind, std::move(key), std::nullopt};
}

CatalogChange PutDatabase(const Database& database) {
  catalog::Database record;
  record.set_id(database.id.value);
  record.set_name(database.name);
  record.set_created(database.created);
  ToRecords(database.properties, record.mutable_properties());
  return {CatalogKind::kDatabase, database.name, record.SerializeAsString()};
}

Result<Database> ParseDatabase(std::string_view key, std::string_view bytes) {
  catalog::Database record;
  TRY(Parse("database", key, bytes, &record));
  return Database{DatabaseId(record.id()), record.name(), record.created(), FromRecords(record.properties())};
}

CatalogChange PutCollection(const CollectionRecord& source) {
  const Collection& collection = source.collection;
  catalog::Collection record;
  record.set_id(collection.id.value);
  record.set_database_id(collection.database_id.value);
  record.set_database(collection.database);
  record.set_name(collection.name);
  ToRecord(*collection.schema, record.mutable_schema());
  record.set_shard_count(collection.shard_count);
  record.set_first_shard(collection.first_shard);
  record.set_consistency(static_cast<int32_t>(collection.consistency));
  ToRecords(collection.properties, record.mutable_properties());
  record.set_created(collection.created);
  record.set_updated(collection.updated);
  record.set_load_all(collection.load_all);
  record.set_dropping(source.dropping);
  for (const int32_t first : source.old_shards) record.add_old_shards(first);
  return {CatalogKind::kCollection, IdKey(collection.id.value), record.SerializeAsString()};
}

Result<CollectionRecord> ParseCollection(std::string_view key, std::string_view bytes) {
  catalog::Collection record;
  TRY(Parse("collection", key, bytes, &record));
  CollectionRecord out;
  Collection& collection = out.collection;
  collection.id = CollectionId(record.id());
  collection.database_id = DatabaseId(record.database_id());
  collection.database = record.database();
  collection.name = record.name();
  collection.schema = std::make_shared<const CollectionSchema>(FromRecord(record.schema()));
  collection.shard_count = record.shard_count();
  collection.first_shard = record.first_shard();
  collection.consistency = static_cast<ConsistencyLevel>(record.consistency());
  collection.properties = FromRecords(record.properties());
  collection.created = record.created();
  collection.updated = record.updated();
  collection.load_all = record.load_all();
  out.dropping = record.dropping();
  out.old_shards.assign(record.old_shards().begin(), record.old_shards().end());
  const auto& fields = collection.schema->fields;
  const bool has_key = std::any_of(fields.begin(), fields.end(), [](const FieldSchema& field) { return field.is_primary_key; });
  if (!has_key || collection.shard_count < 1) {
    return Corruption("catalog: collection ", key, " has no primary key or ", collection.shard_count, " shards");
  }
  return out;
}

CatalogChange PutPartition(CollectionId collection, const Partition& partition) {
  catalog::Partition record;
  record.set_id(partition.id.value);
  record.set_collection_id(collection.value);
  record.set_name(partition.name);
  record.set_created(partition.created);
  record.set_loaded(partition.loaded);
  record.set_dropping(partition.dropping);
  return {CatalogKind::kPartition, PairKey(collection.value, partition.id.value), record.SerializeAsString()};
}

Result<std::pair<CollectionId, Partition>> ParsePartition(std::string_view key, std::string_view bytes) {
  catalog::Partition record;
  TRY(Parse("partition", key, bytes, &record));
  return std::pair(CollectionId(record.collection_id()),
                   Partition{PartitionId(record.id()), record.name(), record.created(), record.loaded(), record.dropping()});
}

CatalogChange PutIndex(CollectionId collection, const IndexDefinition& index) {
  catalog::Index record;
  record.set_id(index.id.value);
  record.set_collection_id(collection.value);
  record.set_name(index.name);
  record.set_field(index.field);
  record.set_field_id(index.field_id);
  ToRecords(index.params, record.mutable_params());
  record.set_vector(index.is_vector);
  record.set_spec_type(index.spec.type);
  record.set_spec_metric(static_cast<int32_t>(index.spec.metric));
  ToRecords(KeyValues(index.spec.params.begin(), index.spec.params.end()), record.mutable_spec_params());
  return {CatalogKind::kIndex, PairKey(collection.value, index.id.value), record.SerializeAsString()};
}

Result<std::pair<CollectionId, IndexDefinition>> ParseIndex(std::string_view key, std::string_view bytes) {
  catalog::Index record;
  TRY(Parse("index", key, bytes, &record));
  IndexDefinition index;
  index.id = IndexId(record.id());
  index.name = record.name();
  index.field = record.field();
  index.field_id = record.field_id();
  index.params = FromRecords(record.params());
  index.is_vector = record.vector();
  index.spec.type = record.spec_type();
  index.spec.metric = static_cast<index::Metric>(record.spec_metric());
  for (const catalog::KeyValue& param : record.spec_params()) index.spec.params[param.key()] = param.value();
  return std::pair(CollectionId(record.collection_id()), std::move(index));
}

CatalogChange PutAlias(const AliasRecord& alias) {
  catalog::Alias record;
  record.set_name(alias.name);
  record.set_database(alias.database);
  record.set_collection_id(alias.collection.value);
  return {CatalogKind::kAlias, AliasKey(alias.database, alias.name), record.SerializeAsString()};
}

Result<AliasRecord> ParseAlias(std::string_view key, std::string_view bytes) {
  catalog::Alias record;
  TRY(Parse("alias", key, bytes, &record));
  return AliasRecord{record.name(), record.database(), CollectionId(record.collection_id())};
}

CatalogChange PutUserRecord(const std::string& name, const std::string& password_hash) {
  catalog::User record;
  record.set_name(name);
  record.set_password_hash(password_hash);
  return {CatalogKind::kUser, name, record.SerializeAsString()};
}

Result<std::pair<std::string, std::string>> ParseUser(std::string_view key, std::string_view bytes) {
  catalog::User record;
  TRY(Parse("user", key, bytes, &record));
  return std::pair(record.name(), record.password_hash());
}

}  // namespace saker::coord
