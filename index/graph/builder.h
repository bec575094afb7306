// Builds a flat graph from all rows at once, on several threads. With one thread the graph is the same every time.
//
// Equal rows stand behind one of them (duplicates.h). Candidates by leaves (leaves.h), links by pruning (prune.h), reverse links
// and pruning again, then every row that the entries do not reach is tied to its nearest that they do.
//
// A build that is stopped goes on from its last checkpoint when options.checkpoints keeps one: after each round of candidates (about
// 1 KB a row), after links were chosen, and after the links both ways (4 bytes each). Builds of less than some seconds keep none.
#pragma once

#include "index/graph/flat_graph.h"
#include "index/graph/leaves.h"
#include "index/graph/node_codes.h"
#include "index/index.h"

namespace saker::index {

struct GraphPlan {
  uint32_t degree = 32;
  float alpha = 1.15f;
  size_t candidates = 96;  // a row, before pruning
  LeafShape leaves;
  size_t entries = 256;
};

// `codes` may be empty; then distances are taken on the vectors, which is slower.
Result<FlatGraph> BuildFlatGraph(const VectorSource& source, Metric metric, const float* inverse_norms, const NodeCodes& codes,
                                 const GraphPlan& plan, const BuildOptions& options);

}  // namespace saker::index
