#include "index/ivf/list_reach.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "index/ivf/row_floats.h"
#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

constexpr size_t kPieceLists = 16;

float Length(const float* vector, size_t dim) {
  return std::sqrt(BestKernels().ip_f32.one(vector, vector, dim));
}

}  // namespace

std::vector<float> ListReach::Measure(const VectorSource& source, Metric metric, const IvfLists& lists, const BuildOptions& options) {
  if (metric == Metric::kJaccard) return {};
  const size_t dim = source.dim();
  const RowFloats floats(source, metric);
  std::vector<float> reach(lists.count());
  InPieces(lists.count(), kPieceLists, options.threads, options.context, [&](size_t begin, size_t end) {
    std::vector<float> row(dim);
    for (size_t list = begin; list < end; ++list) {
      const float* const centroid = lists.centroids.data() + list * dim;
      float farthest = 0;
      for (const uint32_t r : lists.Rows(list)) {
        floats.Row(r, row.data());
        float squared = BestKernels().l2_f32.one(row.data(), centroid, dim);
        if (metric == Metric::kCosine && !(Length(row.data(), dim) > 0.5f)) squared = INFINITY;
        farthest = squared <= 1e30f ? std::max(farthest, squared) : INFINITY;
        if (farthest == INFINITY) break;
      }
      reach[list] = std::sqrt(farthest);
    }
  });
  return reach;
}

ListReach::ListReach(const IvfLists& lists, Metric metric, size_t dim, std::vector<float> reach)
    : lists_(&lists), metric_(metric), dim_(dim), reach_(std::move(reach)), lengths_(reach_.size()) {
  for (size_t list = 0; list < lengths_.size(); ++list) lengths_[list] = Length(lists.centroids.data() + list * dim, dim);
}

bool ListReach::RowsInRange(const float* query, float radius, size_t row_count, Bitset* rows) const {
  const double length = static_cast<double>(Length(query, dim_));
  if (reach_.empty() || !(length > 1e-12 && length < 1e12)) return false;
  // Sums of floats, here and in the scores, are off by less than this of the squares they are made of (flat/batch_scan.h).
  const double rounding = static_cast<double>(4 * dim_ + 64) * 0x1p-23;
  std::vector<float> keys(lists_->count());
  CentroidKeys(*lists_, metric_, query, dim_, keys.data());
  const double limit = metric_ == Metric::kCosine ? 2 - 2 * static_cast<double>(radius) : static_cast<double>(radius);
  std::vector<uint32_t> open;
  for (size_t list = 0; list < lists_->count(); ++list) {
    const double reach = static_cast<double>(reach_[list]) * 1.002, centre = static_cast<double>(lengths_[list]);
    const double key = static_cast<double>(keys[list]), farthest = centre + reach;
    bool shut = false;
    if (metric_ == Metric::kIp) {
      shut = -key + length * reach + rounding * length * farthest < limit;
    } else {
      const double slack = rounding * (length * length + farthest * farthest);
      const double gap = std::sqrt(std::max(0.0, key - slack)) - reach;
      shut = gap > 0 && gap * gap - slack > limit;
    }
    if (!shut) open.push_back(static_cast<uint32_t>(list));
  }
  if (open.size() == lists_->count()) return false;
  *rows = Bitset(row_count);
  for (const uint32_t list : open) {
    for (const uint32_t row : lists_->Rows(list)) rows->Set(row);
  }
  return true;
}

}  // namespace saker::index
