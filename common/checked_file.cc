#include "common/checked_file.h"

#include <algorithm>

#include "common/checksum.h"

namespace saker {

Result<std::span<const std::byte>> CheckHeader(std::span<const std::byte> bytes, std::string_view magic, std::string_view what,
                                               const std::string& name) {
  if (bytes.size() < kCheckedPrefixBytes || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
    return Corruption(name, " at offset 0: ", bytes.size(), " bytes that are no ", what);
  FieldReader prefix(bytes.subspan(magic.size(), kCheckedPrefixBytes - magic.size()));
  const auto version = prefix.Get<uint32_t>();
  const auto header_bytes = prefix.Get<uint32_t>();
  if (version != kCheckedFileVersion)
    return Corruption(name, " at offset 8: version ", version, ", this program reads ", kCheckedFileVersion);
  if (header_bytes < kCheckedPrefixBytes + 8 || header_bytes > kMaxCheckedHeaderBytes || header_bytes > bytes.size()) {
    return Corruption(name, " at offset 12: a header of ", header_bytes, " bytes in a file of ", bytes.size());
  }
  FieldReader stored(bytes.subspan(header_bytes - 8, 8));
  if (stored.Get<uint64_t>() != Checksum(bytes.first(header_bytes - 8))) {
    return Corruption(name, " at offset 0: the checksum of the header's ", header_bytes, " bytes does not match");
  }
  return bytes.subspan(kCheckedPrefixBytes, header_bytes - 8 - kCheckedPrefixBytes);
}

Status CheckBlocks(std::span<const std::byte> bytes, uint64_t header_bytes, uint64_t end, uint64_t said_bytes, const std::string& name) {
  const uint64_t blocks = (end - header_bytes + kCheckedBlockBytes - 1) / kCheckedBlockBytes;
  if (said_bytes != bytes.size() || said_bytes != end + blocks * 8 + 8)
    return Corruption(name, " at offset ", bytes.size(), ": the file has ", bytes.size(), " bytes, its header says ", said_bytes);
  const std::span<const std::byte> table = bytes.subspan(end, blocks * 8);
  FieldReader table_checksum(bytes.last(8));
  if (table_checksum.Get<uint64_t>() != Checksum(table))
    return Corruption(name, " at offset ", end, ": the table of checksums does not match its own");
  FieldReader checksums(table);
  for (uint64_t begin = header_bytes; begin < end; begin += kCheckedBlockBytes) {
    const uint64_t length = std::min<uint64_t>(kCheckedBlockBytes, end - begin);
    if (checksums.Get<uint64_t>() != Checksum(bytes.subspan(begin, length)))
      return Corruption(name, " at offset ", begin, ": the checksum of the next ", length, " bytes does not match");
  }
  return OkStatus();
}

}  // namespace saker
