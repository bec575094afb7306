#include "index/graph/planner.h"

#include <algorithm>

namespace saker::index {
namespace {

constexpr double Lines(size_t bytes) {
  return static_cast<double>((bytes + 63) / 64);
}
// A row among others in ascending order.
constexpr double ScannedRow(size_t bytes) {
  return 2 + 1.5 * Lines(bytes);
}
// A row at an address that nobody could foresee, with its place in the pool.
constexpr double WalkedRow(size_t bytes) {
  return 10 + 10 * Lines(bytes);
}
constexpr double kNewLinks = 0.55;  // of a row's links, those that were not met before

}  // namespace

SearchPlan PlanSearch(const SearchShape& shape) {
  const double share = static_cast<double>(shape.allowed) / static_cast<double>(std::max<size_t>(shape.rows, 1));
  const auto pool = static_cast<double>(shape.pool);
  const auto k = static_cast<double>(shape.k);
  const auto degree = static_cast<double>(shape.degree);
  SearchPlan plan;
  // With every row allowed as many as the pool; with few of them little more than k.
  const double enough = shape.by_distance ? k : share * pool + (1 - share) * std::min(pool, k + 2);
  plan.enough = std::max<size_t>(shape.k, static_cast<size_t>(enough));
  const double late_steps = std::max(0.0, static_cast<double>(plan.enough) / std::max(share, 1e-9) - pool);
  const double links = kNewLinks * degree * WalkedRow(shape.row_bytes);
  const double step = 100 + links;
  const double late_step = 200 + 6 * degree + share * links;  // only allowed rows are scored
  const double scan = static_cast<double>(shape.allowed) * ScannedRow(shape.row_bytes);
  const double left = scan - pool * step;
  plan.expected_steps = static_cast<size_t>(std::min(pool + late_steps, 4e9));
  plan.most_steps = left <= 0 ? 0 : static_cast<size_t>(pool + left / late_step);
  plan.scan = shape.k >= shape.allowed || plan.expected_steps >= plan.most_steps;
  return plan;
}

}  // namespace saker::index
