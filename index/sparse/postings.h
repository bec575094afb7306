// Posting lists in memory and on disk: blocks of rows with one-byte bounds, exact values apart.
//
// A list is cut into blocks of at most 128 rows, none across a frame of 65,536 rows. A block's data are its packed gaps
// (kernels/sparse.h), then one code a row. A code stands for an upper bound of what the row's value can contribute:
//   inner products: low + code / 255 of the way to high, of the list's values;
//   BM25:           a cell (frequency, length): the row's frequency is at most the one, its length at least the other. The
//                   bound for any k1, b and average length follows when a search knows them.
// `top` holds up to four codes such that each code of the block is bounded by one of them (BM25: the corners of the
// staircase of its cells). Exact values, in the order of the rows, are a section of their own that only searches for many
// rows touch: one byte each where the list's values are whole numbers up to 255, floats elsewhere. Immutable once built.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/index.h"

namespace saker::index {

inline constexpr uint32_t kFrameRows = 65536;
inline constexpr uint32_t kBlockPostings = 128;
inline constexpr size_t kDataSlack = 16;  // what unpacking may read behind the last block

using TopCodes = std::array<uint8_t, 4>;

struct SparseBlock {
  uint32_t first_row;
  uint32_t data;  // from the list's first byte
  uint16_t last;  // last row, within its frame
  uint8_t count;  // of rows, less 1
  uint8_t width;  // bits a gap: 0..16
  TopCodes top;

  uint32_t rows() const { return count + 1u; }
  uint32_t last_row() const { return (first_row & ~(kFrameRows - 1)) | last; }
  uint32_t packed_bytes() const { return (rows() + 7) / 8 * width; }
};
static_assert(sizeof(SparseBlock) == 16);

struct SparseList {
  uint64_t data;    // first byte in `data`; the next list's is its end
  uint64_t values;  // first byte in `values`
  uint32_t first_block;
  uint32_t rows;
  float low;  // of the values
  float high;
  TopCodes top;  // of the whole list
  uint32_t reserved;
};
static_assert(sizeof(SparseList) == 40);

struct SparseCell {
  float frequency;  // at most
  float length;     // at least
};

// The bound that a code stands for in a list of values from low to high.
inline float UpperBound(float low, float high, uint32_t code) {
  return code == 255 ? high : low + (high - low) * (static_cast<float>(code) / 255.0f);
}

struct SparsePostings {
  std::vector<uint32_t> terms;    // ascending
  std::vector<SparseList> lists;  // one a term, and an end
  std::vector<SparseBlock> blocks;
  std::vector<uint8_t> data;  // and kDataSlack zeros
  std::vector<uint8_t> values;
  std::vector<SparseCell> cells;  // BM25 only, at most 256
  std::vector<float> lengths;     // BM25 only: one a row
  uint64_t counted_rows = 0;      // rows with a vector
  double total_length = 0;        // BM25 only
  bool dropped = false;           // drop_ratio_build left values out

  size_t memory_bytes() const;
  // Of its values, in bytes: 1 or 4.
  size_t value_bytes(size_t list) const { return lists[list + 1].values - lists[list].values == lists[list].rows ? 1 : 4; }
  std::span<const SparseBlock> BlocksOf(size_t list) const {
    return std::span(blocks).subspan(lists[list].first_block, lists[list + 1].first_block - lists[list].first_block);
  }
};

// Lists as plain arrays: what postings are encoded from, and all there was in the first layout (sections 10 to 13).
struct SparseArrays {
  std::vector<uint32_t> terms;    // ascending
  std::vector<uint64_t> offsets;  // terms + 1 of them, into rows and values
  std::vector<uint32_t> rows;     // ascending within a list
  std::vector<float> values;      // finite, not 0
};

struct Bm25Rows {
  std::vector<float> lengths;  // one a row
  double total_length = 0;
};

// `bm25` is null for inner products.
SparsePostings EncodePostings(const SparseArrays& arrays, const Bm25Rows* bm25);

// Everything from the rows of a source. Honours drop_ratio_build for inner products.
Result<SparsePostings> BuildPostings(const IndexSpec& spec, const VectorSource& source, const BuildOptions& options);

class IndexFileReader;
class IndexFileWriter;
// `header` must outlive the writer.
struct SparseFileHeader {
  uint64_t rows;  // that have a vector
  double total_length;
  uint64_t terms;
  uint64_t blocks;
  uint64_t data_bytes;  // the slack included
  uint64_t value_bytes;
  uint32_t cells;
  uint32_t dropped;  // 1: drop_ratio_build left values out
};
static_assert(sizeof(SparseFileHeader) == 56);
SparseFileHeader HeaderOf(const SparsePostings& postings);
void AddSections(const SparsePostings& postings, const SparseFileHeader& header, IndexFileWriter* writer);
// Reads and checks every byte's meaning; reads the first layout too.
Result<SparsePostings> ReadPostings(const IndexFileReader& file, const VectorSource& source);

}  // namespace saker::index
