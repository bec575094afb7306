#include "index/sparse/cells.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace saker::index {
namespace {

constexpr float kEdges[] = {1, 2, 3, 4, 5, 6, 8, 11, 16, 24, 48};
constexpr size_t kGroups = std::size(kEdges) + 1;  // the last one for all above
constexpr size_t kCells = 256;
constexpr size_t kSample = 1 << 16;

size_t EdgeOf(float frequency) {
  return static_cast<size_t>(std::lower_bound(std::begin(kEdges), std::end(kEdges), frequency) - std::begin(kEdges));
}

}  // namespace

CellTable::CellTable(const SparseArrays& arrays, const std::vector<float>& lengths) {
  std::array<size_t, kGroups> counts{};
  float highest = 0, shortest = std::numeric_limits<float>::max();
  double sum = 0;
  for (size_t i = 0; i < arrays.rows.size(); ++i) {
    ++counts[EdgeOf(arrays.values[i])];
    highest = std::max(highest, arrays.values[i]);
    shortest = std::min(shortest, lengths[arrays.rows[i]]);
    sum += static_cast<double>(lengths[arrays.rows[i]]);
  }
  if (arrays.rows.empty()) return;
  typical_length_ = static_cast<float>(sum / static_cast<double>(arrays.rows.size()));
  std::array<std::vector<float>, kGroups> samples;
  std::array<size_t, kGroups> seen{};
  for (size_t i = 0; i < arrays.rows.size(); ++i) {
    const size_t group = EdgeOf(arrays.values[i]);
    if (seen[group]++ % (counts[group] / kSample + 1) == 0) samples[group].push_back(lengths[arrays.rows[i]]);
  }
  double roots = 0;
  for (const size_t count : counts) roots += std::sqrt(static_cast<double>(count));
  for (size_t group = 0; group < kGroups; ++group) {
    if (counts[group] == 0) continue;
    std::vector<float>& sample = samples[group];
    std::sort(sample.begin(), sample.end());
    const double share = std::sqrt(static_cast<double>(counts[group])) / roots;
    const auto classes = 1 + static_cast<size_t>(share * static_cast<double>(kCells - kGroups));
    const float frequency = group + 1 < kGroups ? kEdges[group] : highest;
    const auto first = static_cast<uint32_t>(cells_.size());
    cells_.push_back({frequency, shortest});
    for (size_t c = 1; c < classes; ++c) {
      const float length = sample[c * sample.size() / classes];
      if (length > cells_.back().length) cells_.push_back({frequency, length});
    }
    groups_.push_back({frequency, first, static_cast<uint32_t>(cells_.size())});
  }
  order_.resize(cells_.size());
  std::iota(order_.begin(), order_.end(), uint8_t{0});
  std::sort(order_.begin(), order_.end(), [&](uint8_t a, uint8_t b) {
    return cells_[a].frequency != cells_[b].frequency ? cells_[a].frequency > cells_[b].frequency : cells_[a].length < cells_[b].length;
  });
}

size_t CellTable::GroupOf(float frequency) const {
  size_t group = 0;
  while (groups_[group].frequency < frequency) ++group;
  return group;
}

uint8_t CellTable::CellIn(const Group& group, float length) const {
  const auto begin = cells_.begin() + group.first, end = cells_.begin() + group.end;
  const auto above = std::upper_bound(begin, end, length, [](float l, const SparseCell& cell) { return l < cell.length; });
  return static_cast<uint8_t>(above - cells_.begin() - 1);
}

uint8_t CellTable::CodeOf(float frequency, float length) const {
  return CellIn(groups_[GroupOf(frequency)], length);
}

float CellTable::Typical(uint8_t code) const {
  const SparseCell& cell = cells_[code];
  return cell.frequency / (cell.frequency + 0.3f + 0.9f * cell.length / typical_length_);
}

TopCodes CellTable::Top(std::span<const uint8_t> codes) const {
  std::array<bool, kCells> present{};
  for (const uint8_t code : codes) present[code] = true;
  std::array<uint8_t, kCells> front;
  size_t n = 0;
  for (const uint8_t code : order_) {
    if (present[code] && (n == 0 || cells_[code].length < cells_[front[n - 1]].length)) front[n++] = code;
  }
  // Too many corners: the two neighbours go whose common bound is the least above them at usual parameters.
  while (n > TopCodes().size()) {
    size_t best = 0;
    uint8_t best_code = 0;
    float best_loss = std::numeric_limits<float>::infinity();
    for (size_t i = 0; i + 1 < n; ++i) {
      const uint8_t both = CellIn(groups_[GroupOf(cells_[front[i]].frequency)], cells_[front[i + 1]].length);
      const float loss = Typical(both) - std::max(Typical(front[i]), Typical(front[i + 1]));
      if (loss >= best_loss) continue;
      best = i;
      best_code = both;
      best_loss = loss;
    }
    front[best] = best_code;
    std::copy(front.begin() + static_cast<ptrdiff_t>(best) + 2, front.begin() + static_cast<ptrdiff_t>(n),
              front.begin() + static_cast<ptrdiff_t>(best) + 1);
    --n;
  }
  TopCodes top;
  for (size_t i = 0; i < top.size(); ++i) top[i] = front[std::min(i, n - 1)];
  return top;
}

}  // namespace saker::index
