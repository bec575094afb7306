// The graph of an HNSW index, flat: one fixed block of neighbours per row at level 0, a small table above.
//
// Level 0 costs degree0 * 4 bytes a row. The rows that also live on upper levels (about one in M) are numbered by *slot*
// in ascending order of their row; upper-level links hold slots. Immutable once built; rows without a vector have no
// links and nobody links to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/result.h"
#include "index/hnsw/link_array.h"

namespace saker::index {

struct HnswGraph {
  static constexpr uint32_t kNone = 0xffffffffu;

  uint32_t degree = 0;                  // links a row on upper levels: M
  uint32_t degree0 = 0;                 // links a row on level 0: 2 * M
  uint32_t max_level = 0;               // 0: level 0 only
  uint32_t entry = kNone;               // row to start from; kNone when no row has a vector
  LinkArray level0;                     // rows * degree0; unused places at the end of a block are kNone
  std::vector<uint32_t> upper_rows;     // slot -> row, ascending
  std::vector<uint32_t> upper_offsets;  // slot -> first block in upper_links; one more at the end
  std::vector<uint32_t> upper_links;    // blocks of `degree` slots: level 1, then level 2, ...

  const uint32_t* Links0(size_t row) const { return level0.data() + row * degree0; }
  uint32_t Levels(uint32_t slot) const { return upper_offsets[slot + 1] - upper_offsets[slot]; }
  const uint32_t* Links(uint32_t slot, uint32_t level) const {
    return upper_links.data() + (size_t{upper_offsets[slot]} + level - 1) * degree;
  }
  uint32_t SlotOf(uint32_t row) const;  // kNone when the row is on level 0 only
  size_t memory_bytes() const { return level0.size() * 4 + (upper_rows.size() + upper_offsets.size() + upper_links.size()) * 4; }
  // Every number in range for `rows` rows, or what is not: for graphs that were read from a file.
  Status Validate(size_t rows) const;
};

}  // namespace saker::index
