#include "index/graph/walk.h"

#include <algorithm>
#include <vector>

#include "index/graph/exact_query.h"
#include "index/graph/pool.h"
#include "index/graph/visited_rows.h"

namespace saker::index {
namespace {

constexpr size_t kSortedPoolLimit = 1024;  // above it, moving memory costs more than heaps
constexpr size_t kGuidedPool = 1024;       // of a guided walk that does not expect to need more
constexpr size_t kStepsBetweenGuesses = 64;
constexpr size_t kTogether = 4;  // rows expanded at once where only allowed ones are scored
constexpr size_t kStepsBetweenChecks = 256;
constexpr size_t kFirst = 16;          // rows of a list whose codes are fetched before the first is scored
constexpr float kInsertSlack = 1.02f;  // rows are kept in view a little farther than they would be expanded

struct Scratch {
  VisitedRows visited;
  SortedPool sorted;
  HeapPool heap;
  NearestMet near;     // of all rows, where the pool is a heap
  NearestMet results;  // the wanted rows, when there is a guide
  std::vector<uint32_t> fresh;
  std::vector<uint32_t> allowed;
  std::vector<uint32_t> keys;
  std::vector<uint32_t> places;
  std::vector<float> exact;
};

// Not inlined: else the compiler asks for the thread's address again in every loop.
[[gnu::noinline]] Scratch& ScratchOfThisThread() {
  thread_local Scratch scratch;
  return scratch;
}

template <typename Query, typename Pool>
class Walk {
 public:
  Walk(const WalkRequest& request, const Query& query, Pool& pool, Scratch& scratch, SearchStats* stats)
      : request_(request),
        guide_(request.guide),
        query_(query),
        pool_(pool),
        scratch_(scratch),
        stats_(stats),
        gamma_squared_(request.gamma * request.gamma),
        check_at_(stats->hops + kStepsBetweenChecks) {}

  Result<WalkEnd> Run(const Context& context) {
    Seed();
    uint32_t key = 0, row = 0;
    for (size_t step = 1; pool_.Pop(&key, &row); ++step) {
      if (key > stop_) return WalkEnd::kFound;
      if (stats_->hops >= check_at_) {
        check_at_ = stats_->hops + kStepsBetweenChecks;
        TRY(context.Check());
      }
      if (guide_ != nullptr) {
        if (!IsWorthwhile(step, row, key)) return WalkEnd::kGaveUp;
        only_allowed_ = guide_->allowed != nullptr && guide_->keys.highest == kNoKey && key > near_;
      }
      if (only_allowed_) step += CollectNext(row);
      Collect(row);
      ScoreFresh();
    }
    // Where the rows at hand ran out before enough were found, others may be elsewhere.
    const bool enough = guide_ == nullptr || scratch_.results.KeyAt(guide_->enough - 1) != kNoKey || guide_->keys.highest != kNoKey;
    return enough ? WalkEnd::kFound : WalkEnd::kGaveUp;
  }

 private:
  void Seed() {
    const Seeds seeds = NearestEntries();
    for (size_t i = 0; i < seeds.size(); ++i) {
      const auto row = static_cast<uint32_t>(seeds[i]);
      scratch_.visited.Meet(row);
      Offer(static_cast<uint32_t>(seeds[i] >> 32), row);
    }
  }
  Seeds NearestEntries() {
    if (request_.entries != nullptr && request_.codes != nullptr) return request_.entries->Nearest(*request_.codes, stats_);
    const std::vector<uint32_t>& entries = request_.graph.entries;
    query_.Keys(entries.data(), entries.size(), scratch_.keys.data());
    stats_->distances += entries.size();
    Seeds seeds;
    for (size_t i = 0; i < entries.size(); ++i) seeds.Add(uint64_t{scratch_.keys[i]} << 32 | entries[i]);
    return seeds;
  }

  void Offer(uint32_t key, uint32_t row) {
    if (key <= keep_) Keep(key, row);
    if (guide_ != nullptr && IsWanted(key, row)) scratch_.results.Insert(key, row);
  }
  void Keep(uint32_t key, uint32_t row) {
    pool_.Insert(key, row);
    if constexpr (!Pool::kKnowsRanks) {
      if (guide_ != nullptr) scratch_.near.Insert(key, row);
    }
  }
  bool IsWanted(uint32_t key, uint32_t row) const {
    return key >= guide_->keys.lowest && key <= guide_->keys.highest && (guide_->allowed == nullptr || guide_->allowed->Test(row));
  }

  // A filter may leave out just what is near the query. The share of wanted rows among those expanded says how many steps
  // `enough` of them will take.
  bool IsWorthwhile(size_t step, uint32_t row, uint32_t key) {
    if (step > guide_->most_steps) return false;
    if (IsWanted(key, row)) ++wanted_expanded_;
    if (step < guess_at_ || guide_->keys.highest != kNoKey || scratch_.results.KeyAt(guide_->enough - 1) <= key) return true;
    guess_at_ = step + kStepsBetweenGuesses;
    const double share = (static_cast<double>(wanted_expanded_) + 0.5) / static_cast<double>(step);
    return static_cast<double>(guide_->enough) / share <= static_cast<double>(guide_->most_steps);
  }

  // Few links of a row are allowed: several rows are expanded together, so that one waits for memory while the others do.
  size_t CollectNext(uint32_t first) {
    PrefetchLinks(first);
    uint32_t rows[kTogether - 1];
    size_t n = 0;
    for (uint32_t key = 0; n < kTogether - 1 && pool_.Pop(&key, &rows[n]) && key <= stop_; ++n) {
      PrefetchLinks(rows[n]);
      if (IsWanted(key, rows[n])) ++wanted_expanded_;
    }
    for (size_t i = 0; i < n; ++i) Collect(rows[i]);
    return n;
  }

  // The rows that `row` links to and that were not met yet, their codes on the way.
  void Collect(uint32_t row) {
    const uint32_t* const links = request_.graph.Links(row);
    uint32_t* const fresh = scratch_.fresh.data() + fresh_count_;
    uint32_t count = request_.graph.degree;
    while (count > 0 && links[count - 1] == FlatGraph::kNone) --count;
    size_t n = 0;
    if (only_allowed_) {
      uint32_t* const allowed = scratch_.allowed.data();
      const size_t some = guide_->allowed->Keep(links, count, allowed);
      n = scratch_.visited.MeetAll(allowed, some, fresh);
    } else {
      n = scratch_.visited.MeetAll(links, count, fresh);
    }
    for (size_t i = 0; i < std::min(n, kFirst); ++i) query_.Prefetch(fresh[i]);
    fresh_count_ += n;
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
    const uint32_t limit = std::min(keep_, pool_.worst());
    const size_t near = kernels_.below(keys, n, limit == kNoKey ? kNoKey : limit + 1, scratch_.places.data());
    for (size_t i = 0; i < near; ++i) {
      const uint32_t at = scratch_.places[i];
      Keep(keys[at], fresh[at]);
    }
    if (guide_ == nullptr) {
      if (request_.gamma > 0) Tighten();
      return;
    }
    for (size_t i = 0; i < n; ++i) {
      if (keys[i] < scratch_.results.worst() && IsWanted(keys[i], fresh[i])) scratch_.results.Insert(keys[i], fresh[i]);
    }
    Guide();
  }

  // The k-th best decides how far is worth going.
  void Tighten() {
    if constexpr (Pool::kKnowsRanks) StopBeyond(pool_.KeyAt(request_.k - 1));
  }
  void StopBeyond(uint32_t kth) {
    if (kth >= kth_) return;
    kth_ = kth;
    stop_ = query_.Stretch(kth, gamma_squared_);
    keep_ = query_.Stretch(kth, std::max(gamma_squared_, 1.0f) * kInsertSlack * kInsertSlack);
  }
  // As far as a walk for all rows would go, and as far as enough wanted rows are.
  void Guide() {
    const size_t rank = (request_.gamma > 0 ? request_.k : request_.pool) - 1;
    uint32_t near = kNoKey;
    if constexpr (Pool::kKnowsRanks) {
      near = pool_.KeyAt(rank);
    } else {
      near = scratch_.near.KeyAt(rank);
    }
    const uint32_t wanted = std::min(scratch_.results.KeyAt(guide_->enough - 1), guide_->keys.highest);
    near_ = std::min(near_, Stretched(near, gamma_squared_));
    stop_ = std::min(stop_, std::max(near_, Stretched(wanted, gamma_squared_)));
    // However early the walk ends, its k-th best stay in view: they say when.
    const float kept_squared = std::max(gamma_squared_, 1.0f);
    keep_ = std::min(keep_, std::max(Stretched(near, kept_squared), Stretched(wanted, kept_squared)));
  }
  uint32_t Stretched(uint32_t key, float squared) const { return request_.gamma > 0 && key != kNoKey ? query_.Stretch(key, squared) : key; }

  const WalkRequest& request_;
  const WalkGuide* const guide_;
  const Query& query_;
  Pool& pool_;
  Scratch& scratch_;
  SearchStats* const stats_;
  const NodeCodeKernels& kernels_ = BestNodeCodes();
  const float gamma_squared_;
  size_t fresh_count_ = 0;
  uint64_t check_at_ = 0;  // of stats' hops: the context is looked at
  size_t wanted_expanded_ = 0;
  size_t guess_at_ = kStepsBetweenGuesses;
  bool only_allowed_ = false;  // what a walk for all rows would expand is expanded
  uint32_t near_ = kNoKey;     // how far that is
  uint32_t kth_ = kNoKey;
  uint32_t stop_ = kNoKey;  // nothing beyond is expanded
  uint32_t keep_ = kNoKey;  // nothing beyond is kept in view
};

template <typename Query>
Result<WalkEnd> Find(const WalkRequest& request, const Query& query, size_t wanted, const Context& context, Scratch& scratch,
                     std::vector<uint64_t>* found, SearchStats* stats) {
  size_t pool = std::max(request.pool, wanted);
  const bool guided = request.guide != nullptr;
  if (guided) {
    scratch.results.Reset(std::max(wanted, request.guide->enough));
    pool = std::max(pool, request.guide->expected_steps > kGuidedPool / 2 ? request.guide->most_steps : kGuidedPool);
  }
  WalkEnd end = WalkEnd::kFound;
  const bool heap = pool > kSortedPoolLimit;
  if (heap) {
    scratch.heap.Reset(pool);
    if (guided) scratch.near.Reset(request.pool);
    end = TRY(Walk(request, query, scratch.heap, scratch, stats).Run(context));
  } else {
    scratch.sorted.Reset(pool);
    end = TRY(Walk(request, query, scratch.sorted, scratch, stats).Run(context));
  }
  found->clear();
  if (guided) {
    scratch.results.TakeNearest(wanted, found);
  } else if (heap) {
    scratch.heap.TakeNearest(wanted, found);
  } else {
    for (size_t i = 0; i < std::min(wanted, scratch.sorted.size()); ++i) found->push_back(scratch.sorted.At(i));
  }
  return end;
}

}  // namespace

size_t CountToRefine(size_t k) {
  return std::max<size_t>(40, k + k / 2 + 25);
}

Result<WalkEnd> WalkGraph(const WalkRequest& request, const Context& context, std::vector<uint64_t>* found, SearchStats* stats) {
  const FlatGraph& graph = request.graph;
  found->clear();
  if (graph.entries.empty() || request.k == 0) return WalkEnd::kFound;
  Scratch& scratch = ScratchOfThisThread();
  scratch.visited.Reset(request.row_count);
  const size_t most = std::max<size_t>(kTogether * graph.degree, graph.entries.size());
  if (scratch.fresh.size() < most) {
    scratch.fresh.resize(most + 1);
    scratch.allowed.resize(most + 1);
    scratch.keys.resize(most + 16);
    scratch.places.resize(most + 16);
  }
  if (request.codes != nullptr) return Find(request, *request.codes, CountToRefine(request.k), context, scratch, found, stats);
  return Find(request, ExactQuery(request.scorer, request.metric, scratch.exact), request.k, context, scratch, found, stats);
}

}  // namespace saker::index
