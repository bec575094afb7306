// How hard to search for a given share of the true neighbours: what was measured on the index itself when it was built.
//
// A point says: of the k nearest rows a search of this effort found `recall`, with the doubt of a sample taken off. Points stand
// by k, then by effort, and recall never falls within one k. Values; immutable once filled; thread-safe. Durable: FORMAT.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"

namespace saker::index {

// A graph's pool (on disk: its search_list) and stop by distance (gamma 0: none), or the lists that a cluster index probes.
struct Effort {
  uint32_t width = 0;
  float gamma = 0;
};

struct EffortPoint {  // durable: section kAutoEfforts
  uint32_t k;
  uint32_t width;
  float gamma;
  float recall;
};

class EffortTable {
 public:
  static constexpr size_t kMaxPoints = 1024;

  EffortTable() = default;
  // Points must be Valid().
  explicit EffortTable(std::vector<EffortPoint> points) : points_(std::move(points)) {}

  // What is wrong with points that were read from a file; OK: nothing.
  static Status Validate(const std::vector<EffortPoint>& points);

  bool empty() const { return points_.empty(); }
  const std::vector<EffortPoint>& points() const { return points_; }
  // The least effort that reaches `recall` for k; the greatest known where none does. Grows with `recall`. Not for an empty table.
  Effort For(size_t k, double recall) const;

 private:
  Effort Within(uint32_t k, double recall) const;

  std::vector<EffortPoint> points_;
};

}  // namespace saker::index
