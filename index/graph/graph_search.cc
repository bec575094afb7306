#include "index/graph/graph_search.h"

#include <algorithm>
#include <optional>

#include "index/flat/exact_scan.h"
#include "index/graph/code_scan.h"
#include "index/graph/exact_query.h"
#include "index/graph/planner.h"
#include "index/graph/refine.h"
#include "index/graph/walk.h"
#include "index/params.h"

namespace saker::index {
namespace {

constexpr size_t kRangePool = 256;  // expanded even where none of them is in the range; from there on the bounds decide

class GraphSearch {
 public:
  GraphSearch(const GraphParts& parts, const SearchRequest& request, const Context& context, SearchStats* stats)
      : parts_(parts),
        request_(request),
        context_(context),
        stats_(stats),
        allowed_(request.allowed, parts.source.valid(), parts.source.row_count()),
        k_(std::min(request.k, allowed_.count())),
        ranged_(request.radius.has_value()),
        effort_(GraphEffortOf(parts.spec, request.params, request.k)),
        scorer_(parts.source, parts.spec.metric, parts.inverse_norms),
        refiner_(scorer_, parts.spec.metric, parts.codes) {
    // A walk keeps what is to be scored exactly in view, whatever is asked for.
    const size_t refined = parts.codes.empty() ? k_ : CountToRefine(k_);
    effort_.pool = std::max(effort_.pool, refined);
    if (ranged_) effort_.pool = std::min(effort_.pool, kRangePool);
    if (!parts.codes.empty()) codes_.emplace(parts.codes);
    SearchShape shape;
    shape.rows = request.allowed != nullptr ? parts.source.row_count() : allowed_.count();
    shape.allowed = allowed_.count();
    shape.k = k_;
    shape.by_distance = effort_.gamma > 0;
    shape.pool = effort_.Steps(k_);
    shape.row_bytes = codes_ ? parts.codes.stride() : RowBytes(parts.source.type(), parts.source.dim());
    shape.degree = parts.graph.degree;
    plan_ = PlanSearch(shape);
  }

  Result<std::vector<std::vector<Hit>>> Run() {
    std::vector<std::vector<Hit>> results(request_.query_count);
    if (k_ == 0) return results;
    std::vector<float> floats(parts_.source.dim());
    const size_t width = RowBytes(parts_.source.type(), parts_.source.dim());
    for (size_t q = 0; q < request_.query_count; ++q) {
      TRY(context_.Check());
      const char* const query = static_cast<const char*>(request_.queries) + q * width;
      scorer_.SetQuery(query);
      coded_ = false;
      if (codes_) {
        ToFloats(parts_.source.type(), query, parts_.source.dim(), 1, floats.data());
        coded_ = codes_->Set(floats.data());
      }
      TRY(SearchOne(q, &results[q]));
    }
    return results;
  }

 private:
  Status SearchOne(size_t q, std::vector<Hit>* hits) {
    if (!plan_.scan) {
      if (TRY(Walk()) == WalkEnd::kFound && (ranged_ || found_.size() >= k_)) {
        *hits = ScoreFound();
        return OkStatus();
      }
    }
    // Few rows to look at, or a walk that was cut off from them: they are looked at one by one.
    if (!coded_ || !TRY(ScanByCodes(hits))) *hits = std::move(TRY(ScanExactly(q, 1))[0]);
    return OkStatus();
  }

  // False when codes cannot tell the rows apart and all of them should rather be scored exactly.
  Result<bool> ScanByCodes(std::vector<Hit>* hits) {
    const size_t most = std::max<size_t>(CountToRefine(k_), allowed_.count() / 4);
    if (ranged_) {
      const KeyRange keys = codes_->KeysOf(request_.range_filter, request_.radius);
      if (!TRY(ScanCodesBetween(*codes_, allowed_, keys, most, context_, &found_))) return false;
    } else {
      const uint32_t left_out = TRY(ScanCodes(*codes_, allowed_, CountToRefine(k_), context_, &found_));
      if (ManyAreCut()) return false;
      *hits = ScoreFound();
      stats_->distances += allowed_.count();
      // Where many rows are about as far as the k-th best, those that rounding put behind are scored too.
      const uint32_t within = codes_->KeyWithin(hits->back().score);
      if (left_out > within) return true;
      if (!TRY(ScanCodesBetween(*codes_, allowed_, {0, within}, most, context_, &found_))) return false;
    }
    stats_->distances += allowed_.count();
    *hits = ScoreFound();
    return true;
  }

  // What lies far from a query may be just the rows whose elements were cut off: their keys err by more than is made up for. Looked at
  // where scoring all is cheap: on word vectors, many of whose rows are cut, a random tenth of 100,000 would take 1.45 times as long.
  bool ManyAreCut() const {
    constexpr size_t kCheap = 4096;
    if (allowed_.count() > kCheap) return false;
    const auto cut =
        std::count_if(found_.begin(), found_.end(), [&](uint64_t packed) { return parts_.codes.IsCut(static_cast<uint32_t>(packed)); });
    return 8 * static_cast<size_t>(cut) > found_.size();
  }

  Result<WalkEnd> Walk() {
    WalkGuide guide;
    guide.allowed = &allowed_;
    guide.enough = plan_.enough;
    guide.expected_steps = plan_.expected_steps;
    guide.most_steps = plan_.most_steps;
    if (ranged_) {
      const ExactQuery exact(scorer_, parts_.spec.metric, exact_);
      guide.keys = coded_ ? codes_->KeysOf(request_.range_filter, request_.radius) : exact.KeysOf(request_.range_filter, request_.radius);
      guide.enough = std::max(plan_.enough, coded_ ? CountToRefine(k_) : k_);
      // Nobody knows how many rows are nearer than an inner bound.
      if (request_.range_filter) guide.expected_steps = guide.most_steps;
    }
    const WalkRequest walk{parts_.graph,
                           parts_.source.row_count(),
                           parts_.spec.metric,
                           scorer_,
                           coded_ ? &*codes_ : nullptr,
                           parts_.entries.empty() ? nullptr : &parts_.entries,
                           effort_.pool,
                           effort_.gamma,
                           k_,
                           request_.allowed != nullptr || ranged_ ? &guide : nullptr};
    return WalkGraph(walk, context_, &found_, stats_);
  }

  std::vector<Hit> ScoreFound() {
    if (coded_ && !ranged_) return refiner_.Best(*codes_, k_, &found_, stats_);
    return refiner_.BestOfAll(request_, k_, found_, stats_);
  }

  Result<std::vector<std::vector<Hit>>> ScanExactly(size_t first, size_t count) {
    const char* const queries = static_cast<const char*>(request_.queries) + first * RowBytes(parts_.source.type(), parts_.source.dim());
    return ScanRows(parts_.source, parts_.spec.metric, parts_.inverse_norms, queries, count, request_, allowed_, context_, stats_);
  }

  const GraphParts& parts_;
  const SearchRequest& request_;
  const Context& context_;
  SearchStats* const stats_;
  const AllowedRows allowed_;
  const size_t k_;
  const bool ranged_;
  GraphEffort effort_;
  SearchPlan plan_;
  Scorer scorer_;
  std::optional<CodeQuery> codes_;
  bool coded_ = false;  // the query at hand
  Refiner refiner_;
  std::vector<uint64_t> found_;  // packed
  std::vector<float> exact_;
};

}  // namespace

Result<std::vector<std::vector<Hit>>> SearchGraph(const GraphParts& parts, const SearchRequest& request, const Context& context,
                                                  SearchStats* stats) {
  TRY(CheckRequest(request, parts.source.type(), parts.source.row_count()));
  TRY(ValidateSearchParams(parts.spec, request.params, request.k));
  SearchStats unused;
  return GraphSearch(parts, request, context, stats != nullptr ? stats : &unused).Run();
}

}  // namespace saker::index
