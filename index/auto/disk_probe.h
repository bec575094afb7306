// How many pages a second the disk under a directory reads at random, 32 at a time: what decides whether a graph on it is worth it.
#pragma once

#include <string>

#include "common/file.h"
#include "common/result.h"

namespace saker::index {

// Reads a second, from a small file that is made for it and gone at the end, in about 50 milliseconds. The best of three tries: a
// busy disk is not a slow one. An error: it cannot be read past the page cache, or has no room.
Result<double> ProbeReads(FileSystem& files, const std::string& directory);

}  // namespace saker::index
