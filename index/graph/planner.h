// Which way a search in a graph should go: through the graph, or over all rows that may be found.
//
// Costs are counted, not timed, so that one request always gets the same answer: in nanoseconds of a machine whose memory is
// what a search waits for. What matters is their ratio. Measured: README.md, "Filters".
#pragma once

#include <cstddef>

namespace saker::index {

struct SearchShape {
  size_t rows = 0;           // of the index
  size_t allowed = 0;        // that may be found
  size_t k = 10;             // at most `allowed`
  size_t pool = 64;          // rows that a walk for every row expands
  bool by_distance = false;  // it ends by its k-th best (gamma), not by the pool
  size_t row_bytes = 0;      // of a code, or of a vector where there are no codes
  size_t degree = 32;
};

struct SearchPlan {
  bool scan = false;
  size_t enough = 0;          // WalkGuide's
  size_t expected_steps = 0;  // of the walk
  size_t most_steps = 0;      // as long as a scan takes
};

SearchPlan PlanSearch(const SearchShape& shape);

}  // namespace saker::index
