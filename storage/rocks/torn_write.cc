#include "storage/rocks/torn_write.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace saker::storage::rocks {
namespace {

constexpr size_t kSectorBytes = 512;  // what a disk writes whole or not at all

uint32_t Little32(std::string_view b) {
  return static_cast<uint32_t>(static_cast<uint8_t>(b[0])) | static_cast<uint32_t>(static_cast<uint8_t>(b[1])) << 8 |
         static_cast<uint32_t>(static_cast<uint8_t>(b[2])) << 16 | static_cast<uint32_t>(static_cast<uint8_t>(b[3])) << 24;
}

uint32_t Unmask(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8U;
  return rotated >> 17 | rotated << 15;
}

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78U : crc >> 1;
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = MakeTable();

uint32_t ExtendTable(uint32_t state, std::string_view bytes) {
  for (const char c : bytes) state = kTable[(state ^ static_cast<uint8_t>(c)) & 0xff] ^ state >> 8;
  return state;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t ExtendSse(uint32_t state, std::string_view bytes) {
  uint64_t wide = state;
  while (bytes.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    wide = __builtin_ia32_crc32di(wide, word);
    bytes.remove_prefix(8);
  }
  return ExtendTable(static_cast<uint32_t>(wide), bytes);
}
#endif

constexpr std::array<uint8_t, 256> MakeTopBytes() {
  std::array<uint8_t, 256> of{};
  for (uint32_t i = 0; i < 256; ++i) of[kTable[i] >> 24] = static_cast<uint8_t>(i);
  return of;
}
constexpr std::array<uint8_t, 256> kOfTopByte = MakeTopBytes();  // the index of the table's entry with this top byte

// Whether one other byte among `size` would turn the checksum `is` into `should`. A checksum is linear: the difference that
// a wrong byte makes is followed backwards, a byte of input at a time, to where it is that byte alone.
bool OneByteExplains(uint32_t is, uint32_t should, size_t size) {
  uint32_t difference = is ^ should;
  for (size_t i = 0; i < size; ++i) {
    const uint8_t index = kOfTopByte[difference >> 24];
    difference = (difference ^ kTable[index]) << 8 | index;
    if (difference < 256) return true;
  }
  return false;
}

uint32_t Mask(uint32_t crc) {
  return (crc >> 15 | crc << 17) + 0xa282ead8U;
}

bool OneByteDiffers(uint32_t a, uint32_t b) {
  int bytes = 0;
  for (uint32_t difference = a ^ b; difference != 0; difference >>= 8) bytes += (difference & 0xff) != 0;
  return bytes == 1;
}

// Whether the record at the start of `rest`, which runs to the end of its block, was whole before one byte rotted.
bool OneByteRotted(std::string_view rest) {
  const Header header = ReadHeader(rest);
  const std::string_view checked = rest.substr(kHeaderBytes - 1);
  if (SomeLengthFits(header, checked)) return true;
  if (kHeaderBytes + header.length > rest.size()) return false;
  const uint32_t crc = Crc32c(0, checked.substr(0, header.length + 1));
  return OneByteDiffers(Mask(crc), Mask(header.crc)) || OneByteExplains(crc, header.crc, header.length + 1);
}

// The length of the whole fragment at the start of `rest`, or 0.
size_t WholeFragment(std::string_view rest) {
  if (rest.size() < kHeaderBytes) return 0;
  const Header header = ReadHeader(rest);
  const size_t size = kHeaderBytes + header.length;
  if (header.type == 0 || header.type > kLast || size > rest.size()) return 0;
  return Crc32c(0, rest.substr(kHeaderBytes - 1, header.length + 1)) == header.crc ? size : 0;
}

// Whether a whole fragment that begins a record stands anywhere behind `offset`: then what is there was synced.
bool RecordBehind(std::string_view contents, size_t offset) {
  for (++offset; offset + kHeaderBytes <= contents.size();) {
    const std::string_view rest = RestOfUnit(contents, offset, kBlockBytes);
    const size_t size = WholeFragment(rest);
    const uint8_t type = size == 0 ? 0 : ReadHeader(rest).type;
    if (type == kFull || type == kFirst) return true;
    offset += std::max<size_t>(size, 1);
  }
  return false;
}

// Whether a sector from `offset` to the end, the first and last by what is left of them, holds nothing but zeros.
bool HasHole(std::string_view contents, size_t offset) {
  while (offset < contents.size()) {
    const std::string_view sector = RestOfUnit(contents, offset, kSectorBytes);
    if (AllZero(sector)) return true;
    offset += sector.size();
  }
  return false;
}

}  // namespace

uint32_t Crc32c(uint32_t crc, std::string_view bytes) {
#if defined(__x86_64__)
  static const bool has_sse = __builtin_cpu_supports("sse4.2") != 0;
  if (has_sse) return ~ExtendSse(~crc, bytes);
#endif
  return ~ExtendTable(~crc, bytes);
}

Header ReadHeader(std::string_view at) {
  return {Unmask(Little32(at)), static_cast<size_t>(static_cast<uint8_t>(at[4])) | static_cast<size_t>(static_cast<uint8_t>(at[5])) << 8,
          static_cast<uint8_t>(at[6])};
}

bool AllZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

bool SomeLengthFits(const Header& header, std::string_view type_and_after) {
  uint32_t state = ~0U;
  for (size_t i = 0; i < type_and_after.size(); ++i) {  // the type first, then one more byte of payload each time
    state = ExtendTable(state, type_and_after.substr(i, 1));
    if (~state == header.crc) return true;
  }
  return false;
}

std::string_view RestOfUnit(std::string_view contents, size_t offset, size_t unit) {
  return contents.substr(offset, unit - offset % unit);
}

bool IsTorn(std::string_view contents, size_t offset) {
  return HasHole(contents, offset) && !OneByteRotted(RestOfUnit(contents, offset, kBlockBytes)) && !RecordBehind(contents, offset);
}

}  // namespace saker::storage::rocks
