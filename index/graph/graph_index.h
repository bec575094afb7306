// The graph in memory: links and codes beside the source's vectors. Serves every graph that Milvus names.
#pragma once

#include <memory>

#include "index/index.h"

namespace saker::index {

class IndexFileReader;
struct GraphPlan;

// How the graph of a valid spec is built.
GraphPlan GraphPlanOf(const IndexSpec& spec);

Result<std::unique_ptr<Index>> BuildGraphIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                               const BuildOptions& options);
Result<std::unique_ptr<Index>> OpenGraphIndex(const IndexFileReader& file, std::shared_ptr<const VectorSource> source);

}  // namespace saker::index
