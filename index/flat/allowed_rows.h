// The rows that one search may return: the caller's bitset, less the rows that hold no vector.
//
// Built once per search, then read by one thread. The bitsets it was made from must outlive it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "common/check.h"
#include "index/bitset.h"

namespace saker::index {

class AllowedRows {
 public:
  AllowedRows(const Bitset* allowed, const Bitset* valid, size_t row_count)
      : row_count_(row_count), bits_(allowed != nullptr ? allowed : valid) {
    CHECK(allowed == nullptr || allowed->size() == row_count);
    CHECK(valid == nullptr || valid->size() == row_count);
    if (allowed != nullptr && valid != nullptr) {
      both_ = *allowed;
      both_.And(*valid);
      bits_ = &both_;
    }
    count_ = bits_ != nullptr ? bits_->Count() : row_count;
  }
  AllowedRows(const AllowedRows&) = delete;
  AllowedRows& operator=(const AllowedRows&) = delete;

  bool Test(size_t row) const { return bits_ == nullptr || bits_->Test(row); }
  // Copies those of rows[0..count) that are allowed to `out` (room for count + 1) and returns how many.
  size_t Keep(const uint32_t* rows, size_t count, uint32_t* out) const {
    if (bits_ == nullptr) return static_cast<size_t>(std::copy_n(rows, count, out) - out);
    const uint64_t* const words = bits_->words();
    size_t n = 0;
    for (size_t i = 0; i < count; ++i) {  // no branch: which are is anybody's guess
      out[n] = rows[i];
      n += words[rows[i] / 64] >> (rows[i] % 64) & 1;
    }
    return n;
  }
  size_t row_count() const { return row_count_; }
  size_t count() const { return count_; }
  const Bitset* bits() const { return bits_; }  // null: every row

  // Writes up to `limit` rows from `*next` on, ascending, and moves `*next` behind them; skips words of zeros. At least
  // 64 must fit. 0 at the end.
  size_t NextBlock(size_t* next, uint32_t* rows, size_t limit) const {
    size_t n = 0;
    if (bits_ == nullptr) {
      for (; n < limit && *next < row_count_; ++*next) rows[n++] = static_cast<uint32_t>(*next);
      return n;
    }
    size_t w = *next / 64;
    for (; w < bits_->word_count() && n + 64 <= limit; ++w) {
      for (uint64_t word = bits_->words()[w]; word != 0; word &= word - 1) {
        rows[n++] = static_cast<uint32_t>(w * 64 + static_cast<size_t>(std::countr_zero(word)));
      }
    }
    *next = w * 64;
    return n;
  }

 private:
  size_t row_count_;
  const Bitset* bits_;
  size_t count_ = 0;
  Bitset both_;
};

}  // namespace saker::index
