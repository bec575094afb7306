// Two exact ways through the posting lists. Both give the scores of SparseQuery::Score and the order of topk.h.
//
// Pruned: term by term into 16-bit sums of upper bounds, window after window of rows; the rows whose bound reaches the k-th
// best score so far are scored from the source. A window's terms come in falling order of their block maxima; once the
// terms left cannot lift an untouched row to the k-th best (MaxScore, Turtle and Flood 1995, by the blocks of the window
// instead of whole lists: Ding and Suel 2011), the rest is added only while that is cheaper than scoring the candidates.
//
// Full: every posting's exact value, a frame of 65,536 sums at a time, in ascending order of terms. For many results, any
// sign of the values, any number of terms.
#pragma once

#include <vector>

#include "common/context.h"
#include "common/result.h"
#include "index/flat/allowed_rows.h"
#include "index/sparse/sparse_query.h"

namespace saker::index {

struct SparseSearch {
  const SparsePostings& postings;
  const VectorSource& source;
  const AllowedRows& allowed;
  const SearchRequest& request;  // k and range
  size_t k;
  const Context& context;
  SearchStats* stats;

  float Score(const SparseQuery& query, uint32_t row) const {
    return query.Score(source.SparseRow(row), query.bm25() ? postings.lengths[row] : 0.0f);
  }
};

// A query's term that has a list.
struct ListTerm {
  uint32_t list;
  double weight;
};

// Ascending by term.
std::vector<ListTerm> FindLists(const SparsePostings& postings, const SparseQuery& query);

// Whether the allowed rows are so few that scoring them one by one is likely the fastest.
bool ShouldScan(const SparseSearch& search, const std::vector<ListTerm>& terms);

// Whether pruning is possible (nothing below 0, all finite, not too many terms) and likely the faster one.
bool ShouldPrune(const SparseSearch& search, const SparseQuery& query, const std::vector<ListTerm>& terms);

Result<std::vector<Hit>> SearchPruned(const SparseSearch& search, const SparseQuery& query, const std::vector<ListTerm>& terms);
Result<std::vector<Hit>> SearchAllowed(const SparseSearch& search, const SparseQuery& query);
Result<std::vector<Hit>> SearchFull(const SparseSearch& search, const SparseQuery& query, const std::vector<ListTerm>& terms);

}  // namespace saker::index
