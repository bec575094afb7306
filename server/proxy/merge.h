// Shards' answers to one search, merged into one.
#pragma once

#include <optional>
#include <vector>

#include "index/metric.h"
#include "server/schema/schema.h"
#include "server/shard/request.h"

namespace saker::proxy {

struct MergeOptions {
  bool smaller_is_better = false;
  size_t offset = 0;  // hits, or groups
  size_t limit = 10;
  int64_t primary_key_id = 0;
  std::optional<int64_t> group_by_field_id;
  size_t group_size = 1;
};

// Best first, ties by the smaller primary key. Grouped: the groups by their best hit, each group's hits together.
shard::SearchResult MergeSearches(std::vector<shard::SearchResult> parts, const MergeOptions& options);

// A value that is equal for rows of one group: nulls are a group of their own.
std::string GroupKey(const Column& column, size_t row);

// Rows of several batches with the same columns, in the order of `picks`.
struct Pick {
  uint32_t part;
  uint32_t row;
};
RowBatch GatherRows(const std::vector<const RowBatch*>& parts, const std::vector<Pick>& picks);

}  // namespace saker::proxy
