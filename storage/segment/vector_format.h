// The bytes of a vector file, shared by its writer and its reader; see storage/FORMAT.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace saker::storage {

// The same numbers as index::VectorType; storage does not include index.
enum class VectorElement : uint8_t { kFloat32 = 1, kFloat16 = 2, kBFloat16 = 3, kInt8 = 4, kBinary = 5, kSparse = 6 };

// Bytes of one row; `dim` is elements, bits for kBinary (a multiple of 8); 0 for kSparse.
constexpr uint64_t VectorRowBytes(VectorElement element, uint64_t dim) {
  switch (element) {
    case VectorElement::kFloat32: return dim * 4;
    case VectorElement::kFloat16:
    case VectorElement::kBFloat16: return dim * 2;
    case VectorElement::kInt8: return dim;
    case VectorElement::kBinary: return dim / 8;
    case VectorElement::kSparse: return 0;
  }
  return 0;
}

// A pair of a sparse row; a row's indices ascend.
struct SparseEntry {
  uint32_t index = 0;
  float value = 0;
  friend bool operator==(const SparseEntry&, const SparseEntry&) = default;
};

namespace vector_format {

inline constexpr char kMagic[8] = {'S', 'A', 'K', 'R', 'V', 'E', 'C', '1'};
inline constexpr char kEndMagic[8] = {'S', 'A', 'K', 'R', 'V', 'E', 'N', 'D'};
inline constexpr uint32_t kVersion = 1;
inline constexpr uint64_t kDataOffset = 4096;
inline constexpr uint64_t kBlockBytes = 65536;
inline constexpr uint32_t kMaxDim = 1 << 20;
inline constexpr uint64_t kMaxRows = uint64_t{1} << 32;

// At offset 0, followed by zeros up to kDataOffset. Little-endian, as all of the file.
struct Header {
  char magic[8];
  uint32_t version;
  uint8_t element;
  uint8_t zero[3];
  uint32_t dim;
  uint32_t block_bytes;
  int64_t field_id;
  int64_t segment_id;
  uint64_t data_offset;
  uint64_t checksum;  // XXH3 of the bytes before it
};
static_assert(sizeof(Header) == 56 && std::is_trivially_copyable_v<Header>);

// The last bytes of the file. Sections follow one another without a gap but for padding to 8 bytes:
// data, sparse offsets, validity, checksum table, footer.
struct Footer {
  uint64_t row_count;
  uint64_t null_count;
  uint64_t data_bytes;
  uint64_t offsets_bytes;   // sparse: 8 * (row_count + 1), counted in pairs; else 0
  uint64_t validity_bytes;  // row_count bytes of 0 or 1, or 0 when no row is null
  uint64_t table_offset;    // of the checksum table: XXH3 of every 64 KiB from the start of the file up to here
  uint64_t table_bytes;
  uint64_t table_checksum;
  char end_magic[8];
  uint64_t checksum;  // XXH3 of the bytes before it, seeded with the header's; names the whole file
};
static_assert(sizeof(Footer) == 80 && std::is_trivially_copyable_v<Footer>);

constexpr uint64_t PadTo8(uint64_t bytes) {
  return (bytes + 7) / 8 * 8;
}

}  // namespace vector_format
}  // namespace saker::storage
