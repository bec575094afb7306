// k-means by FAISS.
#pragma once

#include <cstddef>
#include <vector>

#include "common/result.h"

namespace saker::index {

// `clusters` centroids of `dim` floats for `count` contiguous vectors; count >= clusters. Spherical: by inner product.
Result<std::vector<float>> TrainCentroids(const float* vectors, size_t count, size_t dim, size_t clusters, bool spherical, int threads);

}  // namespace saker::index
