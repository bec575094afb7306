#include "storage/rocks/log_file_check.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/file.h"

namespace saker::storage::rocks {
namespace {

constexpr size_t kBlockBytes = 32768;
constexpr size_t kHeaderBytes = 7;  // masked CRC-32C of type and payload, length (16 bit), type; little-endian
constexpr uint8_t kLastType = 4;    // full, first, middle, last; recycled and compressed logs are switched off

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

struct Header {
  uint32_t crc;
  size_t length;
  uint8_t type;
};

Header ReadHeader(std::string_view at) {
  return {Unmask(Little32(at)), static_cast<size_t>(static_cast<uint8_t>(at[4])) | static_cast<size_t>(static_cast<uint8_t>(at[5])) << 8,
          static_cast<uint8_t>(at[6])};
}

bool AllZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

// Whether the bytes behind a header whose length cannot be right hold a payload that its checksum fits.
bool SomeLengthFits(const Header& header, std::string_view type_and_after) {
  uint32_t state = ~0U;
  for (size_t i = 0; i < type_and_after.size(); ++i) {  // the type first, then one more byte of payload each time
    state = ExtendTable(state, type_and_after.substr(i, 1));
    if (~state == header.crc) return true;
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

Result<LogFileCheck> CheckLogFile(const std::string& path, std::string_view contents) {
  LogFileCheck check;
  size_t offset = 0;
  while (offset < contents.size()) {
    const size_t block_end = std::min(contents.size(), offset / kBlockBytes * kBlockBytes + kBlockBytes);
    const bool last_block = block_end == contents.size();
    const std::string_view rest = contents.substr(offset, block_end - offset);
    if (rest.size() < kHeaderBytes) {
      if (!last_block || offset % kBlockBytes > kBlockBytes - kHeaderBytes) {  // the trailer of a full block
        if (!AllZero(rest)) return Corruption(path, ": the ", rest.size(), " bytes of padding at offset ", offset, " are not zero");
        offset = block_end;
        continue;
      }
      check.torn_bytes = rest.size();
      break;
    }
    const Header header = ReadHeader(rest);
    if (header.type == 0 && header.length == 0 && AllZero(rest)) {
      if (!AllZero(contents.substr(offset))) return Corruption(path, ": zeros at offset ", offset, " and records behind them");
      check.torn_bytes = contents.size() - offset;
      break;
    }
    if (kHeaderBytes + header.length > rest.size()) {
      if (!last_block) {
        return Corruption(path, ": the record at offset ", offset, " has ", header.length, " bytes, its block ends after ", rest.size());
      }
      if (SomeLengthFits(header, rest.substr(kHeaderBytes - 1))) {
        return Corruption(path, ": the record at offset ", offset, " is whole but says ", header.length, " bytes where ",
                          rest.size() - kHeaderBytes, " are left");
      }
      check.torn_bytes = rest.size();
      break;
    }
    const uint32_t crc = Crc32c(0, rest.substr(kHeaderBytes - 1, header.length + 1));
    if (crc != header.crc || header.type == 0 || header.type > kLastType) {
      return Corruption(path, ": the record at offset ", offset, " (", header.length, " bytes, type ", int{header.type}, ") has checksum ",
                        crc, ", its header says ", header.crc);
    }
    ++check.records;
    offset += kHeaderBytes + header.length;
  }
  return check;
}

Status CheckLogFiles(const std::string& database_directory) {
  FileSystem& files = FileSystem::Posix();
  const std::string current_path = database_directory + "/CURRENT";
  if (!files.Exists(current_path)) return OkStatus();
  std::string current = TRY(files.ReadAll(current_path, 4096));
  while (!current.empty() && current.back() == '\n') current.pop_back();
  std::vector<std::string> names;
  for (const std::string& name : TRY(files.List(database_directory))) {
    const bool write_ahead = name.size() > 4 && name.ends_with(".log");
    if (write_ahead || name == current) names.push_back(name);
  }
  for (const std::string& name : names) {
    const std::string path = database_directory + "/" + name;
    const auto mapped = TRY(files.Map(path));
    const auto bytes = mapped->bytes();
    TRY(CheckLogFile(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())));
  }
  return OkStatus();
}

}  // namespace saker::storage::rocks
