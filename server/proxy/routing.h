// Which shard and which partition a row belongs to.
//
// The hashes are part of the durable format: rows lie where an older version of the server put them. They are XXH3 of a
// VarChar's bytes and the SplitMix64 finaliser of an Int64 (routing_test.cc holds golden values).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/ids.h"
#include "server/coord/collection.h"
#include "server/schema/column.h"

namespace saker::proxy {

uint64_t HashKey(int64_t key);
uint64_t HashKey(std::string_view key);
uint64_t HashKey(const Column& keys, size_t row);

// Rows of one write by destination, ascending; rows keep their order.
struct Destination {
  size_t shard = 0;
  size_t partition = 0;  // place in the collection's list
  friend auto operator<=>(const Destination&, const Destination&) = default;
};
std::map<Destination, std::vector<uint32_t>> RouteRows(const coord::Collection& collection, const RowBatch& rows, size_t partition);

// The keys by shard.
std::vector<PrimaryKeys> RouteKeys(const coord::Collection& collection, const PrimaryKeys& keys);

// Partitions that rows with one of these partition key values may lie in.
std::vector<PartitionId> PartitionsOfKeys(const coord::Collection& collection, const std::vector<ScalarValue>& values);

RowBatch PickRows(const RowBatch& rows, const std::vector<uint32_t>& picked);
PrimaryKeys KeysOf(const Column& column);
void AppendKey(const PrimaryKeys& from, size_t i, PrimaryKeys* to);

}  // namespace saker::proxy
