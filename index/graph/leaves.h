// Candidates for every row's links without a search: rows are cut into overlapping small groups, and within a group all
// distances are computed at once (PiPNN, Rubel et al. 2026: partition by random leaders, several replicas).
//
// Cost a row: replicas * leaf rows * dimension multiply-adds of 8 bits, at the machine's peak; no walk, no cache miss but the
// row's own candidates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "index/graph/candidates.h"
#include "index/graph/pair_distances.h"
#include "index/index.h"
#include "index/parallel.h"

namespace saker::index {

struct LeafShape {
  size_t rounds = 4;   // independent partitions
  size_t fanout = 2;   // groups a row goes to in each
  size_t leaf = 1024;  // rows of a group at most
  size_t nearest = 8;  // candidates a row takes from a group
};

using PairMaker = std::function<std::unique_ptr<PairDistances>()>;

// Which rounds are there already, and what to do after each other one (with their number, that one included).
struct LeafRounds {
  size_t done = 0;
  std::function<void(size_t)> after;  // may be empty
};

// `rows` are those that have a vector; `table` gets what is found.
Status CollectCandidates(const std::vector<uint32_t>& rows, const PairMaker& make_pairs, const LeafShape& shape, uint32_t seed,
                         const BuildOptions& options, StageShare share, const LeafRounds& rounds, CandidateTable* table);

}  // namespace saker::index
