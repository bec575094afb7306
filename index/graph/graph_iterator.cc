#include "index/graph/graph_iterator.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include "index/flat/exact_scan.h"
#include "index/graph/exact_query.h"
#include "index/graph/planner.h"
#include "index/graph/walk.h"
#include "index/params.h"

namespace saker::index {
namespace {

constexpr size_t kBlockRows = 512;
constexpr size_t kStepsBetweenChecks = 256;

// The smallest of packed keys and rows first.
class RowHeap {
 public:
  bool empty() const { return entries_.empty(); }
  uint64_t top() const { return entries_.front(); }
  void Push(uint64_t packed) {
    entries_.push_back(packed);
    std::push_heap(entries_.begin(), entries_.end(), std::greater<>());
  }
  uint64_t Pop() {
    std::pop_heap(entries_.begin(), entries_.end(), std::greater<>());
    const uint64_t packed = entries_.back();
    entries_.pop_back();
    return packed;
  }
  void Clear() { std::vector<uint64_t>().swap(entries_); }
  // For many at once: Add them all, then Order.
  void Add(uint64_t packed) { entries_.push_back(packed); }
  void Order() { std::make_heap(entries_.begin(), entries_.end(), std::greater<>()); }
  size_t size() const { return entries_.size(); }

 private:
  std::vector<uint64_t> entries_;
};

class GraphIterator final : public RowIterator {
 public:
  GraphIterator(const GraphParts& parts, const SearchRequest& request)
      : parts_(parts),
        range_(request),
        query_(static_cast<const char*>(request.queries), RowBytes(parts.source.type(), parts.source.dim())),
        allowed_(request.allowed, parts.source.valid(), parts.source.row_count()),
        scorer_(parts.source, parts.spec.metric, parts.inverse_norms),
        exact_(scorer_, parts.spec.metric, scratch_),
        met_(parts.source.row_count()) {
    scorer_.SetQuery(query_.data());
    if (!parts.codes.empty()) {
      std::vector<float> floats(parts.source.dim());
      ToFloats(parts.source.type(), query_.data(), floats.size(), 1, floats.data());
      codes_.emplace(parts.codes);
      if (!codes_->Set(floats.data())) codes_.reset();
    }
    SearchShape shape;
    shape.rows = parts.source.row_count();
    shape.allowed = allowed_.count();
    shape.k = 1;
    shape.pool = CountToRefine(1);
    shape.row_bytes = codes_ ? parts.codes.stride() : query_.size();
    shape.degree = parts.graph.degree;
    const SearchPlan plan = PlanSearch(shape);
    most_steps_ = plan.most_steps;
    keys_between_ = codes_ ? codes_->KeysOf(range_.range_filter, range_.radius) : exact_.KeysOf(range_.range_filter, range_.radius);
    fresh_.resize(std::max<size_t>({parts.graph.degree + 1, kBlockRows, parts.graph.entries.size()}));
    keys_.resize(fresh_.size() + 16);
    if (plan.scan) {
      scanned_ = true;
      MeetRest();
    } else {
      MeetEntries();
    }
  }

  Result<std::vector<Hit>> Next(size_t count, const Context& context, SearchStats* stats) override {
    SearchStats unused;
    stats_ = stats != nullptr ? stats : &unused;
    const size_t wanted = CountToRefine(count);
    std::vector<uint32_t> settled;
    while (settled_.size() + settled.size() < wanted && TRY(Settle(context, &settled))) {
      if (settled.size() == kBlockRows) Score(&settled);
    }
    Score(&settled);
    std::vector<Hit> hits;
    while (hits.size() < count && !settled_.empty()) {
      const uint64_t packed = settled_.Pop();
      hits.push_back({RowOf(packed), KeyToScore(parts_.spec.metric, KeyOf(packed))});
    }
    return hits;
  }

 private:
  // Moves the nearest row in view from `ready_` to `settled`. False when there are no more.
  Result<bool> Settle(const Context& context, std::vector<uint32_t>* settled) {
    for (size_t step = 1;; ++step) {
      if (!ready_.empty() && (frontier_.empty() || ready_.top() <= frontier_.top())) {
        if (static_cast<uint32_t>(ready_.top() >> 32) > keys_between_.highest) return false;
        settled->push_back(RowOf(ready_.Pop()));
        return true;
      }
      if (frontier_.empty()) {
        if (scanned_) return false;
        // What the walk's first rows do not lead to is reached from other entries.
        if (!entries_met_) {
          MeetAll(parts_.graph.entries.data(), parts_.graph.entries.size());
          entries_met_ = true;
          continue;
        }
        scanned_ = true;
        MeetRest();
        continue;
      }
      if (step % kStepsBetweenChecks == 0) TRY(context.Check());
      if (++steps_ > most_steps_) {
        scanned_ = true;
        MeetRest();
        frontier_.Clear();
        continue;
      }
      const uint32_t* const links = parts_.graph.Links(RowOf(frontier_.Pop()));
      size_t n = 0;
      while (n < parts_.graph.degree && links[n] != FlatGraph::kNone) ++n;
      MeetAll(links, n);
      ++stats_->hops;
    }
  }

  void Keys(const uint32_t* rows, size_t count) {
    if (codes_) {
      codes_->Keys(rows, count, keys_.data());
    } else {
      exact_.Keys(rows, count, keys_.data());
    }
    stats_->distances += count;
  }

  // The nearest entries are where a walk starts; the others would only be expanded far too early.
  void MeetEntries() {
    Seeds seeds;
    if (codes_ && !parts_.entries.empty()) {
      seeds = parts_.entries.Nearest(*codes_, stats_);
    } else {
      const std::vector<uint32_t>& entries = parts_.graph.entries;
      Keys(entries.data(), entries.size());
      for (size_t i = 0; i < entries.size(); ++i) seeds.Add(uint64_t{keys_[i]} << 32 | entries[i]);
    }
    for (size_t i = 0; i < seeds.size(); ++i) {
      const uint32_t row = RowOf(seeds[i]);
      MeetAll(&row, 1);
    }
  }

  void MeetAll(const uint32_t* rows, size_t count) {
    size_t n = 0;
    for (size_t i = 0; i < count; ++i) {
      if (met_.Test(rows[i])) continue;
      met_.Set(rows[i]);
      fresh_[n++] = rows[i];
    }
    Keys(fresh_.data(), n);
    for (size_t i = 0; i < n; ++i) {
      const uint64_t packed = uint64_t{keys_[i]} << 32 | fresh_[i];
      frontier_.Push(packed);
      if (allowed_.Test(fresh_[i])) ready_.Push(packed);
    }
  }

  // Every allowed row that was not met.
  void MeetRest() {
    size_t next = 0;
    while (const size_t n = allowed_.NextBlock(&next, fresh_.data(), kBlockRows)) {
      size_t rest = 0;
      for (size_t i = 0; i < n; ++i) {
        if (!met_.Test(fresh_[i])) fresh_[rest++] = fresh_[i];
      }
      Keys(fresh_.data(), rest);
      for (size_t i = 0; i < rest; ++i) ready_.Add(uint64_t{keys_[i]} << 32 | fresh_[i]);
    }
    ready_.Order();
  }

  void Score(std::vector<uint32_t>* rows) {
    if (scores_.size() < rows->size()) scores_.resize(rows->size());
    scorer_.Keys(rows->data(), rows->size(), scores_.data());
    stats_->distances += rows->size();
    for (size_t i = 0; i < rows->size(); ++i) {
      if (InRange(parts_.spec.metric, range_, KeyToScore(parts_.spec.metric, scores_[i]))) settled_.Push(PackKey(scores_[i], (*rows)[i]));
    }
    rows->clear();
  }

  const GraphParts parts_;
  const SearchRequest range_;  // for its bounds
  const std::string query_;
  const AllowedRows allowed_;
  Scorer scorer_;
  std::vector<float> scratch_;
  const ExactQuery exact_;
  std::optional<CodeQuery> codes_;
  Bitset met_;
  RowHeap frontier_;  // to be expanded
  RowHeap ready_;     // allowed and met, by the walk's keys
  RowHeap settled_;   // scored exactly
  bool entries_met_ = false;
  bool scanned_ = false;
  size_t steps_ = 0;
  size_t most_steps_ = 0;  // as long as a scan takes; then the rest is scanned
  KeyRange keys_between_;
  std::vector<uint32_t> fresh_, keys_;
  std::vector<float> scores_;
  SearchStats nothing_;
  SearchStats* stats_ = &nothing_;
};

}  // namespace

Result<std::unique_ptr<RowIterator>> IterateGraph(const GraphParts& parts, const SearchRequest& request) {
  TRY(CheckRequest(request, parts.source.type(), parts.source.row_count()));
  TRY(ValidateSearchParams(parts.spec, request.params, request.k));
  if (request.query_count != 1) return InvalidArgument("an iterator over ", request.query_count, " queries; it takes one");
  return std::unique_ptr<RowIterator>(std::make_unique<GraphIterator>(parts, request));
}

}  // namespace saker::index
