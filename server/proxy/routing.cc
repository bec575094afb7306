#include "server/proxy/routing.h"

#include <algorithm>

#include "common/checksum.h"

namespace saker::proxy {

uint64_t HashKey(int64_t key) {
  uint64_t x = static_cast<uint64_t>(key) + 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t HashKey(std::string_view key) {
  return Checksum(key);
}

uint64_t HashKey(const Column& keys, size_t row) {
  return IsString(keys.type()) ? HashKey(keys.Text(row)) : HashKey(keys.GetInteger(row));
}

std::map<Destination, std::vector<uint32_t>> RouteRows(const coord::Collection& collection, const RowBatch& rows, size_t partition) {
  const CollectionSchema& schema = *collection.schema;
  const Column& keys = *rows.Find(schema.PrimaryKey().id);
  const FieldSchema* partition_key = schema.PartitionKey();
  const Column* partition_keys = partition_key == nullptr ? nullptr : rows.Find(partition_key->id);
  std::map<Destination, std::vector<uint32_t>> routed;
  const size_t shards = collection.shards.size();
  for (size_t row = 0; row < rows.row_count; ++row) {
    Destination to{shards == 1 ? 0 : HashKey(keys, row) % shards, partition};
    if (partition_keys != nullptr) to.partition = HashKey(*partition_keys, row) % collection.partitions.size();
    routed[to].push_back(static_cast<uint32_t>(row));
  }
  return routed;
}

std::vector<PrimaryKeys> RouteKeys(const coord::Collection& collection, const PrimaryKeys& keys) {
  const size_t shards = collection.shards.size();
  if (shards == 1) return {keys};
  std::vector<PrimaryKeys> routed(shards, PrimaryKeys{keys.type, {}, {}});
  for (size_t i = 0; i < keys.size(); ++i) {
    const uint64_t hash = keys.type == DataType::kInt64 ? HashKey(keys.ints[i]) : HashKey(std::string_view(keys.strings[i]));
    AppendKey(keys, i, &routed[hash % shards]);
  }
  return routed;
}

std::vector<PartitionId> PartitionsOfKeys(const coord::Collection& collection, const std::vector<ScalarValue>& values) {
  std::vector<PartitionId> partitions;
  for (const ScalarValue& value : values) {
    uint64_t hash = 0;
    if (const int64_t* number = std::get_if<int64_t>(&value)) {
      hash = HashKey(*number);
    } else if (const std::string* text = std::get_if<std::string>(&value)) {
      hash = HashKey(std::string_view(*text));
    } else {
      // Not a value of a partition key's type: no pruning.
      partitions.clear();
      for (const coord::Partition& partition : collection.partitions) partitions.push_back(partition.id);
      return partitions;
    }
    partitions.push_back(collection.partitions[hash % collection.partitions.size()].id);
  }
  std::sort(partitions.begin(), partitions.end());
  partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
  return partitions;
}

RowBatch PickRows(const RowBatch& rows, const std::vector<uint32_t>& picked) {
  RowBatch out;
  out.field_ids = rows.field_ids;
  out.row_count = picked.size();
  for (const Column& column : rows.columns) {
    Column& copy = out.columns.emplace_back(column.type(), column.element_type(), column.width_bytes());
    copy.Reserve(picked.size());
    for (const uint32_t row : picked) copy.AppendFrom(column, row);
  }
  return out;
}

PrimaryKeys KeysOf(const Column& column) {
  PrimaryKeys keys;
  keys.type = IsString(column.type()) ? DataType::kVarChar : DataType::kInt64;
  for (size_t row = 0; row < column.row_count(); ++row) {
    if (keys.type == DataType::kInt64) {
      keys.ints.push_back(column.GetInteger(row));
    } else {
      keys.strings.emplace_back(column.Text(row));
    }
  }
  return keys;
}

void AppendKey(const PrimaryKeys& from, size_t i, PrimaryKeys* to) {
  if (from.type == DataType::kInt64) {
    to->ints.push_back(from.ints[i]);
  } else {
    to->strings.push_back(from.strings[i]);
  }
}

}  // namespace saker::proxy
