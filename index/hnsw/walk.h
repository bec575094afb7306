// The search of one query through an HNSW graph.
//
// Greedy on the upper levels, then best-first on level 0 with a bounded pool. Neighbours are collected, prefetched and
// scored four at a time: exactly, or by codes, whose best rows are then scored exactly. Scratch memory belongs to the calling thread and is
// reused; it never holds results.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/context.h"
#include "common/result.h"
#include "index/flat/allowed_rows.h"
#include "index/hnsw/graph.h"
#include "index/hnsw/row_codes.h"
#include "index/index.h"
#include "index/scorer.h"
#include "index/topk.h"

namespace saker::index {

// Offers rows to `best`; `scorer` holds the query. `pool` is how many of the nearest rows the walk keeps in view, allowed
// or not (ef). `allowed` null: every row may be offered. `codes` null: exact all the way, else it holds the same query.
struct WalkRequest {
  const Scorer& scorer;
  const CodeScorer* codes;
  size_t row_count;
  size_t pool;
  size_t k;
  const AllowedRows* allowed;
};
Status WalkGraph(const HnswGraph& graph, const WalkRequest& request, const Context& context, TopK* best, SearchStats* stats);

}  // namespace saker::index
