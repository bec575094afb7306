#include "server/segment/search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace saker::segment {

namespace {

using index::SmallerIsBetter;

// Rows that may be found at all: selected, and with a vector.
size_t Findable(const index::VectorSource& source, const Selection& selection) {
  if (source.valid() == nullptr) return selection.count;
  if (!selection.bits) return source.valid()->Count();
  index::Bitset both = *selection.bits;
  both.And(*source.valid());
  return both.Count();
}

using Lists = std::vector<std::vector<index::Hit>>;

// A family promises min(k, allowed rows) without a range and every row inside one. Nobody may notice if it breaks that:
// a list that is too short is found again by an exact scan.
Result<Lists> SearchWithIndex(const index::Index& found, const index::VectorSource& source, const index::SearchRequest& request,
                              const VectorQuery& query, size_t findable, const Context& context, index::SearchStats* stats) {
  Lists lists = TRY(found.Search(request, context, stats));
  if (lists.size() != query.query_count) return Internal("the index answered ", lists.size(), " of ", query.query_count, " queries");
  // A sparse row that shares nothing with the query is never found, and its families are exact: short lists are right.
  if (request.radius || source.type() == index::VectorType::kSparse) return lists;
  const size_t wanted = std::min(query.k, findable);
  const size_t width = index::RowBytes(source.type(), source.dim());
  for (size_t i = 0; i < lists.size(); ++i) {
    if (lists[i].size() >= wanted) continue;
    const VectorQuery single = Slice(query, width, i, 1);
    Lists exact = TRY(index::ExactSearch(source, query.metric, ToIndexRequest(single, request.allowed), context, stats));
    lists[i] = std::move(exact.at(0));
  }
  return lists;
}

// Sparse families are exact, unless values were left out of the index or are left out of the query.
bool MayAnswer(const index::Index& found, const index::VectorSource& source, const VectorQuery& query) {
  if (found.spec().metric != query.metric) return false;
  if (!query.exact) return true;
  return source.type() == index::VectorType::kSparse && !found.spec().params.contains("drop_ratio_build") &&
         !query.params.contains("drop_ratio_search");
}

}  // namespace

index::SearchRequest ToIndexRequest(const VectorQuery& query, const index::Bitset* allowed) {
  index::SearchRequest request;
  request.queries = query.queries;
  request.sparse_queries = query.sparse_queries;
  request.query_count = query.query_count;
  request.k = query.k;
  request.params = query.params;
  request.allowed = allowed;
  request.radius = query.radius;
  request.range_filter = query.range_filter;
  request.bm25 = query.bm25;
  if (query.after_score) {
    // Strictly worse than the bound is the same as up to its neighbour: range_filter is the inclusive inner bound.
    const float infinity = std::numeric_limits<float>::infinity();
    const bool smaller = SmallerIsBetter(query.metric);
    const float bound = std::nextafter(*query.after_score, smaller ? infinity : -infinity);
    if (!request.radius) request.radius = smaller ? infinity : -infinity;
    if (!request.range_filter || (smaller ? bound > *request.range_filter : bound < *request.range_filter)) request.range_filter = bound;
  }
  return request;
}

const index::Index* IndexFor(const Piece& piece, const VectorQuery& query) {
  const auto source = piece.vectors.find(query.field_id);
  const auto index = piece.indexes.find(query.field_id);
  if (source == piece.vectors.end() || index == piece.indexes.end()) return nullptr;
  if (piece.damage != nullptr && piece.damage->Has(query.field_id)) return nullptr;
  return MayAnswer(*index->second, *source->second, query) ? index->second.get() : nullptr;
}

Status SearchPiece(const Piece& piece, const Selection& selection, const VectorQuery& query, const Context& context,
                   std::vector<std::vector<Hit>>* hits, index::SearchStats* stats) {
  const auto source = piece.vectors.find(query.field_id);
  if (selection.count == 0 || source == piece.vectors.end()) return OkStatus();  // or written before the field existed
  const index::SearchRequest request = ToIndexRequest(query, selection.bits ? &*selection.bits : nullptr);
  Lists lists;
  if (const index::Index* const index = IndexFor(piece, query)) {
    const size_t findable = Findable(*source->second, selection);
    Result<Lists> found = SearchWithIndex(*index, *source->second, request, query, findable, context, stats);
    if (found.status().code() == StatusCode::kDataLoss && piece.damage != nullptr) {
      // As when it is found at opening: it costs speed, not answers.
      piece.damage->Note(query.field_id, std::string(found.status().message()));
      found = index::ExactSearch(*source->second, query.metric, request, context, stats);
    }
    lists = TRY(std::move(found));
  } else {
    lists = TRY(index::ExactSearch(*source->second, query.metric, request, context, stats));
  }
  for (size_t i = 0; i < lists.size(); ++i) {
    for (const index::Hit& hit : lists[i]) (*hits)[i].push_back({&piece, hit.row, hit.score});
  }
  return OkStatus();
}

void KeepBest(std::vector<Hit>* hits, size_t k, index::Metric metric) {
  const HitOrder order(metric);
  if (hits->size() > k) {
    std::partial_sort(hits->begin(), hits->begin() + static_cast<ptrdiff_t>(k), hits->end(), order);
    hits->resize(k);
  } else {
    std::sort(hits->begin(), hits->end(), order);
  }
}

VectorQuery Slice(const VectorQuery& query, size_t row_bytes, size_t first, size_t count) {
  VectorQuery part = query;
  part.query_count = count;
  if (query.queries != nullptr) {
    part.queries = static_cast<const char*>(query.queries) + first * row_bytes;
  } else {
    const auto begin = query.sparse_queries.begin() + static_cast<ptrdiff_t>(first);
    part.sparse_queries.assign(begin, begin + static_cast<ptrdiff_t>(count));
  }
  return part;
}

Result<Selections> SelectPieces(const Pieces& pieces, const Deletions& deletions, const ReadView& view, const Context& context) {
  const std::shared_ptr<const index::Bitset> dead = deletions.At(view.timestamp);
  Selections selections;
  selections.reserve(pieces.size());
  for (const std::shared_ptr<const Piece>& piece : pieces) {
    TRY(context.Check());
    selections.push_back(TRY(Select(*piece, dead.get(), view, context)));
  }
  return selections;
}

Status SearchPieces(const Pieces& pieces, const Selections& selections, const VectorQuery& query, const Context& context,
                    std::vector<std::vector<Hit>>* hits, index::SearchStats* stats) {
  CHECK(hits->size() == query.query_count && selections.size() == pieces.size());
  for (size_t i = 0; i < pieces.size(); ++i) {
    TRY(context.Check());
    TRY(SearchPiece(*pieces[i], selections[i], query, context, hits, stats));
  }
  for (std::vector<Hit>& list : *hits) KeepBest(&list, query.k, query.metric);
  return OkStatus();
}

}  // namespace saker::segment
