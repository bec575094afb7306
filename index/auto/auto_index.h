// AUTOINDEX: looks at the rows, chooses a family, measures what it built, and keeps recall instead of a width as its knob.
//
// A search takes "target_recall" (0.5 to 0.9999) or "level" (1 to 10: 0.95 to 0.9995; 1 by default) and looks the effort up in
// the table that was measured when the index was built and stands in its file; "ef" or "nprobe", where given, count instead.
// A file without a table (from before there was one) goes by a table of typical sets. Small segments are scanned.
#pragma once

#include <memory>

#include "index/index.h"

namespace saker::index {

class IndexFileReader;

Result<std::unique_ptr<Index>> BuildAutoIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                              const BuildOptions& options);
Result<std::unique_ptr<Index>> OpenAutoIndex(IndexFileReader file, FileSystem& files, std::shared_ptr<const VectorSource> source);

}  // namespace saker::index
