// Centroids and the rows nearest to each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/index.h"

namespace saker::index {

struct IvfLists {
  std::vector<float> centroids;   // lists * dim
  std::vector<uint32_t> offsets;  // lists + 1, into rows
  std::vector<uint32_t> rows;     // ascending within a list

  size_t count() const { return offsets.size() - 1; }
  std::span<const uint32_t> Rows(size_t list) const { return {rows.data() + offsets[list], rows.data() + offsets[list + 1]}; }
};

// K-means on a sample, then every row with a vector to its nearest centroid, on options.threads threads. By squared distance
// for L2 and COSINE (of rows of length 1); for IP by direction, a centroid then being the mean of its rows. Rows of zeros have no
// direction: for COSINE and IP they are left out of the clusters and stand in a list of their own, the last, with a centroid of zeros.
Result<IvfLists> BuildIvfLists(const VectorSource& source, Metric metric, size_t list_count, const BuildOptions& options);

// Keys (smaller is better) of all centroids to a query in float (COSINE: of length 1): squared distances, negated products.
void CentroidKeys(const IvfLists& lists, Metric metric, const float* query, size_t dim, float* keys);

// Runs body(begin, end) over pieces of [0, count) on `threads` threads; stops early once `context` is done.
void InPieces(size_t count, size_t piece, int threads, const Context* context, const std::function<void(size_t, size_t)>& body);

}  // namespace saker::index
