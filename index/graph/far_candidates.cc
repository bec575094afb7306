#include "index/graph/far_candidates.h"

#include <algorithm>

namespace saker::index {
namespace {

constexpr size_t kEvery = 16;      // row of a leaf is one of those elsewhere
constexpr size_t kFar = 8;         // of them are offered to a row
constexpr float kClump = 8;        // times as far, in squared distances: 2 of 1,000 image descriptors are that
constexpr size_t kOneClumped = 8;  // of the rows looked at makes a leaf worth the rest of the work

float Farthest(const NearestRows& nearest, size_t row) {
  float farthest = 0;
  for (size_t i = row * nearest.width; i < (row + 1) * nearest.width; ++i) {
    if (nearest.places[i] != NearestRows::kNone) farthest = std::max(farthest, nearest.distances[i]);
  }
  return farthest;
}

}  // namespace

void FarCandidates::Offer(const std::vector<uint32_t>& leaf, const NearestRows& nearest, PairDistances& pairs, CandidateTable* table) {
  some_.clear();
  for (size_t i = 0; i < leaf.size(); i += kEvery) some_.push_back(leaf[i]);
  if (some_.size() <= kFar) return;
  pairs.Nearest(some_.data(), some_.size(), some_.data(), some_.size(), kFar, &far_);
  size_t clumped = 0;
  for (size_t i = 0; i < some_.size(); ++i) clumped += Farthest(far_, i) > kClump * Farthest(nearest, i * kEvery) ? 1 : 0;
  if (clumped * kOneClumped < some_.size()) return;
  pairs.Nearest(leaf.data(), leaf.size(), some_.data(), some_.size(), kFar, &far_);
  for (size_t i = 0; i < leaf.size(); ++i) {
    if (Farthest(far_, i) <= kClump * Farthest(nearest, i)) continue;
    offers_.clear();
    for (size_t j = i * kFar; j < (i + 1) * kFar; ++j) {
      if (far_.places[j] != NearestRows::kNone) offers_.push_back({far_.distances[j], some_[far_.places[j]]});
    }
    table->Offer(leaf[i], offers_.data(), offers_.size());
  }
}

}  // namespace saker::index
