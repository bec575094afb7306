// One BM25 query as the searches see it: term weights with idf in them, the length norm, the score of a row.
//
// This is the definition of the score; whatever is faster must give the same float. Immutable, cheap to make per query.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/context.h"
#include "common/result.h"
#include "index/bm25.h"
#include "index/flat/allowed_rows.h"
#include "index/index.h"

namespace saker::index {

class Bm25Query {
 public:
  struct Term {
    uint32_t term;
    double weight;  // the query's, times idf, times k1 + 1
  };

  Bm25Query(VectorSource::SparseRowView query, const Bm25Statistics& statistics);

  const std::vector<Term>& terms() const { return terms_; }  // ascending
  // norm(length) = base + slope * length; a term's part of the score is weight * tf / (tf + norm).
  double base() const { return base_; }
  double slope() const { return slope_; }
  double Norm(float length) const { return base_ + slope_ * static_cast<double>(length); }
  static double Part(double weight, float frequency, double norm) {
    const auto tf = static_cast<double>(frequency);
    return weight * (tf / (tf + norm));
  }
  // 0 when no term is shared.
  float Score(VectorSource::SparseRowView row, float length) const;

 private:
  std::vector<Term> terms_;
  double base_ = 0;
  double slope_ = 0;
};

// k1 and b finite and in Milvus' ranges, counts finite: InvalidArgument otherwise.
Status CheckBm25(const Bm25Statistics& statistics);

// The exact scan of rows without an index; statistics are the request's, or those of the source's own rows.
Result<std::vector<std::vector<Hit>>> ScanBm25Rows(const VectorSource& source, const SearchRequest& request, const AllowedRows& allowed,
                                                   const Context& context, SearchStats* stats);

}  // namespace saker::index
