#include "index/hnsw/graph.h"

#include <algorithm>

namespace saker::index {

uint32_t HnswGraph::SlotOf(uint32_t row) const {
  const auto found = std::lower_bound(upper_rows.begin(), upper_rows.end(), row);
  return found != upper_rows.end() && *found == row ? static_cast<uint32_t>(found - upper_rows.begin()) : kNone;
}

Status HnswGraph::Validate(size_t rows) const {
  if (level0.size() != rows * degree0) return Corruption(level0.size(), " links for ", rows, " rows of degree ", degree0);
  if (entry != kNone && entry >= rows) return Corruption("the entry is row ", entry, " of ", rows);
  for (size_t i = 0; i < level0.size(); ++i) {
    const uint32_t link = level0.data()[i];
    if (link != kNone && link >= rows) return Corruption("row ", i / degree0, " links to row ", link, " of ", rows);
  }
  const size_t slots = upper_rows.size();
  if (upper_offsets.size() != slots + 1 || upper_offsets[0] != 0)
    return Corruption(upper_offsets.size(), " offsets for ", slots, " upper rows");
  for (size_t slot = 0; slot < slots; ++slot) {
    if (upper_rows[slot] >= rows || (slot > 0 && upper_rows[slot] <= upper_rows[slot - 1]))
      return Corruption("upper rows are not ascending");
    if (upper_offsets[slot + 1] < upper_offsets[slot]) return Corruption("upper offsets are not ascending");
  }
  if (size_t{upper_offsets[slots]} * degree != upper_links.size()) return Corruption(upper_links.size(), " upper links of degree ", degree);
  for (const uint32_t link : upper_links) {
    if (link != kNone && link >= slots) return Corruption("an upper link to slot ", link, " of ", slots);
  }
  // A walk on level l follows links only between slots that have that level.
  for (uint32_t slot = 0; slot < slots; ++slot) {
    for (uint32_t level = 1; level <= Levels(slot); ++level) {
      for (uint32_t i = 0; i < degree; ++i) {
        const uint32_t link = Links(slot, level)[i];
        if (link != kNone && Levels(link) < level) return Corruption("slot ", slot, " links to slot ", link, " on level ", level);
      }
    }
  }
  if (max_level > 0) {
    const uint32_t slot = entry == kNone ? kNone : SlotOf(entry);
    if (slot == kNone || Levels(slot) < max_level) return Corruption("the entry row is not on level ", max_level);
  }
  return OkStatus();
}

}  // namespace saker::index
