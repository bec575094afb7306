// The iterator over a graph: a walk that is never over. Rows are settled when nothing left in view is nearer, and leave when
// enough of those behind them are settled too, so that codes' errors and late discoveries are put in order.
//
// After as many steps as a scan of all allowed rows would cost, those not met yet are scanned, and the rest is sorting.
#pragma once

#include <memory>

#include "index/graph/graph_search.h"
#include "index/iterator.h"

namespace saker::index {

// Everything in `parts` outlives the iterator.
Result<std::unique_ptr<RowIterator>> IterateGraph(const GraphParts& parts, const SearchRequest& request);

// The most memory that an iterator over so many rows takes: two heaps and the rows met.
constexpr size_t GraphIteratorBytes(size_t rows) {
  return rows * 2 * sizeof(uint64_t) + rows / 8;
}

}  // namespace saker::index
