// Token sequences of different lengths, one after another: nothing is padded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace saker::embed {

struct PackedBatch {
  std::vector<int32_t> ids;
  std::vector<uint8_t> type_ids;     // empty: all 0
  std::vector<uint32_t> offsets{0};  // sequence s is ids [offsets[s], offsets[s + 1])

  size_t sequence_count() const { return offsets.size() - 1; }
  size_t token_count() const { return ids.size(); }
  void Add(const std::vector<int32_t>& sequence) {
    ids.insert(ids.end(), sequence.begin(), sequence.end());
    offsets.push_back(static_cast<uint32_t>(ids.size()));
  }
  void Clear() {
    ids.clear();
    type_ids.clear();
    offsets.assign(1, 0);
  }
};

}  // namespace saker::embed
