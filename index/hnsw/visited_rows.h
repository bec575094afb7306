// The rows one walk has met: a bit each, cleared by remembering which, so that a walk costs nothing per row of the index.
// Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace saker::index {

class VisitedRows {
 public:
  void Reset(size_t rows) {
    if (words_.size() < (rows + 63) / 64) words_.resize((rows + 63) / 64);
    for (const uint32_t row : met_) words_[row / 64] = 0;
    met_.clear();
  }
  // False when the row was met before.
  bool Meet(uint32_t row) {
    uint64_t& word = words_[row / 64];
    const uint64_t bit = uint64_t{1} << (row % 64);
    if ((word & bit) != 0) return false;
    word |= bit;
    met_.push_back(row);
    return true;
  }

 private:
  std::vector<uint64_t> words_;
  std::vector<uint32_t> met_;
};

}  // namespace saker::index
