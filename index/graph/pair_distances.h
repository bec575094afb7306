// Distances between rows, for building a graph: squared Euclidean where the metric allows it (COSINE: of normalised rows; IP: of
// rows lifted to one norm), the metric's own distance for binary rows.
//
// One object serves one thread; what it reads is shared and immutable. Distances are finite or +inf, never NaN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "index/graph/node_codes.h"
#include "index/scorer.h"

namespace saker::index {

// For each of some rows the nearest of some others, in no order.
struct NearestRows {
  static constexpr uint32_t kNone = 0xffffffffu;
  size_t width = 0;
  std::vector<uint32_t> places;  // rows x width, into the others; kNone where there were fewer
  std::vector<float> distances;
};

class PairDistances {
 public:
  virtual ~PairDistances() = default;
  virtual void From(uint32_t row, const uint32_t* rows, size_t count, float* distances) = 0;
  // For each of rows[0..count) the `width` nearest of others[0..other_count); a row is never its own neighbour.
  virtual void Nearest(const uint32_t* rows, size_t count, const uint32_t* others, size_t other_count, size_t width, NearestRows* out);
};

// Over codes where there are some, else over the vectors.
std::unique_ptr<PairDistances> MakePairDistances(const VectorSource& source, Metric metric, const float* inverse_norms,
                                                 const NodeCodes& codes);

}  // namespace saker::index
