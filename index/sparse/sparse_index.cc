#include <algorithm>

#include "index/flat/exact_scan.h"
#include "index/index_file.h"
#include "index/params.h"
#include "index/sparse/bm25.h"
#include "index/sparse/sparse_search.h"
#include "index/topk.h"

namespace saker::index {
namespace {

class SparseIndex final : public Index, public Bm25Counter {
 public:
  SparseIndex(IndexSpec spec, std::shared_ptr<const VectorSource> source, SparsePostings postings)
      : spec_(std::move(spec)), source_(std::move(source)), postings_(std::move(postings)) {}

  const IndexSpec& spec() const override { return spec_; }
  size_t row_count() const override { return source_->row_count(); }
  size_t memory_bytes() const override { return sizeof *this + postings_.memory_bytes(); }

  Result<std::vector<std::vector<Hit>>> Search(const SearchRequest& request, const Context& context, SearchStats* stats) const override {
    TRY(CheckRequest(request, VectorType::kSparse, row_count()));
    TRY(ValidateSearchParams(spec_, request.params, request.k));
    SearchStats unused;
    Bm25Statistics own;
    const Bm25Statistics* statistics = nullptr;
    if (spec_.metric == Metric::kBm25) {
      statistics = request.bm25;
      if (statistics == nullptr) {
        own = Bm25DefaultsOf(spec_);
        Count(TermsOf(request.sparse_queries), &own);
        statistics = &own;
      }
      TRY(CheckBm25(*statistics));
    }
    const AllowedRows allowed(request.allowed, source_->valid(), row_count());
    const SparseSearch search{
        postings_, *source_, allowed, request, std::min(request.k, allowed.count()), context, stats != nullptr ? stats : &unused};
    std::vector<std::vector<Hit>> results;
    results.reserve(request.sparse_queries.size());
    for (const VectorSource::SparseRowView& view : request.sparse_queries) {
      TRY(context.Check());
      results.push_back(TRY(SearchOne(search, SparseQuery(view, statistics))));
    }
    return results;
  }

  void Count(std::span<const uint32_t> terms, Bm25Statistics* sum) const override {
    Bm25Statistics counts;
    counts.row_count = postings_.counted_rows;
    counts.total_length = postings_.total_length;
    for (const uint32_t term : terms) {
      const auto at = std::lower_bound(postings_.terms.begin(), postings_.terms.end(), term);
      if (at == postings_.terms.end() || *at != term) continue;
      counts.terms.push_back({term, postings_.lists[static_cast<size_t>(at - postings_.terms.begin())].rows});
    }
    sum->Add(counts);
  }

  Status Save(WritableFile& file) const override {
    const SparseFileHeader header = HeaderOf(postings_);
    IndexFileWriter writer(spec_, *source_);
    AddSections(postings_, header, &writer);
    return writer.Write(file);
  }

 private:
  Result<std::vector<Hit>> SearchOne(const SparseSearch& search, const SparseQuery& query) const {
    if (search.k == 0) return std::vector<Hit>();
    const double ratio = DropRatio(search.request.params, "drop_ratio_search");
    if (ratio == 0 && !postings_.dropped) return SearchExactly(search, query);
    return SearchDropping(search, query, ratio);
  }

  Result<std::vector<Hit>> SearchExactly(const SparseSearch& search, const SparseQuery& query) const {
    const std::vector<ListTerm> terms = FindLists(postings_, query);
    if (ShouldScan(search, terms)) return SearchAllowed(search, query);
    return ShouldPrune(search, query, terms) ? SearchPruned(search, query, terms) : SearchFull(search, query, terms);
  }

  // As Milvus does: the best refine_factor * k rows by what is left of query and lists, then in full. Rows that only what
  // was dropped would find must not be missing from a result that is short otherwise.
  Result<std::vector<Hit>> SearchDropping(const SparseSearch& search, const SparseQuery& query, double ratio) const {
    const SparseQuery rest = query.Without(ratio);
    SearchRequest unbounded;
    const size_t pool = std::min(search.allowed.count(), search.k * std::min<size_t>(RefineFactor(search.request.params), 1000));
    const SparseSearch wide{search.postings, search.source, search.allowed, unbounded, pool, search.context, search.stats};
    // Lists that lost values bound nothing: they are added up, not pruned.
    const std::vector<Hit> found =
        postings_.dropped ? TRY(SearchFull(wide, rest, FindLists(postings_, rest))) : TRY(SearchExactly(wide, rest));
    TopK best(search.k);
    size_t in_range = 0;
    for (const Hit& hit : found) {
      const float score = search.Score(query, hit.row);
      if (score == 0 || !InRange(Metric::kIp, search.request, score)) continue;
      best.Offer(0.0f - score, hit.row);
      ++in_range;
    }
    search.stats->distances += found.size();
    if (in_range >= search.k) return best.Finish(Metric::kIp);
    return postings_.dropped ? SearchAllowed(search, query) : SearchExactly(search, query);
  }

  const IndexSpec spec_;
  const std::shared_ptr<const VectorSource> source_;
  const SparsePostings postings_;
};

}  // namespace

Result<std::unique_ptr<Index>> BuildSparseIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                                const BuildOptions& options) {
  SparsePostings postings = TRY(BuildPostings(spec, *source, options));
  return std::make_unique<SparseIndex>(spec, std::move(source), std::move(postings));
}

Result<std::unique_ptr<Index>> OpenSparseIndex(const IndexFileReader& file, std::shared_ptr<const VectorSource> source) {
  SparsePostings postings = TRY(ReadPostings(file, *source));
  return std::make_unique<SparseIndex>(file.spec(), std::move(source), std::move(postings));
}

}  // namespace saker::index
