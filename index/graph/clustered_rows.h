// Rows for tests of graphs: drawn around centres, as real vectors lie, so that a graph has something to find its way through.
#pragma once

#include <memory>
#include <random>
#include <vector>

#include "index/test_source.h"

namespace saker::index {

// `rows` rows, each `spread` times a normal deviate in every dimension away from one of `clusters` normally drawn centres.
inline std::shared_ptr<MemorySource> ClusteredRows(std::mt19937& random, size_t rows, size_t dim, size_t clusters, float spread,
                                                   VectorType type = VectorType::kFloat32) {
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> centres(clusters, std::vector<float>(dim));
  for (auto& centre : centres) {
    for (float& value : centre) value = normal(random);
  }
  auto source = std::make_shared<MemorySource>(type, dim);
  for (size_t row = 0; row < rows; ++row) {
    std::vector<float> values = centres[random() % clusters];
    for (float& value : values) value += spread * normal(random);
    source->AddFloats(values);
  }
  return source;
}

}  // namespace saker::index
