// Vector search over the pieces of one segment, and the order of hits.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/context.h"
#include "common/result.h"
#include "index/index.h"
#include "server/segment/piece.h"
#include "server/segment/segment.h"
#include "server/segment/select.h"

namespace saker::segment {

struct VectorQuery {
  int64_t field_id = 0;
  index::Metric metric = index::Metric::kCosine;
  const void* queries = nullptr;  // or sparse_queries; not owned
  std::vector<index::VectorSource::SparseRowView> sparse_queries;
  size_t query_count = 1;
  size_t k = 10;
  std::map<std::string, std::string> params;
  std::optional<float> radius;
  std::optional<float> range_filter;
  std::optional<float> after_score;             // only strictly worse scores
  bool exact = false;                           // no approximate index
  const index::Bm25Statistics* bm25 = nullptr;  // with metric BM25; not owned
};

// A row of a piece; the piece is kept by whoever keeps the snapshot.
struct Hit {
  const Piece* piece = nullptr;
  uint32_t row = 0;
  float score = 0;

  KeyRef key() const { return piece->keys->At(row); }
};

// Best score first, then the smaller primary key.
class HitOrder {
 public:
  explicit HitOrder(index::Metric metric) : smaller_(index::SmallerIsBetter(metric)) {}
  bool operator()(const Hit& a, const Hit& b) const {
    if (a.score != b.score) return smaller_ ? a.score < b.score : a.score > b.score;
    return a.key() < b.key();
  }

 private:
  bool smaller_;
};

// Sorts and cuts to k.
void KeepBest(std::vector<Hit>* hits, size_t k, index::Metric metric);

// The selected rows of every piece of a segment.
using Selections = std::vector<Selection>;
Result<Selections> SelectPieces(const Pieces& pieces, const Deletions& deletions, const ReadView& view, const Context& context);

// The best min(k, selected rows) of the pieces for each query; `hits` has one list per query, which it appends to. Several
// calls with parts of the queries may share the selections.
Status SearchPieces(const Pieces& pieces, const Selections& selections, const VectorQuery& query, const Context& context,
                    std::vector<std::vector<Hit>>* hits, index::SearchStats* stats);

// The same of one piece, neither sorted nor cut.
Status SearchPiece(const Piece& piece, const Selection& selection, const VectorQuery& query, const Context& context,
                   std::vector<std::vector<Hit>>* hits, index::SearchStats* stats);

// The index of the piece that may answer the query; null: only an exact scan may.
const index::Index* IndexFor(const Piece& piece, const VectorQuery& query);
// The query as an index sees it; `allowed` may be null.
index::SearchRequest ToIndexRequest(const VectorQuery& query, const index::Bitset* allowed);

// `count` of the query's queries, from `first` on.
VectorQuery Slice(const VectorQuery& query, size_t row_bytes, size_t first, size_t count);

}  // namespace saker::segment
