// Links rows into a growing graph: what one thread of a build does. builder.cc drives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/hnsw/graph.h"
#include "index/hnsw/pool.h"
#include "index/hnsw/row_locks.h"
#include "index/hnsw/visited_rows.h"
#include "index/scorer.h"

namespace saker::index {

// The graph under construction, shared by all threads. Upper links hold rows, not yet slots.
struct GrowingGraph {
  GrowingGraph(const VectorSource& vectors, Metric metric_in, const float* norms)
      : source(vectors), metric(metric_in), inverse_norms(norms), locks(vectors.row_count()) {}

  struct List {
    uint32_t* rows;  // kNone from the first unused place on
    float* keys;     // to the list's own row
    uint32_t capacity;
  };
  List ListOf(uint32_t row, uint32_t level) {
    if (level == 0) return {graph.level0.data() + size_t{row} * graph.degree0, keys0.data() + size_t{row} * graph.degree0, graph.degree0};
    const size_t block = (size_t{graph.upper_offsets[slot_of[row]]} + level - 1) * graph.degree;
    return {graph.upper_links.data() + block, upper_keys.data() + block, graph.degree};
  }

  const VectorSource& source;
  const Metric metric;
  const float* const inverse_norms;
  uint32_t ef_construction = 0;
  HnswGraph graph;
  std::vector<uint8_t> levels;    // highest level of each row
  std::vector<uint32_t> slot_of;  // rows above level 0
  std::vector<float> keys0;
  std::vector<float> upper_keys;
  RowLocks locks;  // a row's lock guards its lists and their keys
};

class Inserter {
 public:
  explicit Inserter(GrowingGraph& growing);
  void Insert(uint32_t row);

 private:
  size_t CopyList(uint32_t row, uint32_t level);  // into near_
  void Descend(uint32_t level, uint32_t* row, float* key);
  void SearchLevel(uint32_t start, float start_key, uint32_t level);   // into found_
  void Select(const std::vector<uint64_t>& candidates, size_t limit);  // into kept_
  void LinkBack(uint32_t from, uint32_t to, float key, uint32_t level);

  GrowingGraph& growing_;
  Scorer query_;  // of the row that is being inserted
  Scorer pair_;   // of a candidate against those kept
  VisitedRows visited_;
  SortedPool pool_;
  std::vector<uint32_t> near_;
  std::vector<float> keys_;
  std::vector<uint64_t> found_;
  std::vector<uint64_t> rival_;
  std::vector<uint64_t> kept_;
  std::vector<uint32_t> kept_rows_;
};

}  // namespace saker::index
