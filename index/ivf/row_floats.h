// The rows of a source as the cluster indexes see them: floats, of length 1 for COSINE.
//
// COSINE is L2 between vectors of length 1: the same order, one path for both. Bits become 0 and 1: HAMMING is then L2, and
// JACCARD, as good a guide as there is among centroids, the cosine (two sets with much in common have a large one). Used by one
// thread.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/metric.h"
#include "index/vector_source.h"

namespace saker::index {

// A vector of any type but sparse as floats.
void VectorToFloats(VectorType type, const void* vector, size_t dim, float* out);

// Whether the metric's lists are made from vectors of length 1.
constexpr bool ByDirection(Metric metric) {
  return metric == Metric::kCosine || metric == Metric::kJaccard;
}

// Whether every element of a vector of a float type or int8 is 0 or -0.
bool IsZeroVector(VectorType type, const void* vector, size_t dim);

// Divides by the length, whatever finite vector it is; one that is not finite becomes zeros.
void Normalise(float* vector, size_t dim);

class RowFloats {
 public:
  RowFloats(const VectorSource& source, Metric metric) : source_(source), metric_(metric) {}
  void Query(const void* query, float* out) const {
    VectorToFloats(source_.type(), query, source_.dim(), out);
    if (ByDirection(metric_)) Normalise(out, source_.dim());
  }
  void Row(size_t row, float* out) const { Query(source_.Row(row), out); }
  // The same with what is not finite made zero and the rest within 1e15: to train on.
  void FiniteRow(size_t row, float* out) const;

 private:
  const VectorSource& source_;
  const Metric metric_;
};

// `limit` of `rows`, all of them when there are no more, each with equal chance; the same ones every time.
std::vector<uint32_t> SampleRows(std::vector<uint32_t> rows, size_t limit);

}  // namespace saker::index
