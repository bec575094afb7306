// Builds an HNSW graph with FAISS over vectors that stay where they are.
//
// FAISS links, our kernels measure: its distance computer reads the VectorSource. The FAISS object is gone when this
// returns. With one thread the graph is the same every time.
#pragma once

#include "index/hnsw/graph.h"
#include "index/index.h"

namespace saker::index {

Result<HnswGraph> BuildHnswGraph(const VectorSource& source, Metric metric, const float* inverse_norms, uint32_t m,
                                 uint32_t ef_construction, const BuildOptions& options);

}  // namespace saker::index
