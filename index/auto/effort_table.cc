#include "index/auto/effort_table.h"

#include <algorithm>
#include <cmath>

namespace saker::index {
namespace {

constexpr float kMinGamma = 0.5f, kMaxGamma = 10;
constexpr uint32_t kMaxWidth = 1u << 20;

// No stop by distance is the greatest effort of all.
bool Less(const Effort& a, const Effort& b) {
  const bool plain_a = a.gamma == 0, plain_b = b.gamma == 0;
  if (plain_a != plain_b) return plain_b;
  return a.gamma != b.gamma ? a.gamma < b.gamma : a.width < b.width;
}

}  // namespace

Status EffortTable::Validate(const std::vector<EffortPoint>& points) {
  if (points.empty() || points.size() > kMaxPoints) return InvalidArgument(points.size(), " points of effort");
  for (size_t i = 0; i < points.size(); ++i) {
    const EffortPoint& point = points[i];
    const bool gamma = point.gamma == 0 || (point.gamma >= kMinGamma && point.gamma <= kMaxGamma);
    const bool recall = point.recall >= 0 && point.recall <= 1;
    if (point.k == 0 || point.width == 0 || point.width > kMaxWidth || !gamma || !recall) {
      return InvalidArgument("point ", i, " of effort has k ", point.k, ", width ", point.width, ", gamma ", point.gamma, ", recall ",
                             point.recall);
    }
    if (i == 0) continue;
    const EffortPoint& before = points[i - 1];
    const bool ordered = before.k < point.k || (before.k == point.k && before.recall <= point.recall &&
                                                !Less({point.width, point.gamma}, {before.width, before.gamma}));
    if (!ordered) return InvalidArgument("points ", i - 1, " and ", i, " of effort are out of order");
  }
  return OkStatus();
}

Effort EffortTable::Within(uint32_t k, double recall) const {
  const auto first = std::find_if(points_.begin(), points_.end(), [&](const EffortPoint& point) { return point.k == k; });
  const auto end = std::find_if(first, points_.end(), [&](const EffortPoint& point) { return point.k != k; });
  const auto reached = std::find_if(first, end, [&](const EffortPoint& point) { return static_cast<double>(point.recall) >= recall; });
  if (reached == end) return {(end - 1)->width, (end - 1)->gamma};
  const Effort at{reached->width, reached->gamma};
  if (reached == first) return at;
  const EffortPoint& below = *(reached - 1);
  if ((below.gamma == 0) != (at.gamma == 0)) return at;
  // Between two points of one kind recall is nearly straight in gamma, and in the width's logarithm.
  const double share = (recall - static_cast<double>(below.recall)) / static_cast<double>(reached->recall - below.recall);
  const double width = static_cast<double>(below.width) * std::pow(static_cast<double>(at.width) / below.width, share);
  return {static_cast<uint32_t>(std::lround(width)), below.gamma + static_cast<float>(share) * (at.gamma - below.gamma)};
}

Effort EffortTable::For(size_t k, double recall) const {
  uint32_t low = 0, high = 0;  // the measured k on either side
  for (const EffortPoint& point : points_) {
    if (point.k <= k) low = point.k;
    if (point.k >= k && high == 0) high = point.k;
  }
  if (low == 0 || low == high) return Within(high, recall);
  const Effort below = Within(low, recall);
  if (high != 0) {
    const Effort above = Within(high, recall);
    return Less(below, above) ? above : below;
  }
  // Beyond the largest measured k a plain pool has to grow with k; a stop by distance follows the k-th best by itself.
  const double grown = static_cast<double>(below.width) * static_cast<double>(k) / low;
  return {static_cast<uint32_t>(std::min(grown, static_cast<double>(kMaxWidth))), below.gamma};
}

}  // namespace saker::index
