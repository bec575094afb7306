// Queries to measure an index with when nobody has asked it anything yet, and their true neighbours.
//
// Half are rows, each without itself among its neighbours; half are rows moved by half the difference of two others, which
// keeps the shape of the cloud but leads away from it. Rows alone are too kind: an index knows its own rows' neighbourhoods
// better than those of texts or pictures it has never seen. Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/index.h"

namespace saker::index {

struct HeldOutQuery {
  static constexpr uint32_t kNoRow = 0xffffffffu;
  std::vector<char> vector;  // of the source's type
  uint32_t self = kNoRow;    // never counted as found
  std::vector<float> truth;  // scores of the true nearest, best first, without `self`
};

constexpr size_t kHeldOutDepth = 100;

// 100 to 320 queries, as many as reading all rows for them may cost, with kHeldOutDepth true neighbours each (fewer where there are
// fewer rows); rows and moved rows take turns. Always the same for the same source. Empty when fewer than two rows have a vector.
Result<std::vector<HeldOutQuery>> DrawHeldOut(const VectorSource& source, Metric metric, const BuildOptions& options);

}  // namespace saker::index
