#include "index/ivf/ivf_index.h"

#include <algorithm>
#include <numeric>

#include "index/flat/exact_scan.h"
#include "index/index_file.h"
#include "index/ivf/lists.h"
#include "index/params.h"
#include "index/scorer.h"
#include "index/topk.h"

namespace saker::index {
namespace {

class IvfIndex final : public Index {
 public:
  IvfIndex(IndexSpec spec, std::shared_ptr<const VectorSource> source, IvfLists lists, std::vector<float> inverse_norms)
      : spec_(std::move(spec)), source_(std::move(source)), lists_(std::move(lists)), inverse_norms_(std::move(inverse_norms)) {}

  const IndexSpec& spec() const override { return spec_; }
  size_t row_count() const override { return source_->row_count(); }
  size_t memory_bytes() const override {
    return sizeof *this + (lists_.centroids.size() + lists_.offsets.size() + lists_.rows.size() + inverse_norms_.size()) * 4;
  }

  Result<std::vector<std::vector<Hit>>> Search(const SearchRequest& request, const Context& context, SearchStats* stats) const override {
    TRY(CheckRequest(request, source_->type(), row_count()));
    TRY(ValidateSearchParams(spec_, request.params, request.k));
    SearchStats unused;
    if (stats == nullptr) stats = &unused;
    const AllowedRows allowed(request.allowed, source_->valid(), row_count());
    const size_t k = std::min(request.k, allowed.count());
    const size_t probes = std::min(ProbeCount(spec_, request.params), lists_.count());
    // A range must be complete, and few rows are scanned sooner than lists are sifted for them.
    if (request.radius.has_value() || k == allowed.count() || allowed.count() <= row_count() / lists_.count() * probes) {
      return ScanRows(*source_, spec_.metric, Norms(), request.queries, request.query_count, request, allowed, context, stats);
    }
    std::vector<std::vector<Hit>> results(request.query_count);
    const size_t stride = RowBytes(source_->type(), source_->dim());
    for (size_t q = 0; q < request.query_count; ++q) {
      const void* query = static_cast<const char*>(request.queries) + q * stride;
      results[q] = TRY(SearchOne(query, k, probes, request.allowed != nullptr ? &allowed : nullptr, context, stats));
    }
    return results;
  }

  Status Save(WritableFile& file) const override {
    IndexFileWriter writer(spec_, *source_);
    writer.Add(Section::kCentroids, std::as_bytes(std::span(lists_.centroids)));
    writer.Add(Section::kListOffsets, std::as_bytes(std::span(lists_.offsets)));
    writer.Add(Section::kListRows, std::as_bytes(std::span(lists_.rows)));
    writer.Add(Section::kInverseNorms, std::as_bytes(std::span(inverse_norms_)));
    return writer.Write(file);
  }

 private:
  const float* Norms() const { return inverse_norms_.empty() ? nullptr : inverse_norms_.data(); }

  // The `probes` nearest lists, and after them more until k rows are found.
  Result<std::vector<Hit>> SearchOne(const void* query, size_t k, size_t probes, const AllowedRows* allowed, const Context& context,
                                     SearchStats* stats) const {
    std::vector<float> floats(source_->dim()), keys(lists_.count());
    VectorToFloats(source_->type(), query, source_->dim(), floats.data());
    CentroidKeys(lists_, spec_.metric, floats.data(), source_->dim(), keys.data());
    std::vector<uint64_t> order(lists_.count());
    for (size_t i = 0; i < order.size(); ++i) order[i] = PackKey(keys[i], static_cast<uint32_t>(i));
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(probes), order.end());
    stats->distances += order.size();

    Scorer scorer(*source_, spec_.metric, Norms());
    scorer.SetQuery(query);
    TopK best(k);
    std::vector<uint32_t> rows;
    for (size_t i = 0; i < order.size(); ++i) {
      if (i >= probes && best.full()) break;
      if (i == probes) std::sort(order.begin() + static_cast<std::ptrdiff_t>(i), order.end());
      TRY(context.Check());
      const std::span<const uint32_t> list = lists_.Rows(RowOf(order[i]));
      rows.assign(list.begin(), list.end());
      if (allowed != nullptr) std::erase_if(rows, [&](uint32_t row) { return !allowed->Test(row); });
      keys.resize(std::max(keys.size(), rows.size()));
      scorer.Keys(rows.data(), rows.size(), keys.data());
      for (size_t r = 0; r < rows.size(); ++r) best.Offer(keys[r], rows[r]);
      stats->distances += rows.size();
      ++stats->hops;
    }
    return best.Finish(spec_.metric);
  }

  const IndexSpec spec_;
  const std::shared_ptr<const VectorSource> source_;
  const IvfLists lists_;
  const std::vector<float> inverse_norms_;
};

}  // namespace

Result<std::unique_ptr<Index>> BuildIvfIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                             const BuildOptions& options) {
  IvfLists lists = TRY(BuildIvfLists(*source, spec.metric, ListCount(spec), options));
  std::vector<float> norms;
  if (spec.metric == Metric::kCosine) norms = InverseNorms(*source);
  return std::unique_ptr<Index>(new IvfIndex(spec, std::move(source), std::move(lists), std::move(norms)));
}

Result<std::unique_ptr<Index>> OpenIvfIndex(const IndexFileReader& file, std::shared_ptr<const VectorSource> source) {
  IvfLists lists;
  const uint64_t offsets = TRY(file.Count(Section::kListOffsets, 4));
  if (offsets < 2 || offsets > 65537) return file.Damaged(Section::kListOffsets, internal::Join(offsets, " offsets"));
  lists.offsets = TRY(file.Copy<uint32_t>(Section::kListOffsets, offsets));
  lists.centroids = TRY(file.Copy<float>(Section::kCentroids, (offsets - 1) * source->dim()));
  // Every row that has a vector stands in exactly one list.
  Bitset seen(source->row_count());
  const size_t with_vector = source->valid() != nullptr ? source->valid()->Count() : source->row_count();
  lists.rows = TRY(file.Copy<uint32_t>(Section::kListRows, with_vector));
  if (lists.offsets.front() != 0 || lists.offsets.back() != lists.rows.size() ||
      !std::is_sorted(lists.offsets.begin(), lists.offsets.end())) {
    return file.Damaged(Section::kListOffsets, "the lists do not cover the rows");
  }
  for (const uint32_t row : lists.rows) {
    if (row >= source->row_count() || seen.Test(row))
      return file.Damaged(Section::kListRows, internal::Join("row ", row, " of ", source->row_count()));
    seen.Set(row);
  }
  std::vector<float> norms;
  if (file.spec().metric == Metric::kCosine) norms = TRY(file.Copy<float>(Section::kInverseNorms, source->row_count()));
  return std::unique_ptr<Index>(new IvfIndex(file.spec(), std::move(source), std::move(lists), std::move(norms)));
}

}  // namespace saker::index
