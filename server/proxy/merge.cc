#include "server/proxy/merge.h"

#include <algorithm>
#include <unordered_map>

namespace saker::proxy {
namespace {

struct Cursor {
  uint32_t part;
  size_t row;
  size_t end;
};

int CompareKeys(const Column& a, size_t i, const Column& b, size_t j) {
  if (IsString(a.type())) return a.Text(i).compare(b.Text(j));
  const int64_t x = a.GetInteger(i);
  const int64_t y = b.GetInteger(j);
  return x < y ? -1 : x > y ? 1 : 0;
}

// All hits of one query, best first.
std::vector<Pick> MergeQuery(const std::vector<shard::SearchResult>& parts, std::vector<Cursor>& cursors, const MergeOptions& options,
                             size_t enough) {
  std::vector<Pick> picks;
  const auto better = [&](const Cursor& a, const Cursor& b) {
    const float x = parts[a.part].scores[a.row];
    const float y = parts[b.part].scores[b.row];
    if (x != y) return options.smaller_is_better ? x < y : x > y;
    const Column& keys_a = *parts[a.part].rows.Find(options.primary_key_id);
    return CompareKeys(keys_a, a.row, *parts[b.part].rows.Find(options.primary_key_id), b.row) < 0;
  };
  while (picks.size() < enough) {
    Cursor* best = nullptr;
    for (Cursor& cursor : cursors) {
      if (cursor.row < cursor.end && (best == nullptr || better(cursor, *best))) best = &cursor;
    }
    if (best == nullptr) break;
    picks.push_back({best->part, static_cast<uint32_t>(best->row++)});
  }
  return picks;
}

std::vector<Pick> ArrangeGroups(const std::vector<shard::SearchResult>& parts, const std::vector<Pick>& picks,
                                const MergeOptions& options) {
  std::unordered_map<std::string, size_t> places;
  std::vector<std::vector<Pick>> groups;
  for (const Pick& pick : picks) {
    const Column& column = *parts[pick.part].rows.Find(*options.group_by_field_id);
    const auto [place, fresh] = places.emplace(GroupKey(column, pick.row), groups.size());
    if (fresh) groups.emplace_back();
    if (groups[place->second].size() < options.group_size) groups[place->second].push_back(pick);
  }
  std::vector<Pick> arranged;
  for (size_t g = options.offset; g < groups.size() && g < options.offset + options.limit; ++g) {
    arranged.insert(arranged.end(), groups[g].begin(), groups[g].end());
  }
  return arranged;
}

}  // namespace

std::string GroupKey(const Column& column, size_t row) {
  if (!column.IsValid(row)) return "n";
  if (column.variable()) return "v" + std::string(column.Text(row));
  return "v" + std::string(static_cast<const char*>(column.Row(row)), column.width_bytes());
}

RowBatch GatherRows(const std::vector<const RowBatch*>& parts, const std::vector<Pick>& picks) {
  RowBatch out;
  const auto model = std::find_if(parts.begin(), parts.end(), [](const RowBatch* part) { return !part->columns.empty(); });
  if (model == parts.end()) return out;
  out.field_ids = (*model)->field_ids;
  out.row_count = picks.size();
  for (size_t c = 0; c < out.field_ids.size(); ++c) {
    const Column& shape = (*model)->columns[c];
    Column& column = out.columns.emplace_back(shape.type(), shape.element_type(), shape.width_bytes());
    column.Reserve(picks.size());
    std::vector<const Column*> sources;
    for (const RowBatch* part : parts) sources.push_back(part->Find(out.field_ids[c]));
    for (const Pick& pick : picks) column.AppendFrom(*sources[pick.part], pick.row);
  }
  return out;
}

shard::SearchResult MergeSearches(std::vector<shard::SearchResult> parts, const MergeOptions& options) {
  const size_t queries = parts.front().hits_per_query.size();
  if (parts.size() == 1 && options.offset == 0 && !options.group_by_field_id) {
    const auto& hits = parts.front().hits_per_query;
    if (std::all_of(hits.begin(), hits.end(), [&](size_t count) { return count <= options.limit; })) return std::move(parts.front());
  }
  shard::SearchResult merged;
  std::vector<Pick> all;
  std::vector<size_t> begin(parts.size(), 0);
  for (size_t query = 0; query < queries; ++query) {
    std::vector<Cursor> cursors;
    for (uint32_t p = 0; p < parts.size(); ++p) {
      cursors.push_back({p, begin[p], begin[p] + parts[p].hits_per_query[query]});
      begin[p] += parts[p].hits_per_query[query];
    }
    std::vector<Pick> picks;
    if (options.group_by_field_id) {
      picks = ArrangeGroups(parts, MergeQuery(parts, cursors, options, SIZE_MAX), options);
    } else {
      picks = MergeQuery(parts, cursors, options, options.offset + options.limit);
      picks.erase(picks.begin(), picks.begin() + static_cast<std::ptrdiff_t>(std::min(options.offset, picks.size())));
    }
    merged.hits_per_query.push_back(picks.size());
    all.insert(all.end(), picks.begin(), picks.end());
  }
  std::vector<const RowBatch*> batches;
  merged.timestamp = kMaxTimestamp;
  for (const shard::SearchResult& part : parts) {
    batches.push_back(&part.rows);
    merged.timestamp = std::min(merged.timestamp, part.timestamp);
  }
  merged.rows = GatherRows(batches, all);
  for (const Pick& pick : all) merged.scores.push_back(parts[pick.part].scores[pick.row]);
  return merged;
}

}  // namespace saker::proxy
