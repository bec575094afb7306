// Searches: one view, one task per segment, the best of all of them, output columns for the winners only.
#include <algorithm>
#include <string>
#include <utility>

#include "server/schema/error.h"
#include "server/shard/fetch.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

namespace {

constexpr uint64_t kSearchOutputBytes = 1ull << 31;
constexpr size_t kQueriesPerTask = 4;  // fewer are not worth a thread switch

Result<segment::VectorQuery> ToVectorQuery(const SearchRequest& request, const CollectionSchema& schema) {
  const FieldSchema* field = schema.FindId(request.field_id);
  if (field == nullptr || !IsVector(field->type)) return InvalidArgument("field ", request.field_id, " is no vector field");
  if (request.k == 0 || request.query_count == 0) {
    return InvalidArgument("a search for the best ", request.k, " rows of ", request.query_count, " queries");
  }
  segment::VectorQuery query;
  query.field_id = request.field_id;
  query.metric = request.metric;
  query.query_count = request.query_count;
  query.k = request.k;
  query.params = request.params;
  query.radius = request.radius;
  query.range_filter = request.range_filter;
  query.after_score = request.after_score;
  query.exact = request.exact;
  if (field->type == DataType::kSparseFloatVector) {
    if (request.metric == index::Metric::kBm25) {
      // One segment's own counts would give its rows other scores than those of the next.
      if (!request.bm25) return InvalidArgument("a BM25 search without the collection's statistics");
      query.bm25 = &*request.bm25;
    }
    if (request.sparse_queries.size() != request.query_count) {
      return InvalidArgument("the search has ", request.sparse_queries.size(), " sparse vectors for ", request.query_count, " queries");
    }
    for (const std::string& row : request.sparse_queries) {
      if (row.size() % 8 != 0) return InvalidArgument("a sparse vector of ", row.size(), " bytes, no multiple of 8");
      query.sparse_queries.push_back({row.data(), row.size() / 8});
    }
    return query;
  }
  const size_t wanted = request.query_count * FixedWidth(field->type, field->dim);
  if (request.queries.size() != wanted) {
    return InvalidArgument("vector dimension mismatch, expected vector size(byte) ", wanted, ", actual ", request.queries.size());
  }
  query.queries = request.queries.data();
  return query;
}

}  // namespace

Result<LocalShard::View> LocalShard::TakeView(const ReadScope& scope) {
  const auto not_loaded = [this] {  // made only when it is said: a sentence costs as much as a good part of a search
    return MilvusError(MilvusErrorCode::kCollectionNotLoaded, "collection not loaded[collection=", id_.collection, "]");
  };
  if (residence_ != Residence::kLoaded) return not_loaded();
  View view;
  view.schema = schema_.Get();
  std::shared_ptr<const SegmentSet> set;
  if (scope.timestamp == kMaxTimestamp) {
    // The set after the timestamp, so that it has every row up to there; again when a compaction came in between.
    do {
      view.timestamp = watermark();
      set = segments_.Get();
    } while (view.timestamp < set->history_from);
  } else {
    view.timestamp = scope.timestamp;
    read_history_.Note(scope.timestamp, ReadHistory::Clock::now());
    // A group that holds the lock may carry timestamps up to the asked one; those after it are stamped later.
    if (scope.timestamp > watermark()) MutexLock wait(writer_mutex_);
    set = segments_.Get();
    if (scope.timestamp < set->history_from) {
      return FailedPrecondition("the rows at timestamp ", scope.timestamp, " are gone: history begins at ", set->history_from);
    }
  }
  for (const std::shared_ptr<segment::Segment>& segment : set->segments) {
    if (scope.ignore_growing && !segment->sealed()) continue;
    if (scope.partitions && std::find(scope.partitions->begin(), scope.partitions->end(), segment->partition) == scope.partitions->end()) {
      continue;
    }
    std::shared_ptr<const segment::Pieces> pieces = segment->pieces();
    if (pieces == nullptr) return not_loaded();
    if (!pieces->empty()) view.parts.push_back({segment, std::move(pieces)});
  }
  return view;
}

Status LocalShard::FindHits(const View& view, const segment::VectorQuery& query, const ReadScope& scope, const Context& context,
                            std::vector<std::vector<segment::Hit>>* hits) {
  const segment::ReadView read{view.timestamp, scope.min_timestamp, scope.filter.get()};
  const size_t parts = view.parts.size();
  // Threads that would stand idle share the queries of a batch.
  const auto threads = static_cast<size_t>(environment_.search_pool.threads());
  const size_t blocks = parts == 0 || parts >= threads ? 1 : std::clamp<size_t>(query.query_count / kQueriesPerTask, 1, threads);
  std::vector<segment::Selections> selections(parts);
  std::vector<index::SearchStats> stats(parts * blocks);
  const auto select = [&](size_t i) -> Status {
    const View::Part& part = view.parts[i];
    selections[i] = TRY(segment::SelectPieces(*part.pieces, *part.segment->deletions, read, context));
    return OkStatus();
  };
  if (parts == 1 && blocks == 1) {
    TRY(select(0));
    TRY(segment::SearchPieces(*view.parts[0].pieces, selections[0], query, context, hits, &stats[0]));
  } else {
    if (blocks > 1) {
      for (size_t i = 0; i < parts; ++i) TRY(select(i));
    }
    const FieldSchema& field = *view.schema->FindId(query.field_id);
    std::vector<std::vector<std::vector<segment::Hit>>> found(parts * blocks);
    const auto first_of = [&](size_t block) { return query.query_count * block / blocks; };
    TaskGroup group(environment_.search_pool);
    for (size_t task = 0; task < parts * blocks; ++task) {
      group.Run([&, task]() -> Status {
        const size_t part = task / blocks;
        const size_t first = first_of(task % blocks);
        const size_t count = first_of(task % blocks + 1) - first;
        if (blocks == 1) TRY(select(part));
        found[task].resize(count);
        const segment::VectorQuery slice = segment::Slice(query, FixedWidth(field.type, field.dim), first, count);
        return segment::SearchPieces(*view.parts[part].pieces, selections[part], slice, context, &found[task], &stats[task]);
      });
    }
    TRY(group.Wait());
    for (size_t task = 0; task < found.size(); ++task) {
      const size_t first = first_of(task % blocks);
      for (size_t q = 0; q < found[task].size(); ++q) {
        std::vector<segment::Hit>& list = (*hits)[first + q];
        list.insert(list.end(), found[task][q].begin(), found[task][q].end());
      }
    }
    for (std::vector<segment::Hit>& list : *hits) segment::KeepBest(&list, query.k, query.metric);
  }
  uint64_t distances = 0;
  for (const index::SearchStats& one : stats) distances += one.distances;
  DistanceComputations().Add(static_cast<double>(distances));
  return OkStatus();
}

Result<SearchResult> LocalShard::Search(const SearchRequest& request, const Context& context) {
  const StageTimer total(SearchSeconds("total"));
  TRY(context.Check());
  const View view = TRY(TakeView(request.scope));
  const segment::VectorQuery query = TRY(ToVectorQuery(request, *view.schema));
  std::vector<std::vector<segment::Hit>> hits(query.query_count);
  {
    const StageTimer timer(SearchSeconds("segments"));
    if (request.group_by_field_id) {
      TRY(FindGroups(view, query, request, context, &hits));
    } else {
      TRY(FindHits(view, query, request.scope, context, &hits));
    }
  }
  MendDamaged(view);
  const StageTimer timer(SearchSeconds("fetch"));
  SearchResult result;
  result.timestamp = view.timestamp;
  std::vector<RowRef> rows;
  for (const std::vector<segment::Hit>& list : hits) {
    result.hits_per_query.push_back(list.size());
    for (const segment::Hit& hit : list) {
      result.scores.push_back(hit.score);
      rows.push_back({hit.piece, hit.row});
    }
  }
  std::vector<int64_t> fields = request.output_field_ids;
  if (request.group_by_field_id) fields.push_back(*request.group_by_field_id);
  result.rows = TRY(FetchRows(rows, *view.schema, OutputFields(*view.schema, fields), kSearchOutputBytes));
  return result;
}

}  // namespace saker::shard
