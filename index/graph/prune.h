// Chooses a row's links among candidates: near ones in different directions, the rest of the places filled with the nearest.
//
// The occlusion rule of HNSW and Vamana (Subramanya et al. 2019, algorithm 2): a candidate that some link is alpha times nearer to
// than the row itself is left out, first with alpha = 1, then with the given alpha while places are free. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/graph/candidates.h"
#include "index/graph/pair_distances.h"

namespace saker::index {

class Pruner {
 public:
  Pruner(PairDistances& distances, size_t degree, float alpha) : distances_(distances), degree_(degree), alpha_squared_(alpha * alpha) {}

  // `candidates`: nearest first, distinct, without the row. Writes links, nearest first, with their distances; returns how many.
  enum class Fill { kNo, kYes };
  size_t Choose(const std::vector<Candidate>& candidates, Fill fill, std::vector<Candidate>* links);

 private:
  void Take(const std::vector<Candidate>& candidates, size_t at, std::vector<Candidate>* links);

  PairDistances& distances_;
  const size_t degree_;
  const float alpha_squared_;
  std::vector<uint32_t> rows_;
  std::vector<float> near_;       // from the link just taken
  std::vector<float> occlusion_;  // how much nearer, squared, the best link is than the row; a taken candidate has kTaken
};

}  // namespace saker::index
