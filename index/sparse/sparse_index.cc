#include "index/sparse/sparse.h"

#include <algorithm>

#include "index/flat/exact_scan.h"
#include "index/index_file.h"
#include "index/params.h"
#include "index/sparse/bm25.h"
#include "index/topk.h"

namespace saker::index {
namespace {

class SparseIndex final : public Index, public Bm25Counter {
 public:
  SparseIndex(IndexSpec spec, std::shared_ptr<const VectorSource> source, SparseLists lists)
      : spec_(std::move(spec)), source_(std::move(source)), lists_(std::move(lists)) {}

  const IndexSpec& spec() const override { return spec_; }
  size_t row_count() const override { return source_->row_count(); }
  size_t memory_bytes() const override {
    return sizeof *this + (lists_.terms.size() + lists_.rows.size() + lists_.values.size()) * 4 + lists_.offsets.size() * 8;
  }

  Result<std::vector<std::vector<Hit>>> Search(const SearchRequest& request, const Context& context, SearchStats* stats) const override {
    TRY(CheckRequest(request, VectorType::kSparse, row_count()));
    TRY(ValidateSearchParams(spec_, request.params, request.k));
    SearchStats unused;
    if (stats == nullptr) stats = &unused;
    if (spec_.metric == Metric::kBm25) return SearchBm25(request, context, stats);
    const AllowedRows allowed(request.allowed, source_->valid(), row_count());
    std::vector<std::vector<Hit>> results;
    for (const VectorSource::SparseRowView& query : request.sparse_queries) {
      TRY(context.Check());
      results.push_back(TRY(SearchOne(query, request, allowed, context, stats)));
    }
    return results;
  }

  void Count(std::span<const uint32_t> terms, Bm25Statistics* sum) const override { CountBm25(*source_, nullptr, terms, sum); }

  Status Save(WritableFile& file) const override {
    IndexFileWriter writer(spec_, *source_);
    writer.Add(Section::kSparseTerms, std::as_bytes(std::span(lists_.terms)));
    writer.Add(Section::kSparseOffsets, std::as_bytes(std::span(lists_.offsets)));
    writer.Add(Section::kSparseRows, std::as_bytes(std::span(lists_.rows)));
    writer.Add(Section::kSparseValues, std::as_bytes(std::span(lists_.values)));
    return writer.Write(file);
  }

 private:
  Result<std::vector<std::vector<Hit>>> SearchBm25(const SearchRequest& request, const Context& context, SearchStats* stats) const {
    if (request.bm25 != nullptr) return ExactSearch(*source_, Metric::kBm25, request, context, stats);
    Bm25Statistics own = Bm25DefaultsOf(spec_);
    Count(TermsOf(request.sparse_queries), &own);
    SearchRequest with = request;
    with.bm25 = &own;
    return ExactSearch(*source_, Metric::kBm25, with, context, stats);
  }

  // Term by term into one sum per row: the same order of additions as SparseProduct, so the same scores. The sums belong
  // to the thread and are zero between searches.
  Result<std::vector<Hit>> SearchOne(VectorSource::SparseRowView query, const SearchRequest& request, const AllowedRows& allowed,
                                     const Context& context, SearchStats* stats) const {
    thread_local std::vector<float> sums;
    thread_local std::vector<uint32_t> met;
    if (sums.size() < row_count()) sums.resize(row_count());
    for (const uint32_t row : met) sums[row] = 0;
    met.clear();
    for (size_t i = 0; i < query.count; ++i) {
      const SparsePair pair = LoadSparsePair(query.pairs, i);
      const auto term = std::lower_bound(lists_.terms.begin(), lists_.terms.end(), pair.index);
      if (term == lists_.terms.end() || *term != pair.index) continue;
      TRY(context.Check());
      const auto list = static_cast<size_t>(term - lists_.terms.begin());
      for (uint64_t p = lists_.offsets[list]; p < lists_.offsets[list + 1]; ++p) {
        float& sum = sums[lists_.rows[p]];
        if (sum == 0) met.push_back(lists_.rows[p]);  // again after a sum of exactly 0: sorted out below
        sum += pair.value * lists_.values[p];
      }
      stats->distances += lists_.offsets[list + 1] - lists_.offsets[list];
      ++stats->hops;
    }
    std::sort(met.begin(), met.end());
    met.erase(std::unique(met.begin(), met.end()), met.end());
    TopK best(std::min(request.k, allowed.count()));
    for (const uint32_t row : met) {
      if (sums[row] != 0 && allowed.Test(row) && InRange(Metric::kIp, request, sums[row])) best.Offer(0.0f - sums[row], row);
    }
    return best.Finish(Metric::kIp);
  }

  const IndexSpec spec_;
  const std::shared_ptr<const VectorSource> source_;
  const SparseLists lists_;
};

}  // namespace

Result<SparseLists> BuildSparseLists(const VectorSource& source, const BuildOptions& options) {
  const size_t rows = source.row_count();
  std::vector<uint32_t> terms;
  const auto for_each_row = [&](auto&& f) -> Status {
    for (size_t row = 0; row < rows; ++row) {
      if (row % 4096 == 0 && options.context != nullptr) TRY(options.context->Check());
      if (source.valid() == nullptr || source.valid()->Test(row)) f(static_cast<uint32_t>(row), source.SparseRow(row));
    }
    return OkStatus();
  };
  const auto compact = [&] {
    std::sort(terms.begin(), terms.end());
    terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  };
  size_t limit = 1 << 20;  // distinct terms are few; their repetitions are cut as they pile up
  TRY(for_each_row([&](uint32_t, VectorSource::SparseRowView view) {
    for (size_t i = 0; i < view.count; ++i) terms.push_back(LoadSparsePair(view.pairs, i).index);
    if (terms.size() < limit) return;
    compact();
    limit = std::max<size_t>(1 << 20, terms.size() * 2);
  }));
  compact();
  SparseLists lists;
  lists.terms = std::move(terms);
  lists.offsets.assign(lists.terms.size() + 1, 0);
  const auto list_of = [&](uint32_t term) {
    return static_cast<size_t>(std::lower_bound(lists.terms.begin(), lists.terms.end(), term) - lists.terms.begin());
  };
  TRY(for_each_row([&](uint32_t, VectorSource::SparseRowView view) {
    for (size_t i = 0; i < view.count; ++i) ++lists.offsets[list_of(LoadSparsePair(view.pairs, i).index) + 1];
  }));
  for (size_t i = 0; i < lists.terms.size(); ++i) lists.offsets[i + 1] += lists.offsets[i];
  lists.rows.resize(lists.offsets.back());
  lists.values.resize(lists.offsets.back());
  std::vector<uint64_t> place(lists.offsets.begin(), lists.offsets.end() - 1);
  TRY(for_each_row([&](uint32_t row, VectorSource::SparseRowView view) {
    for (size_t i = 0; i < view.count; ++i) {
      const SparsePair pair = LoadSparsePair(view.pairs, i);
      const uint64_t at = place[list_of(pair.index)]++;
      lists.rows[at] = row;
      lists.values[at] = pair.value;
    }
  }));
  if (options.progress) options.progress(1.0);
  return lists;
}

std::unique_ptr<Index> MakeSparseIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source, SparseLists lists) {
  return std::make_unique<SparseIndex>(spec, std::move(source), std::move(lists));
}

Result<std::unique_ptr<Index>> OpenSparseIndex(const IndexFileReader& file, std::shared_ptr<const VectorSource> source) {
  SparseLists lists;
  const uint64_t terms = TRY(file.Count(Section::kSparseTerms, 4));
  lists.terms = TRY(file.Copy<uint32_t>(Section::kSparseTerms, terms));
  lists.offsets = TRY(file.Copy<uint64_t>(Section::kSparseOffsets, terms + 1));
  lists.rows = TRY(file.Copy<uint32_t>(Section::kSparseRows, lists.offsets.back()));
  lists.values = TRY(file.Copy<float>(Section::kSparseValues, lists.offsets.back()));
  const bool terms_ascend = std::adjacent_find(lists.terms.begin(), lists.terms.end(), std::greater_equal<>()) == lists.terms.end();
  if (!terms_ascend || lists.offsets.front() != 0 || !std::is_sorted(lists.offsets.begin(), lists.offsets.end())) {
    return file.Damaged(Section::kSparseOffsets, "terms or offsets are not ascending");
  }
  for (const uint32_t row : lists.rows) {
    if (row >= source->row_count()) return file.Damaged(Section::kSparseRows, internal::Join("row ", row, " of ", source->row_count()));
  }
  return MakeSparseIndex(file.spec(), std::move(source), std::move(lists));
}

}  // namespace saker::index
