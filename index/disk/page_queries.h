// Searches of a disk graph that wait for the disk: many walks at a time over one reader, and passes over given pages.
//
// Each call takes a reader from the process' pool for as long as it runs. Called by any thread.
#pragma once

#include <functional>
#include <vector>

#include "common/context.h"
#include "index/disk/disk_graph.h"
#include "index/disk/disk_walk.h"
#include "index/index.h"

namespace saker::index {

// One walk for each of request.query_count queries, several in turn on this thread.
Status WalkPages(const DiskGraph& graph, const SearchRequest& request, const DiskWalkOptions& options, const Context& context,
                 SearchStats* stats, std::vector<std::vector<Hit>>* results);

// Reads the pages (distinct) and calls visit(page number, page) for each, in any order, on this thread.
Status ReadPages(const DiskGraph& graph, const std::vector<uint32_t>& pages, const Context& context, SearchStats* stats,
                 const std::function<void(uint32_t, const PageView&)>& visit);

}  // namespace saker::index
