// Builds a disk graph within a memory budget: rows are cut into overlapping parts, each part's graph is built in memory, their
// links are merged, packed into pages and written to a file without a name; what stays is what a search keeps in memory.
//
// Where all rows fit the budget there is one part. Progress, cancel as in BuildOptions; with one thread the result is the same
// every time. ResourceExhausted names what is missing: memory or disk, both numbers.
#pragma once

#include <cstdint>

#include "index/disk/disk_graph.h"
#include "index/index.h"

namespace saker::index {

struct DiskPlan {
  uint32_t degree = 32;
  uint32_t effort = 100;           // Milvus' search_list_size
  uint64_t code_bytes = 0;         // of all rows
  uint64_t cache_bytes = 0;        // of the search cache
  uint64_t memory_bytes = 0;       // what the build may take beside the vectors; 0: no bound
  double navigation_share = 0.02;  // of the rows
};

// The graph's file is the one without a name.
Result<DiskGraph> BuildDiskGraph(const VectorSource& source, Metric metric, const DiskPlan& plan, const BuildOptions& options);

// What a build with these numbers takes at least, and what with all rows in one part.
struct BuildNeeds {
  uint64_t least_bytes;
  uint64_t whole_bytes;
  uint64_t disk_bytes;
  uint64_t loaded_bytes;  // what stays for searches
};
BuildNeeds NeedsOf(VectorType type, size_t dim, uint64_t rows, const DiskPlan& plan);

}  // namespace saker::index
