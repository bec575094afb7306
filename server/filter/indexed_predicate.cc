#include "server/filter/indexed_predicate.h"

#include <algorithm>
#include <utility>

namespace saker::filter {
namespace {

using scalar_index::Estimate;
using scalar_index::ScalarIndex;

constexpr int kNumberCost = 8;  // up to here a predicate reads whole blocks, whatever the mask

// About what a predicate takes for a row that it is asked for, by its place in the order of costs (filter_bench).
double RowNanoseconds(int cost) {
  if (cost <= 1) return 0.2;
  if (cost <= kNumberCost) return 0.5 * cost;
  if (cost < 30) return 8;
  if (cost < 100) return 30;
  return cost < 200 ? 250 : 1000;  // a text is analysed
}

class IndexedPredicate final : public Predicate {
 public:
  IndexedPredicate(PredicatePtr inner, IndexedPlace place, IndexQuery query, size_t leaf)
      : inner_(std::move(inner)), place_(std::move(place)), query_(std::move(query)), leaf_(leaf) {
    keys = inner_->keys;
  }

  void Plan(Evaluation& evaluation, double rows) const override {
    if (evaluation.indexes() == nullptr) return;
    const int cost = inner_->cost();
    const double asked = cost <= kNumberCost ? std::min<double>(static_cast<double>(evaluation.row_count()), rows * kBlockRows) : rows;
    double least = asked * RowNanoseconds(cost);
    const ScalarIndex* best = nullptr;
    ForEachEstimate(evaluation, [&](const ScalarIndex& index, const Estimate& estimate) {
      const double work = estimate.work_ns + static_cast<double>(estimate.unsure) * RowNanoseconds(std::max(cost, kNumberCost + 1));
      if (work >= least) return;
      least = work;
      best = &index;
    });
    if (best != nullptr) evaluation.SetAnswer(leaf_, best->Find(query_.query), query_.negated);
  }

  std::optional<double> EstimateTrue(const Evaluation& evaluation) const override {
    std::optional<double> out;
    if (evaluation.indexes() == nullptr) return out;
    ForEachEstimate(evaluation, [&](const ScalarIndex&, const Estimate& estimate) {
      const auto found = static_cast<double>(estimate.rows);
      out = query_.negated ? static_cast<double>(evaluation.row_count()) - found : found;
    });
    return out;
  }

  const LeafAnswer* answer(const Evaluation& evaluation) const override { return evaluation.answer(leaf_); }

  void Evaluate(Evaluation& evaluation, const uint64_t* mask, Block* out) const override {
    const LeafAnswer* found = evaluation.answer(leaf_);
    if (found == nullptr) return inner_->Evaluate(evaluation, mask, out);
    const size_t first = evaluation.block_begin() / 64;
    const size_t words = evaluation.block_words();
    std::copy_n(found->truth.words() + first, words, out->truth);
    if (found->known == nullptr) {
      std::fill_n(out->known, words, ~uint64_t{0});
    } else {
      std::copy_n(found->known + first, words, out->known);
    }
    if (!found->unsure) return;
    uint64_t asked[kBlockWords];
    uint64_t any = 0;
    for (size_t w = 0; w < words; ++w) any |= asked[w] = mask[w] & found->unsure->words()[first + w];
    if (any == 0) return;
    Block column;
    inner_->Evaluate(evaluation, asked, &column);
    for (size_t w = 0; w < words; ++w) {
      out->truth[w] = (out->truth[w] & ~asked[w]) | (column.truth[w] & asked[w]);
      out->known[w] = (out->known[w] & ~asked[w]) | (column.known[w] & asked[w]);
    }
  }
  int cost() const override { return inner_->cost(); }
  void AddLeaves(std::vector<const Predicate*>* leaves) const override { inner_->AddLeaves(leaves); }

 private:
  // Each index of the place that answers.
  template <typename F>
  void ForEachEstimate(const Evaluation& evaluation, F&& f) const {
    for (const auto& [id, index] : *evaluation.indexes()) {
      if (index->spec().field_id != place_.field_id || index->row_count() != evaluation.row_count()) continue;
      if (index->spec().path != place_.path || index->spec().string_to_double != place_.string_to_double) continue;
      if (const std::optional<Estimate> estimate = index->EstimateMatches(query_.query)) f(*index, *estimate);
    }
  }

  const PredicatePtr inner_;
  const IndexedPlace place_;
  const IndexQuery query_;
  const size_t leaf_;
};

}  // namespace

PredicatePtr MakeIndexed(PredicatePtr inner, IndexedPlace place, IndexQuery query, size_t leaf) {
  if (inner->constant() != nullptr) return inner;
  return std::make_unique<IndexedPredicate>(std::move(inner), std::move(place), std::move(query), leaf);
}

}  // namespace saker::filter
