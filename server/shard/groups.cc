// Searches that group: the best rows are looked at, more and more of them, until the groups are known.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "server/segment/hit_stream.h"
#include "server/shard/fetch.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

namespace {

constexpr uint64_t kGroupValueBytes = 1ull << 31;

// The value of the group-by field of each hit, as bytes that are equal when the values are.
Result<std::vector<std::string>> GroupValues(const std::vector<segment::Hit>& hits, int64_t field_id, const CollectionSchema& schema) {
  std::vector<RowRef> rows;
  rows.reserve(hits.size());
  for (const segment::Hit& hit : hits) rows.push_back({hit.piece, hit.row});
  const RowBatch batch = TRY(FetchRows(rows, schema, {field_id}, kGroupValueBytes));
  const Column& column = batch.columns[0];
  std::vector<std::string> values(hits.size());
  for (size_t row = 0; row < hits.size(); ++row) {
    if (!column.IsValid(row)) continue;  // nulls are one group
    values[row].push_back('=');
    if (column.variable()) {
      values[row] += column.Text(row);
    } else {
      values[row].append(static_cast<const char*>(column.Row(row)), column.width_bytes());
    }
  }
  return values;
}

struct Grouped {
  std::vector<segment::Hit> hits;
  bool complete = false;  // more hits would change nothing
};

// The first `k` values in the order of the hits, at most `size` hits of each.
Grouped Group(const std::vector<segment::Hit>& hits, const std::vector<std::string>& values, size_t k, size_t size, bool strict) {
  Grouped grouped;
  std::unordered_map<std::string_view, size_t> taken;
  size_t full = 0;
  for (size_t i = 0; i < hits.size(); ++i) {
    const auto group = taken.find(values[i]);
    if (group == taken.end() && taken.size() == k) continue;
    size_t& count = group == taken.end() ? taken[values[i]] : group->second;
    if (count == size) continue;
    grouped.hits.push_back(hits[i]);
    if (++count == size) ++full;
  }
  grouped.complete = taken.size() == k && (full == k || !strict);
  return grouped;
}

}  // namespace

// One query after the other: an iterator may hold a few bytes for every row of its segment.
Status LocalShard::FindGroups(const View& view, const segment::VectorQuery& query, const SearchRequest& request, const Context& context,
                              std::vector<std::vector<segment::Hit>>* hits) {
  const segment::ReadView read{view.timestamp, request.scope.min_timestamp, request.scope.filter.get()};
  const FieldSchema& field = *view.schema->FindId(query.field_id);
  const size_t parts = view.parts.size();
  const size_t group_size = std::max<size_t>(request.group_size, 1);
  std::vector<segment::Selections> selections(parts);
  for (size_t i = 0; i < parts; ++i) {
    selections[i] = TRY(segment::SelectPieces(*view.parts[i].pieces, *view.parts[i].segment->deletions, read, context));
  }
  std::vector<index::SearchStats> stats(parts);
  for (size_t q = 0; q < query.query_count; ++q) {
    const segment::VectorQuery single = segment::Slice(query, FixedWidth(field.type, field.dim), q, 1);
    std::vector<segment::HitStream> streams;
    uint64_t bytes = 0;
    for (size_t i = 0; i < parts; ++i) {
      streams.emplace_back(*view.parts[i].pieces, selections[i], single);
      bytes += streams.back().bytes();
    }
    const MemoryBudget::Reservation memory = TRY(environment_.memory.Reserve("request", bytes, "a search that groups"));
    for (size_t wanted = std::max<size_t>(64, 2 * request.k * group_size);; wanted *= 4) {
      std::vector<std::vector<segment::Hit>> found(parts);
      TaskGroup tasks(environment_.search_pool);
      for (size_t i = 0; i < parts; ++i) {
        tasks.Run([&, i]() -> Status { return streams[i].Take(wanted, context, &found[i], &stats[i]); });
      }
      TRY(tasks.Wait());
      std::vector<segment::Hit> best;
      for (const std::vector<segment::Hit>& list : found) best.insert(best.end(), list.begin(), list.end());
      segment::KeepBest(&best, wanted, query.metric);
      const std::vector<std::string> values = TRY(GroupValues(best, *request.group_by_field_id, *view.schema));
      Grouped grouped = Group(best, values, request.k, group_size, request.strict_group_size);
      if (!grouped.complete && best.size() == wanted) continue;
      (*hits)[q] = std::move(grouped.hits);
      break;
    }
  }
  for (const index::SearchStats& one : stats) DistanceComputations().Add(static_cast<double>(one.distances));
  return OkStatus();
}

}  // namespace saker::shard
