#include "tools/bench/filters.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>

#include "index/scorer.h"

namespace saker::bench {
namespace {

constexpr uint32_t kSeed = 20260101;
constexpr size_t kClusters = 12;

// The `count` rows with the smallest keys, or with the largest.
index::Bitset Nearest(const std::vector<float>& keys, size_t count, bool farthest) {
  std::vector<uint32_t> rows(keys.size());
  std::iota(rows.begin(), rows.end(), 0u);
  std::nth_element(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count), rows.end(),
                   [&](uint32_t a, uint32_t b) { return keys[a] != keys[b] ? (keys[a] < keys[b]) != farthest : a < b; });
  index::Bitset bits(keys.size());
  for (size_t i = 0; i < count; ++i) bits.Set(rows[i]);
  return bits;
}

index::Bitset RandomRows(double selectivity, size_t rows) {
  std::mt19937 random(kSeed);
  index::Bitset bits(rows);
  const auto limit = static_cast<uint32_t>(selectivity * 4294967295.0);
  for (size_t row = 0; row < rows; ++row) {
    if (random() < limit) bits.Set(row);
  }
  return bits;
}

}  // namespace

Status CheckFilterKind(const std::string& kind) {
  for (const char* known : {"random", "cluster", "near", "far"}) {
    if (kind == known) return OkStatus();
  }
  return InvalidArgument("--filter-kind ", kind, " is unknown; it is random, cluster, near or far");
}

Status CheckFilterLeavesRows(const std::string& kind, double selectivity, size_t rows) {
  const bool some = selectivity * static_cast<double>(rows) >= 1 && (kind != "random" || RandomRows(selectivity, rows).Count() > 0);
  if (some) return OkStatus();
  return InvalidArgument("--filter-selectivity ", selectivity, " leaves none of ", rows, " rows: there is nothing to find");
}

Result<std::vector<index::Bitset>> MakeFilters(const std::string& kind, double selectivity, const VectorRows& base,
                                               const VectorRows& queries, index::Metric metric) {
  TRY(CheckFilterKind(kind));
  const size_t rows = base.row_count();
  const auto count = std::min(rows - 1, std::max<size_t>(1, static_cast<size_t>(selectivity * static_cast<double>(rows))));
  std::mt19937 random(kSeed);
  std::vector<index::Bitset> filters;
  if (kind == "random") {
    filters.push_back(RandomRows(selectivity, rows));
    return filters;
  }
  std::vector<uint32_t> all(rows);
  std::iota(all.begin(), all.end(), 0u);
  index::Scorer scorer(base, metric, nullptr);
  std::vector<float> keys(rows);
  if (kind == "cluster") {
    std::vector<float> nearest;
    for (size_t i = 0; i < kClusters; ++i) {
      scorer.SetQuery(base.Row(random() % rows));
      scorer.Keys(all.data(), rows, keys.data());
      if (nearest.empty()) nearest = keys;
      for (size_t row = 0; row < rows; ++row) nearest[row] = std::min(nearest[row], keys[row]);
    }
    filters.push_back(Nearest(nearest, count, false));
    return filters;
  }
  for (size_t q = 0; q < queries.row_count(); ++q) {
    scorer.SetQuery(queries.Row(q));
    scorer.Keys(all.data(), rows, keys.data());
    filters.push_back(Nearest(keys, count, kind == "far"));
  }
  return filters;
}

}  // namespace saker::bench
