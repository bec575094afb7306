// The search of one query through a flat graph: best first, with a bounded pool, until the pool is expanded or the nearest row
// left is farther than gamma times the k-th best.
//
// The stop by distance is the adaptive beam search of Al-Jazzazi et al. 2025 (arXiv 2505.15636); gamma = infinity is the plain walk with
// a pool of ef. Where only some rows are wanted (a filter, deleted rows, a range) the walk goes through all rows alike and keeps
// the wanted ones apart; it goes on until also `enough` of those are nearer than everything left. Scratch memory belongs to
// the calling thread and is reused; concurrent walks of one graph are fine.
#pragma once

#include <cstdint>
#include <limits>

#include "common/context.h"
#include "index/flat/allowed_rows.h"
#include "index/graph/entry_table.h"
#include "index/graph/flat_graph.h"
#include "index/graph/node_codes.h"
#include "index/scorer.h"
#include "index/topk.h"

namespace saker::index {

// Which rows a guided walk is after, and how long it may take.
struct WalkGuide {
  const AllowedRows* allowed = nullptr;  // null: every row
  KeyRange keys;                         // those of the codes (or, without codes, of exact scores) that a row in the range may have
  size_t enough = 10;                    // wanted rows nearer than everything left; at most `wanted`
  size_t expected_steps = 64;
  size_t most_steps = std::numeric_limits<size_t>::max();  // what another way would cost
};

struct WalkRequest {
  const FlatGraph& graph;
  size_t row_count = 0;
  Metric metric = Metric::kL2;
  const Scorer& scorer;                 // the query set; scores what is found exactly
  const CodeQuery* codes = nullptr;     // the same query against codes; null: every step is scored exactly
  const EntryTable* entries = nullptr;  // of graph.entries; null: each of them is scored
  size_t pool = 64;
  float gamma = 0;  // 0: no stop by distance
  size_t k = 10;
  const WalkGuide* guide = nullptr;  // null: every row is wanted
};

// How many of the rows that codes rank best are kept to be scored exactly (refine.h): enough that a code's error loses none of the k.
size_t CountToRefine(size_t k);

enum class WalkEnd { kFound, kGaveUp };

// Replaces `found` by the wanted rows that are nearest, CountToRefine(k) with codes, else k, packed (key << 32 | row), in no order.
// kGaveUp: a guided walk that would take more than its steps; `found` is then of no use. Fails only when the context ends.
Result<WalkEnd> WalkGraph(const WalkRequest& request, const Context& context, std::vector<uint64_t>* found, SearchStats* stats);

}  // namespace saker::index
