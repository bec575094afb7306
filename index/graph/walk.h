// The search of one query through a flat graph: best first, with a bounded pool, until the pool is expanded or the nearest row
// left is farther than gamma times the k-th best.
//
// The stop by distance is the adaptive beam search of Al-Jazzazi et al. 2025 (arXiv 2505.15636); gamma = infinity is the plain walk with
// a pool of ef. Scratch memory belongs to the calling thread and is reused; concurrent walks of one graph are fine.
#pragma once

#include "common/context.h"
#include "index/flat/allowed_rows.h"
#include "index/graph/flat_graph.h"
#include "index/graph/node_codes.h"
#include "index/scorer.h"
#include "index/topk.h"

namespace saker::index {

struct WalkRequest {
  const FlatGraph& graph;
  size_t row_count = 0;
  Metric metric = Metric::kL2;
  const Scorer& scorer;                  // the query set; scores what is found exactly
  const CodeQuery* codes = nullptr;      // the same query against codes; null: every step is scored exactly
  const uint8_t* entry_codes = nullptr;  // of graph.entries, side by side
  size_t pool = 64;
  float gamma = 0;  // 0: no stop by distance
  size_t k = 10;
  const AllowedRows* allowed = nullptr;  // null: every row
};

// Offers the allowed rows found to `best` with their exact keys. Fails only when the context ends.
Status WalkGraph(const WalkRequest& request, const Context& context, TopK* best, SearchStats* stats);

}  // namespace saker::index
