// Builds an HNSW graph by insertion, on several threads, over vectors that stay where they are.
//
// With one thread the graph is the same every time. Every list is guarded by its row's lock while the build runs.
#pragma once

#include "index/hnsw/graph.h"
#include "index/index.h"

namespace saker::index {

Result<HnswGraph> BuildHnswGraph(const VectorSource& source, Metric metric, const float* inverse_norms, uint32_t m,
                                 uint32_t ef_construction, const BuildOptions& options);

}  // namespace saker::index
