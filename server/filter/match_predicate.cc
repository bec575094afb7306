#include "server/filter/match_predicate.h"

#include <bit>
#include <utility>

namespace saker::filter {
namespace {

class MatchPredicate final : public Predicate {
 public:
  MatchPredicate(size_t field, std::shared_ptr<const analyzer::Analyzer> analyzer, match::MatchQuery query)
      : field_(field), analyzer_(std::move(analyzer)), query_(std::move(query)) {}

  void Evaluate(Evaluation& evaluation, const uint64_t* mask, Block* out) const override {
    evaluation.Known(field_, out->known);
    const Column& column = evaluation.column(field_);
    const size_t base = evaluation.base(field_);
    std::vector<analyzer::Token> tokens;
    for (size_t w = 0; w < evaluation.block_words(); ++w) {
      uint64_t truth = 0;
      for (uint64_t left = query_.terms().empty() ? 0 : mask[w] & out->known[w]; left != 0; left &= left - 1) {
        const auto bit = static_cast<size_t>(std::countr_zero(left));
        const Status status = analyzer_->Analyze(column.Text(base + w * 64 + bit), &tokens);
        if (!status.ok()) evaluation.Fail(status);  // no tokens then
        if (query_.Matches(tokens)) truth |= uint64_t{1} << bit;
      }
      out->truth[w] = truth;
    }
  }
  int cost() const override { return 200; }  // an analysis of each row

 private:
  const size_t field_;
  const std::shared_ptr<const analyzer::Analyzer> analyzer_;
  const match::MatchQuery query_;
};

}  // namespace

PredicatePtr MakeMatch(size_t field, std::shared_ptr<const analyzer::Analyzer> analyzer, match::MatchQuery query) {
  return std::make_unique<MatchPredicate>(field, std::move(analyzer), std::move(query));
}

}  // namespace saker::filter
