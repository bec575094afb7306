// One query against posting lists: its terms with their weights, and the score of a row by the definition.
//
// Made once per query; then read only.
#pragma once

#include <cstdint>
#include <vector>

#include "index/bm25.h"
#include "index/sparse/postings.h"
#include "index/sparse/sparse.h"

namespace saker::index {

struct SparseTerm {
  uint32_t term;
  double weight;  // inner products: the query's float; BM25: with idf in it
};

class SparseQuery {
 public:
  // `statistics` is null for inner products. Terms come ascending, each once.
  SparseQuery(VectorSource::SparseRowView query, const Bm25Statistics* statistics);

  bool bm25() const { return bm25_; }
  const std::vector<SparseTerm>& terms() const { return terms_; }
  double base() const { return base_; }
  double slope() const { return slope_; }
  // The same float as SparseProduct and Bm25Query::Score give; `length` is for BM25 only. 0 when no term is shared.
  float Score(VectorSource::SparseRowView row, float length) const;

  // The query without the `ratio` smallest of its weights.
  SparseQuery Without(double ratio) const;

 private:
  bool bm25_;
  double base_ = 0;
  double slope_ = 0;
  std::vector<SparseTerm> terms_;
};

}  // namespace saker::index
