#include "tools/bench/ann_truth.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "index/scorer.h"

namespace saker::bench {
namespace {

constexpr size_t kTriedQueries = 8;

double SquaredLength(const VectorRows& rows, size_t row) {
  const auto* values = static_cast<const float*>(rows.Row(row));
  double sum = 0;
  for (size_t d = 0; d < rows.dim(); ++d) sum += static_cast<double>(values[d]) * static_cast<double>(values[d]);
  return sum;
}

// What rounding is measured in: a share of it is lost in the sum that makes a score.
struct Scale {
  double own;       // as our kernels sum
  double expanded;  // as |a|^2 + |b|^2 - 2ab, which many programs compute
};
Scale ScaleOf(const VectorRows& base, const VectorRows& queries, index::Metric metric, size_t query, size_t row, float key) {
  if (metric == index::Metric::kCosine) return {1, 1};
  if (metric == index::Metric::kL2) return {std::fabs(static_cast<double>(key)), SquaredLength(queries, query) + SquaredLength(base, row)};
  if (metric == index::Metric::kIp) {
    const double product = std::sqrt(SquaredLength(queries, query) * SquaredLength(base, row));
    return {product, product};
  }
  return {std::fabs(static_cast<double>(key)), 0};
}

}  // namespace

void NeighbourTruth::Add(const std::vector<uint32_t>& ids) {
  const size_t query = ids_.size();
  index::Scorer scorer(*base_, metric_, nullptr);
  scorer.SetQuery(queries_->Row(query));
  Last last{-std::numeric_limits<float>::infinity(), 0, 0};
  uint32_t row = 0;
  for (const uint32_t id : ids) {
    const float key = scorer.Key(id);
    if (key <= last.key) continue;
    last.key = key;
    row = id;
  }
  if (!ids.empty()) {
    const Scale scale = ScaleOf(*base_, *queries_, metric_, query, row, last.key);
    last.tie = static_cast<float>(1e-6 * scale.own);
    last.sure = static_cast<float>(1e-4 * scale.own + 1e-6 * scale.expanded);
  }
  last_.push_back(last);
  ids_.push_back(ids);
  std::sort(ids_.back().begin(), ids_.back().end());
}

Result<size_t> NeighbourTruth::Found(size_t query, const std::vector<index::Hit>& hits) const {
  const Last& last = last_[query];
  size_t found = 0;
  for (const index::Hit& hit : hits) {
    const float key = KeyOf(hit.score);
    if (std::binary_search(ids_[query].begin(), ids_[query].end(), hit.row)) {
      ++found;
    } else if (key < last.key - last.sure) {
      const bool near = index::SmallerIsBetter(metric_);
      return InvalidArgument(name_, " is not the truth of these rows and queries: for query ", query, " row ", hit.row,
                             near ? " is at distance " : " has similarity ", hit.score, ", the farthest of the ", ids_[query].size(),
                             " listed ", near ? "is at " : "has ", near ? last.key : -last.key);
    } else if (key <= last.key + last.tie) {
      ++found;
    }
  }
  return std::min(found, expected(query));
}

Result<NeighbourTruth> NeighbourTruth::Read(const std::string& path, const VectorRows& base, const VectorRows& queries,
                                            index::Metric metric, size_t k) {
  const Truth file = TRY(ReadTruth(path));
  const size_t count = queries.row_count();
  if (file.row_count() != count) return InvalidArgument(path, ": ", file.row_count(), " rows, there are ", count, " queries");
  if (file.width < k) return InvalidArgument(path, ": ", file.width, " neighbours a query, --k is ", k);
  NeighbourTruth truth(base, queries, metric, path);
  for (size_t q = 0; q < count; ++q) {
    const std::vector<uint32_t> ids(file.Row(q), file.Row(q) + k);
    for (const uint32_t id : ids) {
      if (id >= base.row_count()) return InvalidArgument(path, ": id ", id, " of query ", q, "; there are ", base.row_count(), " rows");
    }
    truth.Add(ids);
    const auto twice = std::adjacent_find(truth.ids_[q].begin(), truth.ids_[q].end());
    if (twice != truth.ids_[q].end()) return InvalidArgument(path, ": id ", *twice, " twice among the neighbours of query ", q);
  }
  index::SearchRequest request;
  request.queries = queries.Row(0);
  request.query_count = std::min(kTriedQueries, count);
  request.k = k;
  const auto exact = TRY(index::ExactSearch(base, metric, request, Context()));
  for (size_t q = 0; q < exact.size(); ++q) TRY(truth.Found(q, exact[q]));
  return truth;
}

Result<NeighbourTruth> NeighbourTruth::Compute(const VectorRows& base, const VectorRows& queries, index::Metric metric, size_t k,
                                               const std::vector<index::Bitset>& filters) {
  NeighbourTruth truth(base, queries, metric, "the exact scan");
  const size_t together = filters.size() <= 1 ? queries.row_count() : 1;
  for (size_t first = 0; first < queries.row_count(); first += together) {
    index::SearchRequest request;
    request.queries = queries.Row(first);
    request.query_count = together;
    request.k = k;
    if (!filters.empty()) request.allowed = &filters[filters.size() == 1 ? 0 : first];
    for (const auto& hits : TRY(index::ExactSearch(base, metric, request, Context()))) {
      std::vector<uint32_t> ids;
      for (const index::Hit& hit : hits) ids.push_back(hit.row);
      truth.Add(ids);
    }
  }
  return truth;
}

}  // namespace saker::bench
