// The HNSW index: a flat graph beside the source's vectors. Serves every family of graph that Milvus names.
#pragma once

#include <memory>

#include "index/hnsw/graph.h"
#include "index/index.h"

namespace saker::index {

class IndexFileReader;

Result<std::unique_ptr<Index>> BuildHnswIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                              const BuildOptions& options);
Result<std::unique_ptr<Index>> OpenHnswIndex(const IndexFileReader& file, std::shared_ptr<const VectorSource> source);

}  // namespace saker::index
