// Makes every row reachable from a graph's entries.
#pragma once

#include <vector>

#include "index/graph/flat_graph.h"
#include "index/graph/leaves.h"

namespace saker::index {

// Rows that the entries do not reach get a link from a near row that they do, in a place that reaches nobody alone.
Status ConnectAll(size_t row_count, const std::vector<uint32_t>& rows, const PairMaker& make_pairs, const BuildOptions& options,
                  FlatGraph* graph);

}  // namespace saker::index
