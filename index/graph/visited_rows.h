// The rows one walk has met: a bit each, cleared by remembering which, so that a walk costs nothing per row of the index.
// Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace saker::index {

class VisitedRows {
 public:
  // For walks over rows below `rows`. Costs what the last walk met.
  void Reset(size_t rows) {
    if (words_.size() < (rows + 63) / 64) words_.resize((rows + 63) / 64);
    for (size_t i = 0; i < met_count_; ++i) words_[met_[i] / 64] = 0;
    met_count_ = 0;
  }
  // False when the row was met before.
  bool Meet(uint32_t row) {
    uint32_t unused[2];
    return MeetAll(&row, 1, unused) == 1;
  }
  // Copies those of rows[0..count) that were not met before to `fresh` (room for count + 1) and returns how many.
  size_t MeetAll(const uint32_t* rows, size_t count, uint32_t* fresh) {
    if (met_.size() < met_count_ + count + 1) met_.resize(2 * (met_count_ + count + 1));
    uint64_t* const words = words_.data();
    uint32_t* const met = met_.data() + met_count_;
    size_t n = 0;
    for (size_t i = 0; i < count; ++i) {  // no branch: which of a list are new is anybody's guess
      const uint32_t row = rows[i];
      const uint64_t word = words[row / 64];
      fresh[n] = met[n] = row;
      n += ~(word >> (row % 64)) & 1;
      words[row / 64] = word | uint64_t{1} << (row % 64);
    }
    met_count_ += n;
    return n;
  }

 private:
  std::vector<uint64_t> words_;
  std::vector<uint32_t> met_;
  size_t met_count_ = 0;
};

}  // namespace saker::index
