#include <algorithm>
#include <cmath>
#include <cstring>

#include "index/kernels/sparse.h"
#include "index/sparse/sparse_search.h"
#include "index/topk.h"

namespace saker::index {
namespace {

constexpr uint32_t kWindowRows = 8192;
constexpr size_t kMaxTerms = 512;  // more would leave too little of 16 bits to each
// What steps cost, in nanoseconds: measured by bm25_bench on an AVX-512 machine, only their ratios matter.
constexpr double kAddCost = 0.5;   // a posting's bound
constexpr double kFullCost = 1.2;  // a posting's exact product; BM25 divides, too
constexpr double kFullBm25Cost = 2.5;
constexpr double kScoreCost = 150;   // a row from the source
constexpr double kSelectCost = 250;  // looking through a window

// The k best so far as a heap with the worst on top. Keys as in topk.h.
class BestRows {
 public:
  explicit BestRows(size_t k) : k_(k) { heap_.reserve(std::min<size_t>(k, 4096)); }
  bool full() const { return heap_.size() == k_; }
  size_t size() const { return heap_.size(); }
  float worst_score() const { return 0.0f - KeyOf(heap_.front()); }
  void Offer(float score, uint32_t row) {
    const uint64_t packed = PackKey(0.0f - score, row);
    if (full()) {
      if (packed >= heap_.front()) return;
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.back() = packed;
    } else {
      heap_.push_back(packed);
    }
    std::push_heap(heap_.begin(), heap_.end());
  }
  std::vector<Hit> Finish() {
    std::sort_heap(heap_.begin(), heap_.end());
    std::vector<Hit> hits;
    hits.reserve(heap_.size());
    for (const uint64_t packed : heap_) hits.push_back({RowOf(packed), 0.0f - KeyOf(packed)});
    return hits;
  }

 private:
  const size_t k_;
  std::vector<uint64_t> heap_;
};

struct Cursor {
  const SparseBlock* next;  // the first block that is not added yet
  const SparseBlock* end;
  const uint8_t* data;
  const uint16_t* table;
  uint32_t highest;          // bound of the whole list
  uint32_t added_to = 0;     // last row of the last block that was added,
  uint32_t added_bound = 0;  // and its bound
  // In the window at hand:
  const SparseBlock* stop = nullptr;  // behind its last block
  uint32_t bound = 0;                 // of the blocks from next to stop
  uint32_t postings = 0;
};

uint32_t BoundOf(const TopCodes& top, const uint16_t* table) {
  return std::max(std::max(table[top[0]], table[top[1]]), std::max(table[top[2]], table[top[3]]));
}

// Memory of one thread's searches, kept between them.
struct Scratch {
  std::vector<uint16_t> sums = std::vector<uint16_t>(kFrameRows);
  std::vector<uint16_t> tables;
  std::vector<uint16_t> places = std::vector<uint16_t>(kWindowRows);
  std::vector<uint16_t> maxima = std::vector<uint16_t>(kWindowRows / 64);
  std::vector<uint32_t> candidates;  // bound << 16 | place, so that they sort by bound
};

class PrunedSearch {
 public:
  PrunedSearch(const SparseSearch& search, const SparseQuery& query, const std::vector<ListTerm>& terms, Scratch* scratch)
      : search_(search), query_(query), kernels_(BestSparseKernels()), scratch_(*scratch), best_(search.k) {
    if (search.request.radius.has_value() && *search.request.radius > 0) radius_ = *search.request.radius;
    MakeTables(terms);
    UpdateLeast();
  }

  // Not when a value is so small that its scale is no float.
  bool possible() const { return possible_; }

  Result<std::vector<Hit>> Run() {
    const size_t rows = search_.allowed.row_count();
    for (size_t window = 0; window < rows; window += kWindowRows) {
      const size_t n = std::min<size_t>(kWindowRows, rows - window);
      if (window % kFrameRows == 0) {
        TRY(search_.context.Check());
        const size_t frame = std::min<size_t>(kFrameRows, rows - window);
        std::memset(scratch_.sums.data(), 0, (frame + 63) / 64 * 64 * sizeof(uint16_t));
      }
      SearchWindow(static_cast<uint32_t>(window), static_cast<uint32_t>((n + 63) / 64 * 64));
    }
    return best_.Finish();
  }

 private:
  // Bounds as integers that sum up to less than 65,536 over all terms, each rounded up.
  void MakeTables(const std::vector<ListTerm>& terms) {
    const SparsePostings& p = search_.postings;
    alignas(64) float bounds[256] = {};
    if (query_.bm25()) {
      for (size_t i = 0; i < p.cells.size(); ++i) {
        const double frequency = p.cells[i].frequency;
        bounds[i] = static_cast<float>(frequency / (frequency + query_.base() + query_.slope() * static_cast<double>(p.cells[i].length)));
      }
    }
    const auto bounds_of = [&](const SparseList& list) {
      if (query_.bm25()) return;
      for (uint32_t code = 0; code < 256; ++code) bounds[code] = UpperBound(list.low, list.high, code);
    };
    double sum = 0;
    for (const ListTerm& term : terms) {
      const SparseList& list = p.lists[term.list];
      float highest = list.high;
      if (query_.bm25()) highest = std::max({bounds[list.top[0]], bounds[list.top[1]], bounds[list.top[2]], bounds[list.top[3]]});
      sum += static_cast<double>(highest) * term.weight;
    }
    const double n = static_cast<double>(terms.size());
    scale_ = sum > 0 ? (65000.0 - n) / sum : 0;
    // Scores are rounded sums of rounded products; what is compared with them gives way by more than that.
    slack_ = 1 - 1e-6 - n * 1.2e-7;
    scratch_.tables.resize(std::max(scratch_.tables.size(), terms.size() * 256));
    for (size_t i = 0; i < terms.size(); ++i) {
      const SparseList& list = p.lists[terms[i].list];
      possible_ = possible_ && terms[i].weight * scale_ < 1e30;
      if (!possible_) return;
      uint16_t* table = scratch_.tables.data() + i * 256;
      bounds_of(list);
      kernels_.make_table(bounds, static_cast<float>(terms[i].weight * scale_ * (1 + 1e-6)), table);
      const auto blocks = p.BlocksOf(terms[i].list);
      cursors_.push_back({blocks.data(), blocks.data() + blocks.size(), p.data.data() + list.data, table, BoundOf(list.top, table)});
    }
    std::sort(cursors_.begin(), cursors_.end(), [](const Cursor& a, const Cursor& b) { return a.highest > b.highest; });
  }

  // A row of this bound or above may still be found.
  void UpdateLeast() {
    float score = radius_;
    if (best_.full()) score = std::max(score, best_.worst_score());
    least_ = static_cast<uint32_t>(std::min(static_cast<double>(score) * scale_ * slack_, 1e6)) + 1;
  }

  void SearchWindow(uint32_t window, uint32_t n) {
    uint32_t left = 0, postings = 0, highest = 0;
    for (Cursor& cursor : cursors_) {
      Measure(window, n, &cursor);
      left += cursor.bound;
      postings += cursor.postings;
      // The block before may have put its last rows' parts into this window already.
      highest += cursor.added_to >= window ? std::max(cursor.bound, cursor.added_bound) : cursor.bound;
    }
    if (highest < least_) return;
    uint16_t* sums = scratch_.sums.data() + window % kFrameRows;
    for (Cursor& cursor : cursors_) {
      if (cursor.postings == 0) continue;
      Add(&cursor);
      left -= cursor.bound;
      postings -= cursor.postings;
      if (left >= least_ || postings == 0 || !best_.full()) continue;
      if (postings * kAddCost < 2 * kSelectCost) continue;
      const size_t found = kernels_.select(sums, n, AllowedFrom(window), Bound16(least_ - left), scratch_.places.data());
      if (static_cast<double>(found) * kScoreCost > postings * kAddCost) continue;
      ScorePlaces(window, left, found);
      return;
    }
    Finish(window, n, sums);
  }

  void Measure(uint32_t window, uint32_t n, Cursor* cursor) {
    cursor->bound = cursor->postings = 0;
    while (cursor->next != cursor->end && cursor->next->last_row() < window) ++cursor->next;
    const SparseBlock* block = cursor->next;
    for (; block != cursor->end && block->first_row < window + n; ++block) {
      cursor->bound = std::max(cursor->bound, BoundOf(block->top, cursor->table));
      cursor->postings += block->rows();
    }
    cursor->stop = block;
  }

  // Whole blocks: rows before the window are past caring about, rows behind it have this term's part early.
  void Add(Cursor* cursor) {
    search_.stats->distances += cursor->postings;
    search_.stats->hops += static_cast<uint64_t>(cursor->stop - cursor->next);
    cursor->added_to = cursor->stop[-1].last_row();
    cursor->added_bound = BoundOf(cursor->stop[-1].top, cursor->table);
    for (; cursor->next != cursor->stop; ++cursor->next) {
      const SparseBlock& block = *cursor->next;
      const uint8_t* packed = cursor->data + block.data;
      kernels_.add(packed, block.width, block.first_row % kFrameRows, block.rows(), packed + block.packed_bytes(), cursor->table,
                   scratch_.sums.data());
    }
  }

  // All terms are in. Before there are k rows, those of the highest bounds are scored first: they lift the limit.
  void Finish(uint32_t window, uint32_t n, const uint16_t* sums) {
    uint32_t first = least_;
    if (!best_.full()) {
      first = std::max(least_, HighBound(window, n, sums));
      SelectCandidates(window, n, sums, first, 65536);
      const size_t k = search_.k;
      auto& candidates = scratch_.candidates;
      if (candidates.size() > k) {
        std::nth_element(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(k), candidates.end(), std::greater<>());
      }
      for (const uint32_t candidate : candidates) ScoreCandidate(window, candidate);
      if (first <= least_) return;
      SelectCandidates(window, n, sums, least_, first);
      for (const uint32_t candidate : scratch_.candidates) ScoreCandidate(window, candidate);
      return;
    }
    const size_t found = kernels_.select(sums, n, AllowedFrom(window), Bound16(least_), scratch_.places.data());
    ScorePlaces(window, 0, found);
  }

  // A bound that at least k rows of the window reach, not far below their k-th highest; 0 when that is not known.
  uint32_t HighBound(uint32_t window, uint32_t n, const uint16_t* sums) {
    const size_t chunks = n / 64;
    if (search_.k > chunks / 2) return 0;
    kernels_.maxima(sums, n, AllowedFrom(window), scratch_.maxima.data());
    const auto kth = scratch_.maxima.begin() + static_cast<ptrdiff_t>(search_.k - 1);
    std::nth_element(scratch_.maxima.begin(), kth, scratch_.maxima.begin() + static_cast<ptrdiff_t>(chunks), std::greater<>());
    return *kth;
  }

  void SelectCandidates(uint32_t window, uint32_t n, const uint16_t* sums, uint32_t least, uint32_t below) {
    const size_t found = kernels_.select(sums, n, AllowedFrom(window), Bound16(least), scratch_.places.data());
    scratch_.candidates.clear();
    for (size_t i = 0; i < found; ++i) {
      const uint32_t place = scratch_.places[i];
      if (sums[place] < below) scratch_.candidates.push_back(uint32_t{sums[place]} << 16 | place);
    }
  }

  void ScoreCandidate(uint32_t window, uint32_t candidate) {
    if (candidate >> 16 >= least_) ScoreRow(window + (candidate & 0xffff));
  }

  // Candidates in scratch_.places; terms that are not in the sums could add `left`.
  void ScorePlaces(uint32_t window, uint32_t left, size_t found) {
    const uint16_t* sums = scratch_.sums.data() + window % kFrameRows;
    for (size_t i = 0; i < found; ++i) {
      const uint32_t place = scratch_.places[i];
      if (sums[place] + left >= least_) ScoreRow(window + place);
    }
  }

  void ScoreRow(uint32_t row) {
    ++search_.stats->distances;
    const float score = search_.Score(query_, row);
    if (score == 0 || !InRange(Metric::kIp, search_.request, score)) return;
    best_.Offer(score, row);
    if (best_.full()) UpdateLeast();
  }

  static uint16_t Bound16(uint32_t bound) { return static_cast<uint16_t>(std::min<uint32_t>(bound, 65535)); }
  const uint64_t* AllowedFrom(uint32_t window) const {
    const Bitset* bits = search_.allowed.bits();
    return bits == nullptr ? nullptr : bits->words() + window / 64;
  }

  const SparseSearch& search_;
  const SparseQuery& query_;
  const SparseKernels& kernels_;
  Scratch& scratch_;
  BestRows best_;
  std::vector<Cursor> cursors_;  // falling by highest
  float radius_ = 0;
  double scale_ = 0;
  double slack_ = 1;
  bool possible_ = true;
  uint32_t least_ = 1;
};

}  // namespace

std::vector<ListTerm> FindLists(const SparsePostings& postings, const SparseQuery& query) {
  std::vector<ListTerm> found;
  found.reserve(query.terms().size());
  for (const SparseTerm& term : query.terms()) {
    const auto at = std::lower_bound(postings.terms.begin(), postings.terms.end(), term.term);
    if (at == postings.terms.end() || *at != term.term || term.weight == 0) continue;
    found.push_back({static_cast<uint32_t>(at - postings.terms.begin()), term.weight});
  }
  return found;
}

bool ShouldScan(const SparseSearch& search, const std::vector<ListTerm>& terms) {
  double postings = 0;
  for (const ListTerm& term : terms) postings += static_cast<double>(search.postings.lists[term.list].rows);
  return static_cast<double>(search.allowed.count()) * kScoreCost < postings * kAddCost;
}

bool ShouldPrune(const SparseSearch& search, const SparseQuery& query, const std::vector<ListTerm>& terms) {
  if (terms.size() > kMaxTerms || search.request.range_filter.has_value()) return false;
  double sum = 0, postings = 0;
  for (const ListTerm& term : terms) {
    const SparseList& list = search.postings.lists[term.list];
    if (list.low < 0 || !(term.weight > 0)) return false;
    sum += term.weight * static_cast<double>(query.bm25() ? 1.0f : list.high);
    postings += static_cast<double>(list.rows);
  }
  if (!(sum > 1e-30 && sum < 1e30)) return false;
  const double full = postings * (query.bm25() ? kFullBm25Cost : kFullCost);
  return postings * kAddCost + static_cast<double>(search.k) * kScoreCost < full;
}

Result<std::vector<Hit>> SearchPruned(const SparseSearch& search, const SparseQuery& query, const std::vector<ListTerm>& terms) {
  thread_local Scratch scratch;
  PrunedSearch pruned(search, query, terms, &scratch);
  return pruned.possible() ? pruned.Run() : SearchFull(search, query, terms);
}

}  // namespace saker::index
