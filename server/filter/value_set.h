// The constants of `in [...]` and contains(...), found in constant time. Immutable once built.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/filter/cell.h"
#include "server/filter/constant.h"

namespace saker::filter {

// Integers: a bitmap when they lie close together, else an open-addressed table.
class IntegerSet {
 public:
  explicit IntegerSet(const std::vector<int64_t>& values);
  // The place among the distinct values (in first-seen order), or -1.
  int64_t Find(int64_t value) const {
    for (size_t slot = Slot(value);; slot = (slot + 1) & mask_) {
      const int64_t place = places_[slot];
      if (place < 0 || values_[static_cast<size_t>(place)] == value) return place;
    }
  }
  bool Contains(int64_t value) const {
    if (!bitmap_.empty()) {
      const uint64_t offset = static_cast<uint64_t>(value) - static_cast<uint64_t>(min_);
      return offset < bits_ && (bitmap_[offset / 64] >> (offset % 64) & 1) != 0;
    }
    return Find(value) >= 0;
  }
  const std::vector<int64_t>& values() const { return values_; }

 private:
  size_t Slot(int64_t value) const { return (static_cast<uint64_t>(value) * multiplier_) >> shift_; }

  uint64_t multiplier_;  // random, so that nobody can choose keys that collide
  std::vector<int64_t> values_;
  std::vector<int32_t> places_;
  size_t mask_ = 0;
  int shift_ = 63;
  std::vector<uint64_t> bitmap_;
  int64_t min_ = 0;
  uint64_t bits_ = 0;
};

class TextSet {
 public:
  explicit TextSet(const std::vector<std::string>& values);
  int64_t Find(std::string_view value) const;
  bool Contains(std::string_view value) const { return Find(value) >= 0; }
  const std::vector<std::string>& values() const { return values_; }

 private:
  std::vector<std::string> values_;
  std::vector<uint64_t> hashes_;
  std::vector<int32_t> places_;
  size_t mask_ = 0;
};

// Scalars of any mix of types. Equal numbers are one value: 1 and 1.0 too.
class ValueSet {
 public:
  // Lists inside `list` are left out.
  explicit ValueSet(const List& list);
  bool Contains(const Cell& cell) const { return Find(cell) >= 0; }
  // A number below size() that is the same for equal values, or -1.
  int64_t Find(const Cell& cell) const;
  size_t size() const { return size_; }
  // Distinct values; a list contains all of them when it finds that many different places.
  size_t distinct() const { return size_ - 2 + (has_bool_[0] ? 1 : 0) + (has_bool_[1] ? 1 : 0); }

 private:
  struct Parts;
  explicit ValueSet(Parts&& parts);
  int64_t FindReal(const std::vector<std::pair<double, int64_t>>& sorted, double value) const;

  IntegerSet integers_;
  TextSet texts_;
  std::vector<std::pair<double, int64_t>> reals_;           // no small whole numbers among them
  std::vector<std::pair<double, int64_t>> large_integers_;  // integers beyond 2^53, as doubles
  bool has_bool_[2] = {false, false};
  size_t size_ = 0;
};

}  // namespace saker::filter
