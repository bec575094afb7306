// Candidates from elsewhere for rows that stand in clumps: near copies of one another, a photo in thirty sizes.
//
// The nearest rows of such a row are all of its clump. Links chosen among those lead nowhere else, and a query from outside, whose
// pool fills with one clump, ends there. So the rows of a leaf whose nearest are much nearer than the nearest of a sixteenth of the leaf
// are offered those too; pruning keeps them because none of the clump is nearer to them than the row is. That is what the rows
// inserted early give HNSW. Leaves without clumps cost a 256th of their distances more. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/graph/candidates.h"
#include "index/graph/pair_distances.h"

namespace saker::index {

class FarCandidates {
 public:
  // `nearest`: of each row of the leaf among the leaf's.
  void Offer(const std::vector<uint32_t>& leaf, const NearestRows& nearest, PairDistances& pairs, CandidateTable* table);

 private:
  std::vector<uint32_t> some_;
  NearestRows far_;
  std::vector<Candidate> offers_;
};

}  // namespace saker::index
