// What an index will take in memory, so that the ledger can be asked before one is built or opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "index/auto/profile.h"
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

// Of every other index, beside its source. Dense ones take no more than it says, sparse ones about as much: how many terms
// there are is guessed from the number of values.
struct MemoryFootprint {
  uint64_t loaded_bytes;
  uint64_t build_bytes;  // the most during a build on `threads` threads, the finished index included
};
// `spec` is valid and not ServedFromDisk. AUTOINDEX counts as the graph that it makes where that fits. Reads the lengths of all rows
// when they are sparse, else nothing.
MemoryFootprint MemoryFootprintOf(const IndexSpec& spec, const VectorSource& source, int threads);
// What opening an index from a file of that size takes, of any kind.
uint64_t LoadedBytes(const IndexSpec& spec, const VectorSource& source, uint64_t file_bytes);
// AUTOINDEX when the graph does not fit: what the smaller families need, and the limit (BuildOptions::memory_limit_bytes) that makes it
// take one of them.
MemoryFootprint SmallAutoFootprint(const VectorSource& source, uint64_t* limit_bytes);
// Its families in memory over dense rows.
MemoryFootprint AutoFootprint(AutoFamily family, const SegmentProfile& profile, int threads);

// AUTOINDEX over such rows may make a graph on disk where memory is short: give its build files and a directory for them.
bool MayServeFromDisk(const IndexSpec& spec, VectorType type);
// What it takes then, with the longest codes whose build may take `spare` bytes; nothing when the shortest do not fit either.
std::optional<DiskFootprint> AutoDiskFootprint(const IndexSpec& spec, const VectorSource& source, uint64_t spare);

// Whether this index is searched from its file, an AUTOINDEX by what is inside it.
bool ServedFromDisk(const Index& index);
struct StoredIndex {
  bool on_disk;           // the pages of a graph stand in it, and only they have the vectors
  uint64_t loaded_bytes;  // what opening it takes, about
};
// By the file's header, which is all that is verified.
Result<StoredIndex> StoredIndexAt(const std::string& path, FileSystem& files, const VectorSource& source);
// The same where there are no vectors at hand.
Result<bool> StoredOnDisk(const std::string& path, FileSystem& files);

}  // namespace saker::index
