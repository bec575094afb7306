// Which lists a range search has to look into: how far from its centroid the rows of each list reach.
//
// A row x of a list with centroid c and reach R has |q - x| >= |q - c| - R and <q, x> <= <q, c> + |q|R. Lists that this shuts
// out, rounding on both sides granted, hold no row in the range. Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/ivf/lists.h"

namespace saker::index {

class ListReach {
 public:
  // Reads every row. Infinite where a row has no place in the lists' space: not finite, or of no direction with COSINE.
  static std::vector<float> Measure(const VectorSource& source, Metric metric, const IvfLists& lists, const BuildOptions& options);

  // `reach` empty: nothing can be shut out. `lists` must outlive it.
  ListReach(const IvfLists& lists, Metric metric, size_t dim, std::vector<float> reach);

  const std::vector<float>& reach() const { return reach_; }
  size_t memory_bytes() const { return (reach_.size() + lengths_.size()) * 4; }
  // The rows of all lists that may hold one whose score is within `radius` (metric.h) of `query`, as RowFloats gives it. False:
  // no list can be shut out, `rows` is not written.
  bool RowsInRange(const float* query, float radius, size_t row_count, Bitset* rows) const;

 private:
  const IvfLists* lists_;
  Metric metric_;
  size_t dim_;
  std::vector<float> reach_, lengths_;  // of the centroids
};

}  // namespace saker::index
