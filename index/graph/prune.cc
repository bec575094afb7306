#include "index/graph/prune.h"

#include <algorithm>
#include <limits>

namespace saker::index {
namespace {

constexpr float kTaken = std::numeric_limits<float>::infinity();

}  // namespace

void Pruner::Take(const std::vector<Candidate>& candidates, size_t at, std::vector<Candidate>* links) {
  links->push_back(candidates[at]);
  occlusion_[at] = kTaken;
  const size_t rest = candidates.size() - at - 1;
  if (rest == 0 || links->size() == degree_) return;
  distances_.From(candidates[at].row, rows_.data() + at + 1, rest, near_.data());
  for (size_t i = 0; i < rest; ++i) {
    const size_t c = at + 1 + i;
    const float ratio = near_[i] > 0 ? candidates[c].distance / near_[i] : std::numeric_limits<float>::max();
    if (ratio > occlusion_[c]) occlusion_[c] = ratio;
  }
}

size_t Pruner::Choose(const std::vector<Candidate>& candidates, Fill fill, std::vector<Candidate>* links) {
  links->clear();
  rows_.resize(candidates.size());
  near_.resize(candidates.size());
  occlusion_.assign(candidates.size(), 0);
  for (size_t i = 0; i < candidates.size(); ++i) rows_[i] = candidates[i].row;
  for (const float limit : {1.0f, alpha_squared_}) {
    for (size_t i = 0; i < candidates.size() && links->size() < degree_; ++i) {
      if (occlusion_[i] <= limit) Take(candidates, i, links);
    }
  }
  if (fill == Fill::kYes) {
    for (size_t i = 0; i < candidates.size() && links->size() < degree_; ++i) {
      if (occlusion_[i] != kTaken) links->push_back(candidates[i]);
    }
  }
  std::sort(links->begin(), links->end());
  return links->size();
}

}  // namespace saker::index
