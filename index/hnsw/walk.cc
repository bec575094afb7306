#include "index/hnsw/walk.h"

#include <algorithm>
#include <vector>

#include "index/hnsw/pool.h"
#include "index/hnsw/visited_rows.h"

namespace saker::index {
namespace {

constexpr size_t kSortedPoolLimit = 768;  // above it, moving memory costs more than heaps
constexpr size_t kStepsBetweenChecks = 256;

struct Scratch {
  VisitedRows visited;
  SortedPool sorted;
  HeapPool heap;
  std::vector<uint32_t> fresh;
  std::vector<float> keys;
  std::vector<uint32_t> found;  // by codes, to be scored exactly
};

// Down to level 1: from the entry, always to the nearest neighbour, until none is nearer.
template <typename AnyScorer>
uint32_t Descend(const HnswGraph& graph, const AnyScorer& scorer, float* key, SearchStats* stats, Scratch& scratch) {
  *key = scorer.Key(graph.entry);
  ++stats->distances;
  if (graph.max_level == 0) return graph.entry;
  uint32_t slot = graph.SlotOf(graph.entry);
  for (uint32_t level = graph.max_level; level > 0; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      const uint32_t* links = graph.Links(slot, level);
      size_t n = 0;
      while (n < graph.degree && links[n] != HnswGraph::kNone) {
        scratch.fresh[n] = graph.upper_rows[links[n]];
        ++n;
      }
      scorer.Keys(scratch.fresh.data(), n, scratch.keys.data());
      stats->distances += n;
      for (size_t i = 0; i < n; ++i) {
        if (scratch.keys[i] >= *key) continue;
        *key = scratch.keys[i];
        slot = links[i];
        moved = true;
      }
      ++stats->hops;
    }
  }
  return graph.upper_rows[slot];
}

template <typename AnyScorer, typename Pool>
Status WalkLevel0(const HnswGraph& graph, const AnyScorer& scorer, const AllowedRows* allowed, const Context& context, Pool& pool,
                  Scratch& scratch, TopK* best, SearchStats* stats) {
  uint32_t row = 0;
  for (size_t step = 1; pool.Pop(&row); ++step) {
    if (step % kStepsBetweenChecks == 0) TRY(context.Check());
    const uint32_t* links = graph.Links0(row);
    size_t n = 0;
    for (uint32_t i = 0; i < graph.degree0 && links[i] != HnswGraph::kNone; ++i) {
      if (scratch.visited.Meet(links[i])) scratch.fresh[n++] = links[i];
    }
    uint32_t following = 0;
    if (pool.Peek(&following)) {
      const uint32_t* next_links = graph.Links0(following);
      __builtin_prefetch(next_links);
      if (graph.degree0 > 16) __builtin_prefetch(next_links + 16);
    }
    scorer.Keys(scratch.fresh.data(), n, scratch.keys.data());
    stats->distances += n;
    ++stats->hops;
    for (size_t i = 0; i < n; ++i) {
      pool.Insert(scratch.keys[i], scratch.fresh[i]);
      if (allowed == nullptr || allowed->Test(scratch.fresh[i])) best->Offer(scratch.keys[i], scratch.fresh[i]);
    }
  }
  return OkStatus();
}

template <typename AnyScorer>
Status Walk(const HnswGraph& graph, const AnyScorer& scorer, const WalkRequest& request, const Context& context, Scratch& scratch,
            TopK* best, SearchStats* stats) {
  float key = 0;
  const uint32_t start = Descend(graph, scorer, &key, stats, scratch);
  scratch.visited.Meet(start);
  if (request.allowed == nullptr || request.allowed->Test(start)) best->Offer(key, start);
  if (request.pool <= kSortedPoolLimit) {
    scratch.sorted.Reset(request.pool);
    scratch.sorted.Insert(key, start);
    return WalkLevel0(graph, scorer, request.allowed, context, scratch.sorted, scratch, best, stats);
  }
  scratch.heap.Reset(request.pool);
  scratch.heap.Insert(key, start);
  return WalkLevel0(graph, scorer, request.allowed, context, scratch.heap, scratch, best, stats);
}

// How many of the rows that codes rank best are scored exactly: enough that a code's error loses none of the k.
size_t CountToRefine(const WalkRequest& request) {
  return std::max(2 * request.k, std::min(request.pool, 4 * request.k + 24));
}

}  // namespace

Status WalkGraph(const HnswGraph& graph, const WalkRequest& request, const Context& context, TopK* best, SearchStats* stats) {
  if (graph.entry == HnswGraph::kNone) return OkStatus();
  thread_local Scratch scratch;
  scratch.visited.Reset(request.row_count);
  const size_t degree = std::max(graph.degree0, graph.degree);
  if (scratch.fresh.size() < degree) {
    scratch.fresh.resize(degree);
    scratch.keys.resize(degree);
  }
  if (request.codes == nullptr) return Walk(graph, request.scorer, request, context, scratch, best, stats);
  TopK candidates(CountToRefine(request));
  TRY(Walk(graph, *request.codes, request, context, scratch, &candidates, stats));
  candidates.TakeRows(&scratch.found);
  if (scratch.keys.size() < scratch.found.size()) scratch.keys.resize(scratch.found.size());
  request.scorer.Keys(scratch.found.data(), scratch.found.size(), scratch.keys.data());
  for (size_t i = 0; i < scratch.found.size(); ++i) best->Offer(scratch.keys[i], scratch.found[i]);
  stats->distances += scratch.found.size();
  return OkStatus();
}

}  // namespace saker::index
