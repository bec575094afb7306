// Is a file that a manifest names still the one that was written? By length and checksum of the whole.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "common/checksum.h"
#include "common/result.h"
#include "storage/manifest.h"

namespace saker::shard {

// DataLoss names the kind of file, the file and both numbers.
inline Status CheckWhole(std::string_view kind, const storage::FileRef& expected, std::span<const std::byte> bytes) {
  if (bytes.size() != expected.size_bytes)
    return Corruption(kind, " ", expected.name, " has ", bytes.size(), " bytes, its manifest says ", expected.size_bytes);
  const uint64_t checksum = Checksum(bytes);
  if (checksum == expected.checksum) return OkStatus();
  return Corruption(kind, " ", expected.name, " has checksum ", checksum, " over its ", bytes.size(), " bytes, its manifest says ",
                    expected.checksum);
}

}  // namespace saker::shard
