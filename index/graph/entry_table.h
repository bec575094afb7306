// Where a walk starts: of a graph's entries the few that are nearest to a query, without looking at all of them.
//
// The entries stand in groups around every sqrt(n)-th of them, codes side by side; a query looks at the leaders, then at the
// groups of the nearest kGroups: some 90 of 256 entries, in five runs of memory. An entry missed costs a step, not a
// result. Made when an index is built or opened, from what the file has. Immutable, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/graph/node_codes.h"
#include "index/index.h"

namespace saker::index {

// The kSeeds smallest of the packed keys (key << 32 | row) added, ascending.
class Seeds {
 public:
  static constexpr size_t kSeeds = 4;
  void Add(uint64_t packed) {
    if (count_ == kSeeds && packed >= packed_[kSeeds - 1]) return;
    if (count_ < kSeeds) ++count_;
    size_t at = count_ - 1;
    for (; at > 0 && packed_[at - 1] > packed; --at) packed_[at] = packed_[at - 1];
    packed_[at] = packed;
  }
  size_t size() const { return count_; }
  uint64_t operator[](size_t i) const { return packed_[i]; }

 private:
  uint64_t packed_[kSeeds];
  size_t count_ = 0;
};

class EntryTable {
 public:
  EntryTable() = default;
  EntryTable(const std::vector<uint32_t>& entries, const NodeCodes& codes);

  bool empty() const { return rows_.empty(); }
  // Some of the nearest entries: kSeeds of them, or all where there are fewer.
  Seeds Nearest(const CodeQuery& query, SearchStats* stats) const;
  size_t memory_bytes() const { return codes_.size() + (rows_.size() + groups_.size()) * sizeof(uint32_t); }

 private:
  static constexpr size_t kUngrouped = 64;  // so few are all looked at
  static constexpr size_t kGroups = 4;

  template <typename Take>
  void ForKeys(const CodeQuery& query, size_t begin, size_t end, Take take) const;

  size_t stride_ = 0;
  std::vector<uint8_t> codes_;    // of rows_, side by side
  std::vector<uint32_t> rows_;    // the leaders, then their groups without them, or all in one
  std::vector<uint32_t> groups_;  // where in rows_ each group begins, and the end of the last; the first begins behind the leaders
};

}  // namespace saker::index
