// The records of RocksDB's log format (its "Write Ahead Log File Format"), and what tells a write that a power cut tore
// from a record that was whole and rotted.
//
// A block of 32 KiB holds fragments; a fragment has a header of 7 bytes, little-endian: masked CRC-32C of type and payload
// (4), length of the payload (2), type (1). A fragment never crosses a block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace saker::storage::rocks {

constexpr size_t kBlockBytes = 32768;
constexpr size_t kHeaderBytes = 7;
constexpr uint8_t kFull = 1, kFirst = 2, kLast = 4;  // 3 is middle; recycled and compressed logs are switched off

struct Header {
  uint32_t crc;
  size_t length;
  uint8_t type;
};

// Of the fragment at the start of `at`, which has kHeaderBytes at least.
Header ReadHeader(std::string_view at);

// With `crc` the checksum of what came before, 0 for nothing.
uint32_t Crc32c(uint32_t crc, std::string_view bytes);

bool AllZero(std::string_view bytes);

// Whether the bytes behind a header hold a payload of any length that its checksum fits; `type_and_after` begins with the type.
bool SomeLengthFits(const Header& header, std::string_view type_and_after);

// From `offset` to the next multiple of `unit` (a block, a sector) or to the end.
std::string_view RestOfUnit(std::string_view contents, size_t offset, size_t unit);

// Whether `contents` from `offset` on, where a fragment should begin, is what a power cut left of the last write: no record
// begins behind it, a sector of it is all zeros, and no change of one byte makes its first fragment whole.
bool IsTorn(std::string_view contents, size_t offset);

}  // namespace saker::storage::rocks
