// What the parameters of a valid IndexSpec and SearchRequest mean to the families. Texts and ranges: spec.cc.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "index/bm25.h"
#include "index/index.h"

namespace saker::index {

// How an index type is served. README.md says which types are stand-ins.
enum class Serving { kFlat, kGraph, kLists, kSparse, kAuto, kDisk };
// InvalidArgument "invalid index type: <x>" for a type nobody knows.
Result<Serving> ServingOf(const std::string& type, VectorType vector_type);

using Params = std::map<std::string, std::string>;

struct GraphShape {
  uint32_t m;
  uint32_t ef_construction;
};
GraphShape GraphShapeOf(const IndexSpec& spec);
// The share of the true neighbours that AUTOINDEX is asked for: "target_recall", or what "level" stands for.
double RecallTarget(const Params& params);
// The pool of a graph search: "ef", "search_list" or the default for k. gamma 0: no stop by distance.
struct GraphEffort {
  size_t pool;
  float gamma;
  // How many rows a walk for k is expected to expand: its pool, which a stop by distance makes a mere cap.
  size_t Steps(size_t k) const { return gamma > 0 ? std::min(pool, k + 64) : pool; }
};
GraphEffort GraphEffortOf(const IndexSpec& spec, const Params& params, size_t k);
// DISKANN: budgets are shares of the raw vectors' size.
struct DiskShape {
  uint32_t max_degree;
  uint32_t search_list_size;
  double code_share;   // pq_code_budget_gb_ratio
  double cache_share;  // search_cache_budget_gb_ratio
  double build_share;  // build_dram_budget_gb_ratio; 0: no bound
};
DiskShape DiskShapeOf(const IndexSpec& spec);
size_t BeamWidth(const Params& params);
// Empty counts with the spec's bm25_k1 and bm25_b.
Bm25Statistics Bm25DefaultsOf(const IndexSpec& spec);
// A ratio in [0, 1) by name; 0 when absent.
double DropRatio(const Params& params, const char* name);
// How many times k rows a search that drops values scores in full.
size_t RefineFactor(const Params& params);
size_t ListCount(const IndexSpec& spec);
size_t ProbeCount(const IndexSpec& spec, const Params& params);
// How many rows a cluster index with codes scores exactly: "reorder_k", k times "refine_k", or the default of the type for k.
size_t CandidateCount(const IndexSpec& spec, const Params& params, size_t k);

}  // namespace saker::index
