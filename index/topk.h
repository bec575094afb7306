// Keys and the collector of the k best.
//
// Inside the index every score is a *key*: smaller is better (similarities negated). A key and its row pack into one
// integer whose order is "better first, equal keys by smaller row", so that sorting, ties and heaps are integer
// comparisons. Values; used by one thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "index/index.h"

namespace saker::index {

// A float as an integer with the same order; -0 and 0 are the same, NaN is the worst.
inline uint32_t OrderedBits(float key) {
  if (std::isnan(key)) return 0xffffffffu;
  const auto bits = std::bit_cast<uint32_t>(key + 0.0f);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}
inline float FromOrderedBits(uint32_t ordered) {
  return std::bit_cast<float>((ordered & 0x80000000u) != 0 ? ordered & 0x7fffffffu : ~ordered);
}
inline uint64_t PackKey(float key, uint32_t row) {
  return uint64_t{OrderedBits(key)} << 32 | row;
}
inline uint32_t RowOf(uint64_t packed) {
  return static_cast<uint32_t>(packed);
}
inline float KeyOf(uint64_t packed) {
  return FromOrderedBits(static_cast<uint32_t>(packed >> 32));
}

inline float KeyToScore(Metric metric, float key) {
  return SmallerIsBetter(metric) ? key : 0.0f - key;
}

// Milvus' range: distances range_filter <= d < radius, similarities radius < s <= range_filter.
inline bool InRange(Metric metric, const SearchRequest& request, float score) {
  if (!request.radius.has_value() && !request.range_filter.has_value()) return true;
  if (SmallerIsBetter(metric)) {
    return (!request.radius.has_value() || score < *request.radius) &&
           (!request.range_filter.has_value() || score >= *request.range_filter);
  }
  return (!request.radius.has_value() || score > *request.radius) && (!request.range_filter.has_value() || score <= *request.range_filter);
}

// Moves the k smallest of values[0..n) to the front, the largest of them last; 0 < k <= n. Hoare's selection with a partition
// that does not branch on what it compares: on hundreds of values in random order std::nth_element mispredicts half of them and
// was a quarter of a cluster index's search.
inline void SelectSmallest(uint64_t* values, size_t n, size_t k) {
  for (int round = 0; n > 1; ++round) {
    if (round == 40) {  // only for an order made to defeat it
      std::nth_element(values, values + (k - 1), values + n);
      return;
    }
    const uint64_t a = values[0], b = values[n / 2], c = values[n - 1];
    const size_t middle = (a < b) == (b < c) ? n / 2 : (b < a) == (a < c) ? 0 : n - 1;
    const uint64_t pivot = values[middle];
    values[middle] = a;
    size_t smaller = 0;  // values[1..smaller] are below the pivot
    for (size_t i = 1; i < n; ++i) {
      const uint64_t value = values[i];
      values[i] = values[smaller + 1];
      values[smaller + 1] = value;
      smaller += value < pivot ? 1 : 0;
    }
    values[0] = values[smaller];
    values[smaller] = pivot;
    if (smaller == k - 1) return;
    if (smaller >= k) {
      n = smaller;
    } else {
      values += smaller + 1;
      n -= smaller + 1;
      k -= smaller + 1;
    }
  }
}

// Keeps the k best of what it is offered: a buffer of up to twice k, cut back to k whenever it is full, so that an offer
// costs a comparison and, rarely, a store, for k = 10 as for k = 16,384.
class TopK {
 public:
  explicit TopK(size_t k) : k_(k), capacity_(k + std::max<size_t>(k, 32)) {}

  void Offer(float key, uint32_t row) { OfferPacked(PackKey(key, row)); }
  void OfferPacked(uint64_t packed) {
    if (packed >= limit_) return;
    buffer_.push_back(packed);
    if (buffer_.size() == capacity_) Cut();
  }
  // No key above this one can still be taken.
  float worst() const { return limit_ == kNone ? std::numeric_limits<float>::infinity() : KeyOf(limit_); }

  // Nothing packed from here on can still be taken.
  uint64_t limit() const { return limit_; }

  bool full() const { return buffer_.size() >= k_; }
  size_t size() const { return std::min(buffer_.size(), k_); }

  // Makes worst() what it can be now, where that is cheap: for a few tens of results.
  void Settle() {
    if (k_ <= kSettled && buffer_.size() > k_) Cut();
  }

  // The k best, packed, in no order. Of no use afterwards.
  void TakePacked(std::vector<uint64_t>* packed) {
    if (buffer_.size() > k_) Cut();
    packed->swap(buffer_);
    buffer_.clear();
  }
  // The rows of the k best, in no order.
  void TakeRows(std::vector<uint32_t>* rows) {
    if (buffer_.size() > k_) Cut();
    rows->clear();
    for (const uint64_t packed : buffer_) rows->push_back(RowOf(packed));
  }

  std::vector<Hit> Finish(Metric metric) {
    const size_t n = std::min(k_, buffer_.size());
    std::partial_sort(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(n), buffer_.end());
    std::vector<Hit> hits;
    hits.reserve(n);
    for (size_t i = 0; i < n; ++i) hits.push_back({RowOf(buffer_[i]), KeyToScore(metric, KeyOf(buffer_[i]))});
    return hits;
  }

 private:
  static constexpr uint64_t kNone = ~uint64_t{0};
  static constexpr size_t kSettled = 64;

  void Cut() {
    if (k_ == 0) {
      buffer_.clear();
      return;
    }
    SelectSmallest(buffer_.data(), buffer_.size(), k_);
    limit_ = buffer_[k_ - 1];
    buffer_.resize(k_);
  }

  size_t k_;
  size_t capacity_;
  uint64_t limit_ = kNone;  // the k-th best at the last cut
  std::vector<uint64_t> buffer_;
};

}  // namespace saker::index
