// The IVF index: rows in lists by nearest centroid, read from the source when their list is probed.
#pragma once

#include <memory>

#include "index/index.h"

namespace saker::index {

class IndexFileReader;

Result<std::unique_ptr<Index>> BuildIvfIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                             const BuildOptions& options);
Result<std::unique_ptr<Index>> OpenIvfIndex(const IndexFileReader& file, std::shared_ptr<const VectorSource> source);

}  // namespace saker::index
