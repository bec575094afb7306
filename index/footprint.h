// What an index will take in memory, so that the ledger can be asked before one is built or opened.
#pragma once

#include <cstddef>
#include <cstdint>

#include "index/index.h"

namespace saker::index {

// Searched from its file: neither it nor the vectors have to be in memory.
bool ServedFromDisk(const IndexSpec& spec);

struct DiskFootprint {
  uint64_t loaded_bytes;       // about; memory_bytes() of the open index says exactly
  uint64_t least_build_bytes;  // BuildOptions::memory_bytes below it is refused
  uint64_t whole_build_bytes;  // more makes it no quicker
};
// `spec` is valid and ServedFromDisk.
DiskFootprint FootprintOf(const IndexSpec& spec, VectorType type, size_t dim, uint64_t rows);

}  // namespace saker::index
