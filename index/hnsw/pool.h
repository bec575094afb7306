// Two bounded pools of a walk: the nearest rows seen so far, each to be expanded once, nearest first.
//
// SortedPool keeps one sorted array and moves memory on insert: fastest for the usual sizes. HeapPool is for pools of
// thousands, where moving would cost more than a heap. Entries are packed keys (topk.h); rows are below 2^31.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "index/topk.h"

namespace saker::index {

class SortedPool {
 public:
  void Reset(size_t capacity) {
    capacity_ = capacity;
    entries_.resize(capacity + 1);
    size_ = next_ = 0;
    bound_ = ~uint64_t{0};
  }
  void Insert(float key, uint32_t row) {
    const uint64_t packed = PackKey(key, row);
    if (packed >= bound_) return;
    uint64_t* const begin = entries_.data();
    // Expanded entries carry a flag in bit 31, above every row number: the order of equal keys may differ, no more.
    uint64_t* const place = std::lower_bound(begin, begin + size_, packed);
    std::memmove(place + 1, place, static_cast<size_t>(begin + size_ - place) * sizeof *place);
    *place = packed;
    if (size_ < capacity_) ++size_;
    if (size_ == capacity_) bound_ = begin[size_ - 1];
    next_ = std::min(next_, static_cast<size_t>(place - begin));
  }
  // The nearest row not yet expanded, which then counts as expanded.
  bool Pop(uint32_t* row) {
    while (next_ < size_ && (entries_[next_] & kExpanded) != 0) ++next_;
    if (next_ == size_) return false;
    *row = RowOf(entries_[next_]);
    entries_[next_++] |= kExpanded;
    return true;
  }
  // Everything kept, nearest first, without the flags.
  void CopyTo(std::vector<uint64_t>* out) const {
    out->assign(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(size_));
    for (uint64_t& entry : *out) entry &= ~kExpanded;
  }
  // The row that Pop would give now, if it is at hand: a guess for prefetching.
  bool Peek(uint32_t* row) const {
    if (next_ >= size_ || (entries_[next_] & kExpanded) != 0) return false;
    *row = RowOf(entries_[next_]);
    return true;
  }

 private:
  static constexpr uint64_t kExpanded = uint64_t{1} << 31;
  size_t capacity_ = 0;
  size_t size_ = 0;
  size_t next_ = 0;  // everything before it is expanded
  uint64_t bound_ = 0;
  std::vector<uint64_t> entries_;
};

class HeapPool {
 public:
  void Reset(size_t capacity) {
    capacity_ = capacity;
    nearest_.clear();
    kept_.clear();
  }
  void Insert(float key, uint32_t row) {
    const uint64_t packed = PackKey(key, row);
    if (kept_.size() == capacity_) {
      if (packed >= kept_.front()) return;
      std::pop_heap(kept_.begin(), kept_.end());
      kept_.back() = packed;
    } else {
      kept_.push_back(packed);
    }
    std::push_heap(kept_.begin(), kept_.end());
    nearest_.push_back(packed);
    std::push_heap(nearest_.begin(), nearest_.end(), std::greater<>());
  }
  bool Pop(uint32_t* row) {
    if (nearest_.empty() || nearest_.front() > kept_.front()) return false;
    *row = RowOf(nearest_.front());
    std::pop_heap(nearest_.begin(), nearest_.end(), std::greater<>());
    nearest_.pop_back();
    return true;
  }
  bool Peek(uint32_t* row) const {
    if (nearest_.empty()) return false;
    *row = RowOf(nearest_.front());
    return true;
  }

 private:
  size_t capacity_ = 0;
  std::vector<uint64_t> nearest_;  // min-heap of what is to be expanded
  std::vector<uint64_t> kept_;     // max-heap of the nearest `capacity_`
};

}  // namespace saker::index
