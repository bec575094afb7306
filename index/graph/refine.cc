#include "index/graph/refine.h"

#include <algorithm>

#include "index/code_errors.h"
#include "index/topk.h"

namespace saker::index {
namespace {

constexpr size_t kMeasuredBeyond = 6;  // rows scored whatever their codes say, beyond k
constexpr double kDeviations = 4;

}  // namespace

std::vector<Hit> Refiner::Best(const CodeQuery& query, size_t k, std::vector<uint64_t>* found, SearchStats* stats) {
  if (!std::is_sorted(found->begin(), found->end())) std::sort(found->begin(), found->end());
  const size_t first = std::min(found->size(), k + kMeasuredBeyond);
  rows_.clear();
  for (size_t i = 0; i < first; ++i) rows_.push_back(RowOf((*found)[i]));
  Score(0, stats);
  if (first < found->size()) {
    const double cut = Cut(query, k, *found);
    for (size_t i = first; i < found->size(); ++i) {
      const uint64_t packed = (*found)[i];
      if (static_cast<double>(packed >> 32) <= cut || codes_.IsCut(RowOf(packed))) rows_.push_back(RowOf(packed));
    }
    Score(first, stats);
  }
  TopK best(k);
  for (size_t i = 0; i < rows_.size(); ++i) best.Offer(exact_[i], rows_[i]);
  return best.Finish(metric_);
}

std::vector<Hit> Refiner::BestOfAll(const SearchRequest& range, size_t k, const std::vector<uint64_t>& found, SearchStats* stats) {
  rows_.clear();
  for (const uint64_t packed : found) rows_.push_back(RowOf(packed));
  Score(0, stats);
  TopK best(k);
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (InRange(metric_, range, KeyToScore(metric_, exact_[i]))) best.Offer(exact_[i], rows_[i]);
  }
  return best.Finish(metric_);
}

void Refiner::Score(size_t from, SearchStats* stats) {
  if (exact_.size() < rows_.size()) exact_.resize(rows_.size());
  scorer_.Keys(rows_.data() + from, rows_.size() - from, exact_.data() + from);
  stats->distances += rows_.size() - from;
}

double Refiner::Cut(const CodeQuery& query, size_t k, const std::vector<uint64_t>& found) {
  CodeErrors errors;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (codes_.IsCut(rows_[i])) continue;
    errors.Add(static_cast<double>(found[i] >> 32) - query.ExactKey(KeyToScore(metric_, exact_[i])));
  }
  if (errors.count() == 0) return static_cast<double>(found.back() >> 32);
  best_.assign(exact_.begin(), exact_.begin() + static_cast<std::ptrdiff_t>(rows_.size()));
  std::nth_element(best_.begin(), best_.begin() + static_cast<std::ptrdiff_t>(k - 1), best_.end());
  const float kth = KeyToScore(metric_, best_[k - 1]);
  return std::max(query.ExactKey(kth) + errors.mean() + kDeviations * errors.deviation(), static_cast<double>(query.KeyWithin(kth)));
}

}  // namespace saker::index
