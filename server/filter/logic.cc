// and, or, not in Kleene's logic; constants; random samples.
#include <algorithm>
#include <cmath>
#include <limits>

#include "server/filter/predicate.h"

namespace saker::filter {
namespace {

constexpr size_t kMaxOrdered = 64;  // operands that are sorted anew for a batch

class ConstantPredicate final : public Predicate {
 public:
  explicit ConstantPredicate(bool value) : value_(value) {}
  void Evaluate(Evaluation& evaluation, const uint64_t*, Block* out) const override {
    std::fill_n(out->truth, evaluation.block_words(), value_ ? ~uint64_t{0} : 0);
    std::fill_n(out->known, evaluation.block_words(), ~uint64_t{0});
  }
  int cost() const override { return 0; }
  const bool* constant() const override { return &value_; }

 private:
  bool value_;
};

void SortByCost(std::vector<PredicatePtr>* operands) {
  std::stable_sort(operands->begin(), operands->end(), [](const PredicatePtr& a, const PredicatePtr& b) { return a->cost() < b->cost(); });
}

int SumOfCosts(const std::vector<PredicatePtr>& operands) {
  int sum = 0;
  for (const PredicatePtr& operand : operands) sum = std::min(sum + operand->cost(), 1'000'000);
  return sum;
}

// An operand sees only the rows that the ones before it left undecided.
class AndPredicate final : public Predicate {
 public:
  explicit AndPredicate(std::vector<PredicatePtr> operands) : operands_(std::move(operands)), cost_(SumOfCosts(operands_)) {
    SortByCost(&operands_);
    for (const PredicatePtr& operand : operands_) samples_ |= operand->samples();
  }
  // The most selective index first: what it leaves open is all that the others are asked for.
  void Plan(Evaluation& evaluation, double rows) const override {
    if (evaluation.indexes() == nullptr) return;
    std::vector<std::pair<double, const Predicate*>> order;
    for (const PredicatePtr& operand : operands_)
      order.emplace_back(operand->EstimateTrue(evaluation).value_or(std::numeric_limits<double>::infinity()), operand.get());
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [estimate, operand] : order) {
      operand->Plan(evaluation, rows);
      if (operand->answer(evaluation) != nullptr) rows = std::min(rows, estimate);
    }
  }
  void Evaluate(Evaluation& evaluation, const uint64_t* mask, Block* out) const override {
    const Predicate* order[kMaxOrdered];
    const size_t words = evaluation.block_words();
    const bool ordered = evaluation.indexes() != nullptr && operands_.size() <= kMaxOrdered;
    if (ordered) AnsweredFirst(evaluation, order);
    (ordered ? order[0] : operands_[0].get())->Evaluate(evaluation, mask, out);
    for (size_t i = 1; i < operands_.size(); ++i) {
      uint64_t open[kBlockWords];
      uint64_t any = 0;
      for (size_t w = 0; w < words; ++w) any |= open[w] = mask[w] & (out->truth[w] | ~out->known[w]);
      if (any == 0) return;
      Block next;
      (ordered ? order[i] : operands_[i].get())->Evaluate(evaluation, open, &next);
      for (size_t w = 0; w < words; ++w) {
        const uint64_t is_false = (out->known[w] & ~out->truth[w]) | (next.known[w] & ~next.truth[w]);
        out->known[w] = (out->known[w] & next.known[w]) | is_false;
        out->truth[w] &= next.truth[w];
      }
    }
  }
  int cost() const override { return cost_; }
  const std::vector<PredicatePtr>* and_operands() const override { return &operands_; }
  bool samples() const override { return samples_; }
  void AddLeaves(std::vector<const Predicate*>* leaves) const override {
    for (const PredicatePtr& operand : operands_) operand->AddLeaves(leaves);
  }

 private:
  void AnsweredFirst(const Evaluation& evaluation, const Predicate** order) const {
    const auto sure = [&](const Predicate& operand) {
      const LeafAnswer* answer = operand.answer(evaluation);
      return answer != nullptr && !answer->unsure;
    };
    size_t next = 0;
    for (const PredicatePtr& operand : operands_) {
      if (sure(*operand)) order[next++] = operand.get();
    }
    for (const PredicatePtr& operand : operands_) {
      if (!sure(*operand)) order[next++] = operand.get();
    }
  }

  std::vector<PredicatePtr> operands_;
  int cost_;
  bool samples_ = false;
};

class OrPredicate final : public Predicate {
 public:
  explicit OrPredicate(std::vector<PredicatePtr> operands) : operands_(std::move(operands)), cost_(SumOfCosts(operands_)) {
    SortByCost(&operands_);
  }
  void Plan(Evaluation& evaluation, double rows) const override {
    for (const PredicatePtr& operand : operands_) operand->Plan(evaluation, rows);
  }
  void Evaluate(Evaluation& evaluation, const uint64_t* mask, Block* out) const override {
    const size_t words = evaluation.block_words();
    operands_[0]->Evaluate(evaluation, mask, out);
    for (size_t w = 0; w < words; ++w) out->truth[w] &= out->known[w];
    for (size_t i = 1; i < operands_.size(); ++i) {
      uint64_t open[kBlockWords];
      uint64_t any = 0;
      for (size_t w = 0; w < words; ++w) any |= open[w] = mask[w] & ~out->truth[w];
      if (any == 0) return;
      Block next;
      operands_[i]->Evaluate(evaluation, open, &next);
      for (size_t w = 0; w < words; ++w) {
        const uint64_t is_true = out->truth[w] | (next.truth[w] & next.known[w]);
        out->known[w] = (out->known[w] & next.known[w]) | is_true;
        out->truth[w] = is_true;
      }
    }
  }
  int cost() const override { return cost_; }
  void AddLeaves(std::vector<const Predicate*>* leaves) const override {
    for (const PredicatePtr& operand : operands_) operand->AddLeaves(leaves);
  }

 private:
  std::vector<PredicatePtr> operands_;
  int cost_;
};

class NotPredicate final : public Predicate {
 public:
  explicit NotPredicate(PredicatePtr operand) : operand_(std::move(operand)) {}
  void Plan(Evaluation& evaluation, double rows) const override { operand_->Plan(evaluation, rows); }
  void Evaluate(Evaluation& evaluation, const uint64_t* mask, Block* out) const override {
    operand_->Evaluate(evaluation, mask, out);
    for (size_t w = 0; w < evaluation.block_words(); ++w) out->truth[w] = ~out->truth[w] & out->known[w];
  }
  int cost() const override { return operand_->cost(); }
  void AddLeaves(std::vector<const Predicate*>* leaves) const override { operand_->AddLeaves(leaves); }

 private:
  PredicatePtr operand_;
};

uint64_t Mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ x >> 27) * 0x94D049BB133111EBULL;
  return x ^ x >> 31;
}

// Each row is drawn for itself by seed and place: a looser filter or a larger share never loses a row.
class SamplePredicate final : public Predicate {
 public:
  explicit SamplePredicate(double share) : limit_(static_cast<uint64_t>(share * 0x1p63)) {}
  void Evaluate(Evaluation& evaluation, const uint64_t*, Block* out) const override {
    const uint64_t first = evaluation.block_begin();
    const uint64_t seed = Mix(evaluation.sample_seed());
    FillWords(evaluation.block_rows(), out->truth, [&](size_t i) { return Mix((first + i) * 0x9E3779B97F4A7C15ULL + seed) >> 1 < limit_; });
    std::fill_n(out->known, evaluation.block_words(), ~uint64_t{0});
  }
  int cost() const override { return 3; }
  bool samples() const override { return true; }

 private:
  uint64_t limit_;
};

// Constant operands vanish, or decide: for `and`, FALSE decides and TRUE vanishes.
PredicatePtr Join(std::vector<PredicatePtr> operands, bool deciding) {
  std::vector<PredicatePtr> kept;
  for (PredicatePtr& operand : operands) {
    if (operand->constant() == nullptr) {
      kept.push_back(std::move(operand));
    } else if (*operand->constant() == deciding) {
      return MakeConstant(deciding);
    }
  }
  if (kept.empty()) return MakeConstant(!deciding);
  if (kept.size() == 1) return std::move(kept[0]);
  if (deciding) return std::make_unique<OrPredicate>(std::move(kept));
  return std::make_unique<AndPredicate>(std::move(kept));
}

}  // namespace

PredicatePtr MakeConstant(bool value) {
  return std::make_unique<ConstantPredicate>(value);
}
PredicatePtr MakeAnd(std::vector<PredicatePtr> operands) {
  return Join(std::move(operands), false);
}
PredicatePtr MakeOr(std::vector<PredicatePtr> operands) {
  return Join(std::move(operands), true);
}
PredicatePtr MakeNot(PredicatePtr operand) {
  if (operand->constant() != nullptr) return MakeConstant(!*operand->constant());
  return std::make_unique<NotPredicate>(std::move(operand));
}
PredicatePtr MakeSample(double share) {
  return std::make_unique<SamplePredicate>(share);
}

}  // namespace saker::filter
