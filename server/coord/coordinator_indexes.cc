#include <algorithm>

#include "common/kill_point.h"
#include "server/coord/coordinator.h"
#include "server/coord/names.h"
#include "server/coord/records.h"

namespace saker::coord {
namespace {

using storage::CatalogKind;

bool SameParams(KeyValues a, KeyValues b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

// A JSON field has one index for each path; every other field has one.
bool SamePlace(const IndexDefinition& a, const IndexDefinition& b) {
  if (a.field_id != b.field_id) return false;
  const std::string* path_a = FindValue(a.params, "json_path");
  const std::string* path_b = FindValue(b.params, "json_path");
  return path_a == nullptr || path_b == nullptr ? path_a == path_b : *path_a == *path_b;
}

}  // namespace

Status Coordinator::CreateIndex(const std::string& database, const std::string& collection, IndexDefinition definition) {
  MutexLock change(change_mutex_);
  const CollectionPtr old = TRY(Find(database, collection));
  for (const IndexDefinition& index : old->indexes) {
    if (SamePlace(index, definition)) {
      if (index.name == definition.name && SameParams(index.params, definition.params)) return OkStatus();
      return MilvusError(MilvusErrorCode::kUnexpected, "CreateIndex failed: at most one distinct index is allowed per field: field ",
                         definition.field, " has index ", index.name);
    }
    if (index.name == definition.name) {
      return MilvusError(MilvusErrorCode::kUnexpected, "CreateIndex failed: index already exists: ", index.name, " on field ", index.field);
    }
  }
  definition.id = IndexId(TRY(ids_->Next()));
  auto changed = std::make_shared<Collection>(*old);
  changed->indexes.push_back(definition);
  SAKER_KILL_POINT("ddl.index.before_record");
  return SetIndexes(*old, changed, {PutIndex(old->id, definition)});
}

Status Coordinator::DropIndex(const std::string& database, const std::string& collection, const std::string& field,
                              const std::string& index) {
  MutexLock change(change_mutex_);
  const CollectionPtr old = TRY(Find(database, collection));
  auto changed = std::make_shared<Collection>(*old);
  std::vector<storage::CatalogChange> changes;
  for (const IndexDefinition& definition : old->indexes) {
    const bool named = (index.empty() || definition.name == index) && (field.empty() || definition.field == field);
    // Older clients send only the name of the field where the index has the default name.
    if (!named) continue;
    if (definition.is_vector && old->AnyLoaded()) {
      return MilvusError(MilvusErrorCode::kUnexpected, "vector index cannot be dropped on loaded collection: ", old->id);
    }
    changes.push_back(Remove(CatalogKind::kIndex, PairKey(old->id.value, definition.id.value)));
    std::erase_if(changed->indexes, [&](const IndexDefinition& other) { return other.id == definition.id; });
  }
  return changes.empty() ? OkStatus() : SetIndexes(*old, changed, changes);
}

Status Coordinator::AlterIndex(const std::string& database, const std::string& collection, const std::string& index, const KeyValues& set,
                               const std::vector<std::string>& remove) {
  MutexLock change(change_mutex_);
  const CollectionPtr old = TRY(Find(database, collection));
  if (old->AnyLoaded()) {
    return MilvusError(MilvusErrorCode::kUnexpected,
                       "can't alter index on loaded collection, please release the collection first: ", old->name);
  }
  auto changed = std::make_shared<Collection>(*old);
  for (IndexDefinition& definition : changed->indexes) {
    if (definition.name != index) continue;
    Merge(&definition.params, set, remove);
    TRY(catalog_.Write({PutIndex(old->id, definition)}));
    Publish(changed);
    return OkStatus();
  }
  return MilvusError(MilvusErrorCode::kIndexNotFound, "index not found[indexName=", index, "]");
}

Status Coordinator::SetIndexes(const Collection& old, const std::shared_ptr<Collection>& changed,
                               const std::vector<storage::CatalogChange>& changes) {
  TRY(catalog_.Write(changes));
  SAKER_KILL_POINT("ddl.index.after_record");
  Publish(changed);
  const std::vector<shard::IndexDefinition> indexes = ShardIndexes(*changed);
  return ApplyToShards(old, [&](shard::Shard& shard) { return shard.SetIndexes(indexes); });
}

}  // namespace saker::coord
