// The distinct values of a column in order, and the rows of each: a list, or a bitmap where that is smaller.
//
// A view of an index file's sections; lives as long as they do. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/result.h"
#include "server/scalar_index/index_file.h"

namespace saker::scalar_index {

// T: int64_t, double (never NaN) or std::string, which is read as std::string_view.
template <typename T>
class Dictionary {
 public:
  using Key = std::conditional_t<std::is_same_v<T, std::string>, std::string_view, T>;
  using Entries = std::vector<std::pair<Key, uint32_t>>;  // value, row

  // Sorts the entries and drops repeated ones. InvalidArgument when there are more than a file can count.
  static Status Write(Section base, Entries* entries, size_t row_count, IndexFileWriter* file);
  // DataLoss when anything is out of order or out of range.
  static Result<Dictionary> Read(const IndexFileReader& file, Section base, size_t row_count);

  size_t size() const { return size_; }
  Key At(size_t i) const {
    if constexpr (std::is_same_v<T, std::string>) {
      return {values_.data() + offsets_[i], offsets_[i + 1] - offsets_[i]};
    } else {
      return values_[i];
    }
  }
  // The first place whose value is not less than `key` / is greater than it.
  size_t LowerBound(const Key& key) const;
  size_t UpperBound(const Key& key) const;
  // The place of the value, or size().
  size_t Find(const Key& key) const;
  // The places of the values that begin with it; T = std::string.
  std::pair<size_t, size_t> WithPrefix(std::string_view prefix) const;

  // (value, row) pairs of the places [first, last).
  uint64_t Count(size_t first, size_t last) const { return Start(last) - Start(first); }
  // Sets the bits of their rows, and what that costs in nanoseconds, about.
  void AddRows(size_t first, size_t last, uint64_t* words) const;
  double AddNanoseconds(size_t first, size_t last) const;

 private:
  Status Check(const IndexFileReader& file, Section base, size_t row_count) const;
  uint64_t Start(size_t i) const { return starts_.empty() ? i : starts_[i]; }
  size_t FirstDense(size_t place) const;

  using Raw = std::conditional_t<std::is_same_v<T, std::string>, char, T>;
  size_t size_ = 0;
  size_t words_ = 0;  // of a bitmap
  std::span<const Raw> values_;
  std::span<const uint64_t> offsets_;  // texts only
  std::span<const uint32_t> starts_;   // absent: one row for each value
  std::span<const uint32_t> rows_;     // of the values that have lists
  std::span<const uint32_t> dense_;    // places of the values that have bitmaps
  std::span<const uint64_t> bitmaps_;
  std::vector<uint64_t> dense_before_;  // pairs of the dense values before the n-th
};

}  // namespace saker::scalar_index
