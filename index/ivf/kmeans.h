// k-means for the lists: Lloyd's iterations by matrix products, the first ones on a small part of the sample.
//
// FAISS's own (faiss/kmeans.h) finds the same centroids, but its Debian build compares products one by one without SIMD: for
// 2,529 centroids of dimension 128 it took three times as long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/context.h"

namespace saker::index {

struct Clustering {
  size_t dim;
  size_t clusters;
  bool spherical;  // by inner product, centroids of length 1
  int threads;
  const Context* context;
};

// `clusters` centroids for `count` contiguous finite vectors in random order, count >= clusters. The same for any number of
// threads. Stops early, with whatever it has, once the context is done.
std::vector<float> ClusterVectors(const float* vectors, size_t count, const Clustering& clustering);

// The nearest centroid of each vector. `terms`: what is added to -2 times (spherical: -1 times) the products.
class Assigner {
 public:
  Assigner(const std::vector<float>& centroids, const Clustering& clustering);
  static constexpr size_t kRows = 128;  // at once, at most
  void Nearest(const float* vectors, size_t count, uint32_t* out) const;

 private:
  const std::vector<float>& centroids_;
  const size_t dim_;
  const float factor_;
  std::vector<float> terms_;
};

}  // namespace saker::index
