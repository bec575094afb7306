// What the coordinator knows about a collection and its database: immutable once published, replaced as a whole.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "index/index.h"
#include "server/coord/shard_slot.h"
#include "server/schema/schema.h"

namespace saker::coord {

struct Database {
  DatabaseId id;
  std::string name;
  Timestamp created = 0;
  KeyValues properties;
};

struct Partition {
  PartitionId id;
  std::string name;
  Timestamp created = 0;
  bool loaded = false;
  bool dropping = false;  // only in the catalog, between the two halves of a drop
};

// An index as the user defined it; the shards build it.
struct IndexDefinition {
  IndexId id;
  std::string name;
  std::string field;
  int64_t field_id = 0;
  KeyValues params;  // flat, as the user gave them, with index_type and metric_type
  bool is_vector = false;
  index::IndexSpec spec;  // what is built; vectors only
};

struct Collection {
  CollectionId id;
  DatabaseId database_id;
  std::string database;
  std::string name;
  std::shared_ptr<const CollectionSchema> schema;
  std::vector<std::string> aliases;
  std::vector<Partition> partitions;  // in order of creation
  std::vector<IndexDefinition> indexes;
  int32_t shard_count = 1;
  int32_t first_shard = 0;  // numbers of its shards begin here; truncation moves it
  ConsistencyLevel consistency = ConsistencyLevel::kBounded;
  KeyValues properties;
  Timestamp created = 0;
  Timestamp updated = 0;  // changes with the schema
  bool load_all = false;  // partitions that are created while this is set are born loaded
  std::vector<std::shared_ptr<ShardSlot>> shards;

  const Partition* FindPartition(std::string_view partition) const;
  const IndexDefinition* IndexOn(int64_t field_id) const;  // the first; nullptr when none
  bool AnyLoaded() const;
  bool EveryLoaded() const;
};

}  // namespace saker::coord
