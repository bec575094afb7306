// The table of (frequency, length) cells that BM25 codes stand for, while an index is built.
//
// Groups of frequencies (1, 2, 3, 4, 5, 6, up to 8, ...), each cut by length into classes of about equally many postings,
// frequent groups into more of them: 256 cells keep a bound within a few percent of the true part of the score. The first
// class of each group begins at the shortest row, so that any two cells have one that bounds both.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "index/sparse/postings.h"

namespace saker::index {

class CellTable {
 public:
  CellTable(const SparseArrays& arrays, const std::vector<float>& lengths);

  const std::vector<SparseCell>& cells() const { return cells_; }
  uint8_t CodeOf(float frequency, float length) const;
  // At most four codes that bound all of `codes`.
  TopCodes Top(std::span<const uint8_t> codes) const;

 private:
  struct Group {
    float frequency;  // at most
    uint32_t first;
    uint32_t end;
  };
  size_t GroupOf(float frequency) const;
  uint8_t CellIn(const Group& group, float length) const;
  float Typical(uint8_t code) const;

  std::vector<Group> groups_;
  std::vector<SparseCell> cells_;
  std::vector<uint8_t> order_;  // codes by falling frequency, then rising length
  float typical_length_ = 1;
};

}  // namespace saker::index
