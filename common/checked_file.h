// What Saker's files that are checked whole when they are opened have in common: eight letters that say what they are, a version, a
// header with its checksum at its end, and behind everything else a table of checksums, one for each 64 KiB behind the header.
//
// | 0 | magic, 8 bytes | 8 | u32 version: 1 | 12 | u32 H, the header's length | H - 8 | checksum of what stands before it |
// | E, a place that the header's fields tell | u64 for each block of [H, E) | u64 checksum of that table | end of the file |
//
// DataLoss names the file, the place and both numbers. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"

namespace saker {

inline constexpr uint32_t kCheckedFileVersion = 1;
inline constexpr uint32_t kCheckedBlockBytes = 64 * 1024;
inline constexpr size_t kCheckedPrefixBytes = 16;  // magic, version, header length
inline constexpr uint64_t kMaxCheckedHeaderBytes = 1 << 20;

// Reads little-endian fields in order; one check at the end tells whether any ran past it.
class FieldReader {
 public:
  explicit FieldReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  template <typename T>
  T Get() {
    T value{};
    if (Has(sizeof value)) {
      std::memcpy(&value, bytes_.data(), sizeof value);
      bytes_ = bytes_.subspan(sizeof value);
    }
    return value;
  }
  // u32 length and as many bytes.
  std::string Text() {
    const auto size = Get<uint32_t>();
    if (!Has(size)) return {};
    std::string text(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
    return text;
  }
  bool ok() const { return ok_; }

 private:
  bool Has(size_t count) {
    ok_ = ok_ && bytes_.size() >= count;
    return ok_;
  }
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

// The header's fields, when everything around them is right. `what` says what the file should be: "index file".
Result<std::span<const std::byte>> CheckHeader(std::span<const std::byte> bytes, std::string_view magic, std::string_view what,
                                               const std::string& name);
// The checksums of [header_bytes, end), when the file is as long as its header says.
Status CheckBlocks(std::span<const std::byte> bytes, uint64_t header_bytes, uint64_t end, uint64_t said_bytes, const std::string& name);

}  // namespace saker
