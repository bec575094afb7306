#include "index/graph/entry_table.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace saker::index {

EntryTable::EntryTable(const std::vector<uint32_t>& entries, const NodeCodes& codes) : stride_(codes.stride()) {
  if (codes.empty() || entries.empty()) return;
  const size_t n = entries.size();
  const size_t leaders = n <= kUngrouped ? n : static_cast<size_t>(std::sqrt(static_cast<double>(n)));
  std::vector<std::vector<uint32_t>> members(leaders);
  std::vector<bool> leads(n);
  for (size_t i = 0; i < leaders; ++i) {
    rows_.push_back(entries[i * n / leaders]);
    leads[i * n / leaders] = true;
  }
  std::vector<uint32_t> distances(leaders);
  for (size_t i = 0; i < n; ++i) {
    if (leads[i]) continue;
    BestNodeCodes().l2(codes.base(), stride_, rows_.data(), leaders, codes.Row(entries[i]), distances.data());
    members[static_cast<size_t>(std::min_element(distances.begin(), distances.end()) - distances.begin())].push_back(entries[i]);
  }
  for (const std::vector<uint32_t>& group : members) {
    groups_.push_back(static_cast<uint32_t>(rows_.size()));
    rows_.insert(rows_.end(), group.begin(), group.end());
  }
  groups_.push_back(static_cast<uint32_t>(n));
  codes_.reserve(n * stride_);
  for (const uint32_t row : rows_) codes_.insert(codes_.end(), codes.Row(row), codes.Row(row) + stride_);
}

template <typename Take>
void EntryTable::ForKeys(const CodeQuery& query, size_t begin, size_t end, Take take) const {
  constexpr size_t kBlock = 64;
  uint32_t places[kBlock], keys[kBlock];
  std::iota(places, places + kBlock, 0u);
  for (size_t at = begin; at < end; at += kBlock) {
    const size_t count = std::min(kBlock, end - at);
    query.KeysAt(codes_.data() + at * stride_, places, count, keys);
    for (size_t i = 0; i < count; ++i) take(at + i, keys[i]);
  }
}

Seeds EntryTable::Nearest(const CodeQuery& query, SearchStats* stats) const {
  Seeds seeds, near;
  const size_t leaders = groups_.empty() ? 0 : groups_.size() - 1;
  const auto add = [&](size_t place, uint32_t key) { seeds.Add(uint64_t{key} << 32 | rows_[place]); };
  ForKeys(query, 0, leaders, [&](size_t place, uint32_t key) {
    add(place, key);
    near.Add(uint64_t{key} << 32 | place);
  });
  stats->distances += leaders;
  if (leaders == rows_.size()) return seeds;
  for (size_t i = 0; i < std::min(kGroups, near.size()); ++i) {
    const auto group = static_cast<uint32_t>(near[i]);
    ForKeys(query, groups_[group], groups_[group + 1], add);
    stats->distances += groups_[group + 1] - groups_[group];
  }
  return seeds;
}

}  // namespace saker::index
