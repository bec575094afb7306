// Queries: rows by filter or by key, in ascending order of the primary key.
#include <algorithm>
#include <limits>
#include <utility>

#include "server/shard/fetch.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

namespace {

using segment::Piece;

// What one segment gives: a count, or rows (no more than `limit` of them, those with the smallest keys).
struct Found {
  uint64_t count = 0;
  std::vector<RowRef> rows;
};

bool ByKey(const RowRef& a, const RowRef& b) {
  return a.piece->keys->At(a.row) < b.piece->keys->At(b.row);
}

void KeepSmallest(std::vector<RowRef>* rows, size_t limit) {
  if (rows->size() > limit) {
    std::nth_element(rows->begin(), rows->begin() + static_cast<ptrdiff_t>(limit), rows->end(), ByKey);
    rows->resize(limit);
  }
}

void FindByKeys(const Piece& piece, const PrimaryKeys& keys, const index::Bitset* dead, const segment::ReadView& view, Found* found) {
  for (size_t i = 0; i < keys.size(); ++i) {
    piece.keys->Find(segment::KeyRef::At(keys, i), [&](RowOffset row) {
      if (!segment::IsVisible(piece, row, dead, view)) return true;
      ++found->count;
      found->rows.push_back({&piece, row});
      return false;  // at any timestamp one row of a key is alive
    });
  }
}

void TakeRows(const Piece& piece, const segment::Selection& selection, size_t limit, std::vector<RowRef>* rows) {
  if (selection.count <= limit && selection.bits) {
    selection.bits->ForEach([&](size_t row) { rows->push_back({&piece, static_cast<uint32_t>(row)}); });
    return;
  }
  size_t left = std::min(limit, selection.count);
  for (size_t i = 0; left > 0; ++i) {
    const RowOffset row = piece.keys->Sorted(i);
    if (selection.bits && !selection.bits->Test(row)) continue;
    rows->push_back({&piece, row});
    --left;
  }
}

Result<Found> FindIn(const segment::Pieces& pieces, const segment::Deletions& deletions, const segment::ReadView& view, bool count_only,
                     size_t limit, const Context& context) {
  Found found;
  const std::shared_ptr<const index::Bitset> dead = deletions.At(view.timestamp);
  const PrimaryKeys* keys = view.filter == nullptr ? nullptr : view.filter->exact_primary_keys();
  for (const std::shared_ptr<const Piece>& piece : pieces) {
    TRY(context.Check());
    if (keys != nullptr) {
      FindByKeys(*piece, *keys, dead.get(), view, &found);
      continue;
    }
    const segment::Selection selection = TRY(segment::Select(*piece, dead.get(), view, context));
    found.count += selection.count;
    if (!count_only) TakeRows(*piece, selection, limit, &found.rows);
    if (found.rows.size() / 4 > limit) KeepSmallest(&found.rows, limit);
  }
  KeepSmallest(&found.rows, limit);
  return found;
}

}  // namespace

Result<QueryResult> LocalShard::Query(const QueryRequest& request, const Context& context) {
  const StageTimer timer(QuerySeconds());
  TRY(context.Check());
  const View view = TRY(TakeView(request.scope));
  const segment::ReadView read{view.timestamp, request.scope.min_timestamp, request.scope.filter.get()};
  constexpr size_t kAll = std::numeric_limits<size_t>::max();
  const size_t limit = request.limit && *request.limit < kAll - request.offset ? request.offset + *request.limit : kAll;
  std::vector<Found> found(view.parts.size());
  {
    TaskGroup group(environment_.search_pool);
    const auto find = [&](size_t i) -> Status {
      const View::Part& part = view.parts[i];
      found[i] = TRY(FindIn(*part.pieces, *part.segment->deletions, read, request.count_only, limit, context));
      return OkStatus();
    };
    for (size_t i = 1; i < view.parts.size(); ++i) group.Run([&find, i] { return find(i); });
    if (!view.parts.empty()) TRY(find(0));
    TRY(group.Wait());
  }
  QueryResult result;
  result.timestamp = view.timestamp;
  std::vector<RowRef> rows;
  for (const Found& of_part : found) {
    result.count += of_part.count;
    rows.insert(rows.end(), of_part.rows.begin(), of_part.rows.end());
  }
  if (request.count_only) return result;
  KeepSmallest(&rows, limit);
  std::sort(rows.begin(), rows.end(), ByKey);
  rows.erase(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(std::min(request.offset, rows.size())));
  result.rows = TRY(FetchRows(rows, *view.schema, OutputFields(*view.schema, request.output_field_ids), request.max_bytes));
  return result;
}

}  // namespace saker::shard
