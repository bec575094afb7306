// DISKANN: a graph on disk behind the interface of every index (README.md, "The graph on disk").
#pragma once

#include <memory>

#include "index/index.h"
#include "index/index_file.h"

namespace saker::index {

// `spec` is valid. The built index reads from a file without a name in options.scratch_directory; Save copies it.
Result<std::unique_ptr<Index>> BuildDiskIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                              const BuildOptions& options);
// Reads from the file at file.path() as long as it lives; it may be removed meanwhile. Warns in the log when the disk is slow.
Result<std::unique_ptr<Index>> OpenDiskIndex(IndexFileReader file, FileSystem& files, std::shared_ptr<const VectorSource> source);

}  // namespace saker::index
