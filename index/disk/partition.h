// Cuts rows into overlapping parts that fit in memory one at a time: each row goes to the two parts whose centres are nearest and
// which still have room, so that graphs built of the parts share rows and can be merged (DiskANN, Subramanya et al. 2019).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/index.h"

namespace saker::index {

struct Partition {
  size_t parts = 0;
  std::vector<uint32_t> home;    // of rows[i]
  std::vector<uint32_t> second;  // another one; the same where no other had room
};

// `part_rows`: a part's rows at most, counted with both memberships. One k-means of a sample of `sample_rows`.
Result<Partition> PartitionRows(const VectorSource& source, Metric metric, const std::vector<uint32_t>& rows, size_t part_rows,
                                size_t sample_rows, const BuildOptions& options);

}  // namespace saker::index
