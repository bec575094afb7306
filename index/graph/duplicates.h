// Rows with the same bytes, so that a graph is built over one of each: copies fill one another's lists with links that lead
// nowhere (hnswlib 341), and searches drown in them.
//
// The first of each group stands for it. Its copies hang below it as a tree of few links, so that whoever finds the first finds
// as many as it wants, nearest first. Values.
#pragma once

#include <cstdint>
#include <vector>

#include "index/graph/flat_graph.h"
#include "index/index.h"

namespace saker::index {

struct RowGroups {
  std::vector<uint32_t> firsts;               // one row of each group, ascending: all different
  std::vector<std::vector<uint32_t>> copies;  // groups of two rows and more, ascending, the first of each in front
};
// Of the rows that have a vector. Cancelled when options.context is.
Result<RowGroups> GroupEqualRows(const VectorSource& source, const BuildOptions& options);

// Gives the copies their links: some to one another, the rest those of the group's first, which gives up its farthest.
void LinkCopies(const std::vector<std::vector<uint32_t>>& copies, FlatGraph* graph);

}  // namespace saker::index
