// The true neighbours of each query and how many of a search's results are among them.
//
// A result counts as found when its row is one of the true k, or when it is as near as the true k-th (a tie, up to the rounding of
// its score). A row that is nearer than the listed k-th by more than rounding and not listed shows that the list is not the
// truth: InvalidArgument with both scores. Immutable once made; may be read by several threads. Holds pointers to rows and queries.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "index/bitset.h"
#include "index/index.h"
#include "tools/bench/vector_file.h"

namespace saker::bench {

class NeighbourTruth {
 public:
  // From an .ivecs, whose first queries are searched for here too, so that a file of another set is refused before an index is built.
  static Result<NeighbourTruth> Read(const std::string& path, const VectorRows& base, const VectorRows& queries, index::Metric metric,
                                     size_t k);
  // By comparing every row. `filters`: none, one for all queries, or one a query.
  static Result<NeighbourTruth> Compute(const VectorRows& base, const VectorRows& queries, index::Metric metric, size_t k,
                                        const std::vector<index::Bitset>& filters);

  size_t expected(size_t query) const { return ids_[query].size(); }
  Result<size_t> Found(size_t query, const std::vector<index::Hit>& hits) const;

 private:
  NeighbourTruth(const VectorRows& base, const VectorRows& queries, index::Metric metric, std::string name)
      : base_(&base), queries_(&queries), metric_(metric), name_(std::move(name)) {}
  void Add(const std::vector<uint32_t>& ids);
  float KeyOf(float score) const { return index::SmallerIsBetter(metric_) ? score : -score; }

  struct Last {
    float key = 0;   // of the k-th
    float tie = 0;   // nearer than key + tie is as near
    float sure = 0;  // nearer than key - sure is nearer, however the list was computed
  };
  const VectorRows* base_;
  const VectorRows* queries_;
  index::Metric metric_;
  std::string name_;
  std::vector<std::vector<uint32_t>> ids_;  // ascending
  std::vector<Last> last_;
};

}  // namespace saker::bench
