// What a walk has in view: the nearest rows seen so far, nearest first, each to be expanded once.
//
// Entries are key << 32 | row; rows are below 2^31. SortedPool keeps one sorted array and moves memory on insert: fastest for
// the usual sizes, and knows its k-th best. HeapPool is for pools of thousands, where moving would cost more than heaps; it
// does not know a k-th best. Used by one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

namespace saker::index {

constexpr uint32_t kNoKey = 0xffffffffu;

class SortedPool {
 public:
  static constexpr bool kKnowsRanks = true;

  void Reset(size_t capacity) {
    capacity_ = capacity;
    if (entries_.size() < capacity + 1) entries_.resize(capacity + 1);
    size_ = next_ = 0;
    bound_ = ~uint64_t{0};
  }
  // True when the row is the next or next but one to be expanded.
  bool Insert(uint32_t key, uint32_t row) {
    const uint64_t packed = uint64_t{key} << 32 | row;
    if (packed >= bound_) return false;
    uint64_t* const begin = entries_.data();
    // Halving without a branch to mispredict. Expanded entries carry a flag in bit 31, above every row number: the order of
    // equal keys may differ, no more.
    uint64_t* place = begin;
    for (size_t rest = size_; rest > 0;) {
      const size_t half = (rest + 1) / 2;
      place += half & (size_t{0} - static_cast<size_t>(place[half - 1] < packed));
      rest -= half;
    }
    std::memmove(place + 1, place, static_cast<size_t>(begin + size_ - place) * sizeof *place);
    *place = packed;
    if (size_ < capacity_) ++size_;
    if (size_ == capacity_) bound_ = begin[size_ - 1];
    const auto at = static_cast<size_t>(place - begin);
    const bool soon = at <= next_ + 1;
    next_ = std::min(next_, at);
    return soon;
  }
  // The nearest row not yet expanded, which then counts as expanded.
  bool Pop(uint32_t* key, uint32_t* row) {
    while (next_ < size_ && (entries_[next_] & kExpanded) != 0) ++next_;
    if (next_ == size_) return false;
    *key = static_cast<uint32_t>(entries_[next_] >> 32);
    *row = static_cast<uint32_t>(entries_[next_]);
    entries_[next_++] |= kExpanded;
    return true;
  }
  // The row that Pop would give now, if it is at hand: a guess for prefetching.
  bool Peek(uint32_t* row) const {
    if (next_ >= size_ || (entries_[next_] & kExpanded) != 0) return false;
    *row = static_cast<uint32_t>(entries_[next_]);
    return true;
  }
  size_t size() const { return size_; }
  // The key of the rank-th best; kNoKey while there are not so many.
  uint32_t KeyAt(size_t rank) const { return rank < size_ ? static_cast<uint32_t>(entries_[rank] >> 32) : kNoKey; }
  uint32_t worst() const { return static_cast<uint32_t>(bound_ >> 32); }
  uint32_t RowAt(size_t rank) const { return static_cast<uint32_t>(At(rank)); }
  // Key and row of the rank-th best, packed.
  uint64_t At(size_t rank) const { return entries_[rank] & ~kExpanded; }

 private:
  static constexpr uint64_t kExpanded = uint64_t{1} << 31;
  size_t capacity_ = 0;
  size_t size_ = 0;
  size_t next_ = 0;  // everything before it is expanded
  uint64_t bound_ = 0;
  std::vector<uint64_t> entries_;
};

// The nearest `capacity` of the entries offered, a max-heap.
class KeptHeap {
 public:
  void Reset(size_t capacity) {
    capacity_ = capacity;
    kept_.clear();
  }
  bool Insert(uint32_t key, uint32_t row) {
    const uint64_t packed = uint64_t{key} << 32 | row;
    if (kept_.size() == capacity_) {
      if (packed >= kept_.front()) return false;
      std::pop_heap(kept_.begin(), kept_.end());
      kept_.back() = packed;
    } else {
      kept_.push_back(packed);
    }
    std::push_heap(kept_.begin(), kept_.end());
    return true;
  }
  size_t size() const { return kept_.size(); }
  uint64_t back() const { return kept_.front(); }  // of the entries, the worst
  uint32_t worst() const { return kept_.size() < capacity_ ? kNoKey : static_cast<uint32_t>(kept_.front() >> 32); }
  void TakeNearest(size_t count, std::vector<uint64_t>* nearest) {
    if (kept_.size() > count) {
      std::nth_element(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(count), kept_.end());
      kept_.resize(count);
    }
    nearest->insert(nearest->end(), kept_.begin(), kept_.end());
  }

 private:
  size_t capacity_ = 0;
  std::vector<uint64_t> kept_;
};

class HeapPool {
 public:
  static constexpr bool kKnowsRanks = false;

  void Reset(size_t capacity) {
    nearest_.clear();
    kept_.Reset(capacity);
  }
  bool Insert(uint32_t key, uint32_t row) {
    if (!kept_.Insert(key, row)) return false;
    const uint64_t packed = uint64_t{key} << 32 | row;
    nearest_.push_back(packed);
    std::push_heap(nearest_.begin(), nearest_.end(), std::greater<>());
    return nearest_.front() == packed;
  }
  bool Pop(uint32_t* key, uint32_t* row) {
    if (nearest_.empty() || nearest_.front() > kept_.back()) return false;
    *key = static_cast<uint32_t>(nearest_.front() >> 32);
    *row = static_cast<uint32_t>(nearest_.front());
    std::pop_heap(nearest_.begin(), nearest_.end(), std::greater<>());
    nearest_.pop_back();
    return true;
  }
  bool Peek(uint32_t* row) const {
    if (nearest_.empty()) return false;
    *row = static_cast<uint32_t>(nearest_.front());
    return true;
  }
  uint32_t worst() const { return kept_.worst(); }
  // The nearest entries kept, `count` at most, in no order. The pool is of no use afterwards.
  void TakeNearest(size_t count, std::vector<uint64_t>* nearest) { kept_.TakeNearest(count, nearest); }

 private:
  std::vector<uint64_t> nearest_;  // min-heap of what is to be expanded
  KeptHeap kept_;                  // what the bound is made of
};

// The nearest rows of those offered, without expanding any: a sorted array while there are few, a heap when there are many.
class NearestMet {
 public:
  void Reset(size_t capacity) {
    is_sorted_ = capacity <= kMostSorted;
    if (is_sorted_) {
      sorted_.Reset(capacity);
    } else {
      heap_.Reset(capacity);
    }
  }
  void Insert(uint32_t key, uint32_t row) {
    if (is_sorted_) {
      sorted_.Insert(key, row);
    } else {
      heap_.Insert(key, row);
    }
  }
  // Nothing from this key on is taken any more.
  uint32_t worst() const { return is_sorted_ ? sorted_.worst() : heap_.worst(); }
  // The key of the rank-th best, of a heap that of its worst; kNoKey while there are not so many.
  uint32_t KeyAt(size_t rank) const { return is_sorted_ ? sorted_.KeyAt(rank) : heap_.worst(); }
  size_t size() const { return is_sorted_ ? sorted_.size() : heap_.size(); }
  // The nearest `count`, in no order. Of no use afterwards.
  void TakeNearest(size_t count, std::vector<uint64_t>* nearest) {
    if (!is_sorted_) return heap_.TakeNearest(count, nearest);
    for (size_t i = 0; i < std::min(count, sorted_.size()); ++i) nearest->push_back(sorted_.At(i));
  }

 private:
  static constexpr size_t kMostSorted = 512;
  bool is_sorted_ = true;
  SortedPool sorted_;
  KeptHeap heap_;
};

}  // namespace saker::index
