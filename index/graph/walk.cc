#include "index/graph/walk.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "index/graph/pool.h"
#include "index/graph/visited_rows.h"

namespace saker::index {
namespace {

constexpr size_t kSortedPoolLimit = 1024;  // above it, moving memory costs more than heaps
constexpr size_t kStepsBetweenChecks = 256;
constexpr size_t kFirst = 16;          // rows of a list whose codes are fetched before the first is scored
constexpr size_t kSeeds = 4;           // entries that a walk starts from
constexpr float kInsertSlack = 1.02f;  // rows are kept in view a little farther than they would be expanded

struct Scratch {
  VisitedRows visited;
  SortedPool sorted;
  HeapPool heap;
  SortedPool results;  // allowed rows only, when there is a filter
  std::vector<uint32_t> fresh;
  std::vector<uint32_t> keys;
  std::vector<uint32_t> places;
  std::vector<uint32_t> sequence;  // 0, 1, 2, ...
  std::vector<float> exact;
  std::vector<uint32_t> found;
};

// Not inlined: else the compiler asks for the thread's address again in every loop.
[[gnu::noinline]] Scratch& ScratchOfThisThread() {
  thread_local Scratch scratch;
  return scratch;
}

// The exact scorer with keys as integers of the same order.
class ExactQuery {
 public:
  ExactQuery(const Scorer& scorer, Metric metric, std::vector<float>& scratch) : scorer_(scorer), metric_(metric), scratch_(scratch) {}
  void Keys(const uint32_t* rows, size_t count, uint32_t* keys) const {
    if (scratch_.size() < count) scratch_.resize(count);
    scorer_.Keys(rows, count, scratch_.data());
    for (size_t i = 0; i < count; ++i) keys[i] = OrderedBits(scratch_[i]);
  }
  void Prefetch(uint32_t row) const { scorer_.Prefetch(row); }
  uint32_t Stretch(uint32_t key, float gamma_squared) const {
    const float score = FromOrderedBits(key);
    switch (metric_) {
      case Metric::kCosine: return OrderedBits((2 + 2 * score) * gamma_squared / 2 - 1);
      case Metric::kIp: return kNoKey;  // no distance without the largest norm
      default: return OrderedBits(score * gamma_squared);
    }
  }

 private:
  const Scorer& scorer_;
  const Metric metric_;
  std::vector<float>& scratch_;
};

// How many of the rows that codes rank best are scored exactly: enough that a code's error loses none of the k.
size_t CountToRefine(const WalkRequest& request) {
  return std::max<size_t>(40, request.k + request.k / 2 + 25);
}

template <typename Query, typename Pool>
class Walk {
 public:
  Walk(const WalkRequest& request, const Query& query, Pool& pool, Scratch& scratch, SearchStats* stats)
      : request_(request), query_(query), pool_(pool), scratch_(scratch), stats_(stats), gamma_squared_(request.gamma * request.gamma) {}

  Status Run(const Context& context) {
    Seed();
    uint32_t key = 0, row = 0;
    for (size_t step = 1; pool_.Pop(&key, &row) && key <= stop_; ++step) {
      if (step % kStepsBetweenChecks == 0) TRY(context.Check());
      Collect(row);
      ScoreFresh();
    }
    return OkStatus();
  }

 private:
  void Seed() {
    const std::vector<uint32_t>& entries = request_.graph.entries;
    std::vector<uint32_t>& keys = scratch_.keys;
    if (request_.entry_codes != nullptr && request_.codes != nullptr) {
      request_.codes->KeysAt(request_.entry_codes, scratch_.sequence.data(), entries.size(), keys.data());
    } else {
      query_.Keys(entries.data(), entries.size(), keys.data());
    }
    stats_->distances += entries.size();
    uint64_t seeds[kSeeds];
    size_t count = 0;
    for (size_t i = 0; i < entries.size(); ++i) {
      const uint64_t packed = uint64_t{keys[i]} << 32 | entries[i];
      if (count == kSeeds && packed >= seeds[count - 1]) continue;
      if (count < kSeeds) ++count;
      size_t at = count - 1;
      for (; at > 0 && seeds[at - 1] > packed; --at) seeds[at] = seeds[at - 1];
      seeds[at] = packed;
    }
    for (size_t i = 0; i < count; ++i) {
      const auto row = static_cast<uint32_t>(seeds[i]);
      scratch_.visited.Meet(row);
      Offer(static_cast<uint32_t>(seeds[i] >> 32), row);
    }
  }

  void Offer(uint32_t key, uint32_t row) {
    if (key <= keep_) pool_.Insert(key, row);
    if (request_.allowed != nullptr && request_.allowed->Test(row)) scratch_.results.Insert(key, row);
  }

  // The rows that `row` links to and that were not met yet, their codes on the way.
  void Collect(uint32_t row) {
    const uint32_t* const links = request_.graph.Links(row);
    uint32_t* const fresh = scratch_.fresh.data();
    uint32_t count = request_.graph.degree;
    while (count > 0 && links[count - 1] == FlatGraph::kNone) --count;
    const size_t n = scratch_.visited.MeetAll(links, count, fresh);
    for (size_t i = 0; i < std::min(n, kFirst); ++i) query_.Prefetch(fresh[i]);
    fresh_count_ = n;
    ++stats_->hops;
  }

  void PrefetchLinks(uint32_t row) const {
    const uint32_t* const links = request_.graph.Links(row);
    for (uint32_t i = 0; i < request_.graph.degree; i += 16) __builtin_prefetch(links + i);
  }

  void ScoreFresh() {
    uint32_t following = 0;
    if (pool_.Peek(&following)) PrefetchLinks(following);
    const size_t n = fresh_count_;
    fresh_count_ = 0;
    const uint32_t* const fresh = scratch_.fresh.data();
    const uint32_t* const keys = scratch_.keys.data();
    query_.Keys(fresh, n, scratch_.keys.data());
    stats_->distances += n;
    if (request_.allowed != nullptr) {
      for (size_t i = 0; i < n; ++i) Offer(keys[i], fresh[i]);
    } else {
      const uint32_t limit = std::min(keep_, pool_.worst());
      const size_t near = kernels_.below(keys, n, limit == kNoKey ? kNoKey : limit + 1, scratch_.places.data());
      for (size_t i = 0; i < near; ++i) {
        const uint32_t row = fresh[scratch_.places[i]];
        pool_.Insert(keys[scratch_.places[i]], row);
      }
    }
    if (request_.gamma > 0) Tighten();
  }

  // The k-th best decides how far is worth going.
  void Tighten() {
    uint32_t kth = kNoKey;
    if (request_.allowed != nullptr) {
      kth = scratch_.results.KeyAt(request_.k - 1);
    } else if constexpr (Pool::kKnowsRanks) {
      kth = pool_.KeyAt(request_.k - 1);
    }
    if (kth >= kth_) return;
    kth_ = kth;
    stop_ = query_.Stretch(kth, gamma_squared_);
    keep_ = query_.Stretch(kth, std::max(gamma_squared_, 1.0f) * kInsertSlack * kInsertSlack);
  }

  const WalkRequest& request_;
  const Query& query_;
  Pool& pool_;
  Scratch& scratch_;
  SearchStats* const stats_;
  const NodeCodeKernels& kernels_ = BestNodeCodes();
  const float gamma_squared_;
  size_t fresh_count_ = 0;
  uint32_t kth_ = kNoKey;
  uint32_t stop_ = kNoKey;  // nothing beyond is expanded
  uint32_t keep_ = kNoKey;  // nothing beyond is kept in view
};

// Walks, and leaves the rows to be scored exactly in scratch.fresh.
template <typename Query>
Status Find(const WalkRequest& request, const Query& query, const Context& context, Scratch& scratch, SearchStats* stats, size_t wanted,
            std::vector<uint32_t>* found) {
  if (request.allowed != nullptr) scratch.results.Reset(wanted);
  if (request.pool <= kSortedPoolLimit) {
    scratch.sorted.Reset(std::max(request.pool, wanted));
    TRY(Walk(request, query, scratch.sorted, scratch, stats).Run(context));
  } else {
    scratch.heap.Reset(std::max(request.pool, wanted));
    TRY(Walk(request, query, scratch.heap, scratch, stats).Run(context));
  }
  found->clear();
  const bool heap = request.pool > kSortedPoolLimit;
  if (request.allowed == nullptr && heap) {
    scratch.heap.TakeNearest(wanted, found);
    return OkStatus();
  }
  const SortedPool& from = request.allowed != nullptr ? scratch.results : scratch.sorted;
  for (size_t i = 0; i < std::min(wanted, from.size()); ++i) found->push_back(from.RowAt(i));
  return OkStatus();
}

}  // namespace

Status WalkGraph(const WalkRequest& request, const Context& context, TopK* best, SearchStats* stats) {
  const FlatGraph& graph = request.graph;
  if (graph.entries.empty() || request.k == 0) return OkStatus();
  Scratch& scratch = ScratchOfThisThread();
  std::vector<uint32_t>& found = scratch.found;
  scratch.visited.Reset(request.row_count);
  const size_t most = std::max<size_t>(graph.degree, graph.entries.size());
  if (scratch.fresh.size() < most) {
    scratch.fresh.resize(most + 1);
    scratch.keys.resize(most + 16);
    scratch.places.resize(most + 16);
    scratch.sequence.resize(most);
    std::iota(scratch.sequence.begin(), scratch.sequence.end(), 0u);
  }
  if (request.codes != nullptr) {
    TRY(Find(request, *request.codes, context, scratch, stats, CountToRefine(request), &found));
  } else {
    TRY(Find(request, ExactQuery(request.scorer, request.metric, scratch.exact), context, scratch, stats, request.k, &found));
  }
  if (scratch.exact.size() < found.size()) scratch.exact.resize(found.size());
  request.scorer.Keys(found.data(), found.size(), scratch.exact.data());
  stats->distances += found.size();
  for (size_t i = 0; i < found.size(); ++i) best->Offer(scratch.exact[i], found[i]);
  return OkStatus();
}

}  // namespace saker::index
