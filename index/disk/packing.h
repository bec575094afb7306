// Puts nodes of a graph into pages so that a page holds nodes that link to each other: a search that needs one of them will soon
// need the others (the shuffle of Starling, Wang et al. 2024).
//
// Greedy: a page begins beside the last one and takes the node most tied to those it has. One thread; the same every time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace saker::index {

// `links`: node_count x degree, nearest first, 0xffffffff at the end of a row; links to numbers of node_count or more are of
// other parts and count for nothing. `begun`: nodes that the first page already has of another part. Returns all nodes in the
// order of the pages.
std::vector<uint32_t> PackNodes(const uint32_t* links, size_t node_count, uint32_t degree, uint32_t nodes_per_page, uint32_t begun);

}  // namespace saker::index
