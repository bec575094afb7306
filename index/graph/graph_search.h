// How a graph answers: which way each search goes (a walk, a guided walk, a scan of the rows that may be found) and what each
// way finds, scored exactly.
#pragma once

#include <vector>

#include "common/context.h"
#include "common/result.h"
#include "index/graph/entry_table.h"
#include "index/graph/flat_graph.h"
#include "index/graph/node_codes.h"
#include "index/index.h"

namespace saker::index {

// What a graph index holds; all of it outlives the search.
struct GraphParts {
  const IndexSpec& spec;
  const VectorSource& source;
  const FlatGraph& graph;
  const float* inverse_norms = nullptr;  // COSINE
  const NodeCodes& codes;                // may be empty
  const EntryTable& entries;             // of graph.entries; empty without codes
};

// Index::Search. Thread-safe.
Result<std::vector<std::vector<Hit>>> SearchGraph(const GraphParts& parts, const SearchRequest& request, const Context& context,
                                                  SearchStats* stats);

}  // namespace saker::index
