#include "index/hnsw/hnsw_index.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "index/hnsw/builder.h"
#include "index/flat/exact_scan.h"
#include "index/hnsw/walk.h"
#include "index/index_file.h"
#include "index/params.h"

namespace saker::index {
namespace {

struct GraphHeader {  // durable: section kGraphHeader
  uint32_t degree;
  uint32_t degree0;
  uint32_t max_level;
  uint32_t entry;
};

class HnswIndex final : public Index {
 public:
  HnswIndex(IndexSpec spec, std::shared_ptr<const VectorSource> source, HnswGraph graph, std::vector<float> inverse_norms, RowCodes codes)
      : spec_(std::move(spec)),
        source_(std::move(source)),
        graph_(std::move(graph)),
        inverse_norms_(std::move(inverse_norms)),
        codes_(std::move(codes)) {}

  const IndexSpec& spec() const override { return spec_; }
  size_t row_count() const override { return source_->row_count(); }
  size_t memory_bytes() const override {
    return sizeof *this + graph_.memory_bytes() + codes_.memory_bytes() + inverse_norms_.size() * sizeof(float);
  }

  Result<std::vector<std::vector<Hit>>> Search(const SearchRequest& request, const Context& context, SearchStats* stats) const override {
    TRY(CheckRequest(request, source_->type(), row_count()));
    TRY(ValidateSearchParams(spec_, request.params, request.k));
    SearchStats unused;
    if (stats == nullptr) stats = &unused;
    const AllowedRows allowed(request.allowed, source_->valid(), row_count());
    const size_t k = std::min(request.k, allowed.count());
    const bool filtered = request.allowed != nullptr;
    const size_t pool = PoolSize(request, allowed.count(), filtered);
    if (request.radius.has_value() || ScanIsCheaper(allowed.count(), pool, k))
      return Scan(request, 0, request.query_count, allowed, context, stats);

    std::vector<std::vector<Hit>> results(request.query_count);
    const size_t stride = RowBytes(source_->type(), source_->dim());
    Scorer scorer(*source_, spec_.metric, Norms());
    std::optional<CodeScorer> codes;
    if (!codes_.empty()) codes.emplace(codes_, spec_.metric);
    const WalkRequest walk{scorer, codes ? &*codes : nullptr, row_count(), pool, k, filtered ? &allowed : nullptr};
    for (size_t q = 0; q < request.query_count; ++q) {
      TRY(context.Check());
      const char* const query = static_cast<const char*>(request.queries) + q * stride;
      scorer.SetQuery(query);
      if (codes) codes->SetQuery(reinterpret_cast<const float*>(query));
      TopK best(k);
      TRY(WalkGraph(graph_, walk, context, &best, stats));
      results[q] = best.Finish(spec_.metric);
      // A walk that was cut off from part of the graph must not answer with less than there is.
      if (results[q].size() < k) results[q] = std::move(TRY(Scan(request, q, 1, allowed, context, stats))[0]);
    }
    return results;
  }

  Status Save(WritableFile& file) const override {
    const GraphHeader header{graph_.degree, graph_.degree0, graph_.max_level, graph_.entry};
    IndexFileWriter writer(spec_, *source_);
    writer.Add(Section::kGraphHeader, std::as_bytes(std::span(&header, 1)));
    writer.Add(Section::kGraphLevel0, std::as_bytes(std::span(graph_.level0.data(), graph_.level0.size())));
    writer.Add(Section::kGraphUpperRows, std::as_bytes(std::span(graph_.upper_rows)));
    writer.Add(Section::kGraphUpperOffsets, std::as_bytes(std::span(graph_.upper_offsets)));
    writer.Add(Section::kGraphUpperLinks, std::as_bytes(std::span(graph_.upper_links)));
    writer.Add(Section::kInverseNorms, std::as_bytes(std::span(inverse_norms_)));
    return writer.Write(file);
  }

 private:
  const float* Norms() const { return inverse_norms_.empty() ? nullptr : inverse_norms_.data(); }

  // How many of the nearest rows the walk keeps in view. Only a share s of them may be returned, so that a filtered
  // search sees as many allowed rows as an unfiltered one looks at for its k: ef of them, but 4k are enough.
  size_t PoolSize(const SearchRequest& request, size_t allowed, bool filtered) const {
    const size_t ef = SearchWidth(spec_, request.params, request.k);
    if (!filtered || allowed == 0) return ef;
    const double share = static_cast<double>(allowed) / static_cast<double>(row_count());
    return std::max(ef, static_cast<size_t>(static_cast<double>(std::min(ef, 4 * request.k)) / share));
  }

  // Distances of a walk: about three quarters of a block of links is new at each of `pool` steps, at random addresses and
  // with the pool to keep; a scanned row costs a third of that.
  bool ScanIsCheaper(size_t allowed, size_t pool, size_t k) const {
    const double walk = static_cast<double>(pool) * 0.75 * graph_.degree0;
    return k >= allowed || static_cast<double>(allowed) / 3 <= walk || pool >= row_count();
  }

  Result<std::vector<std::vector<Hit>>> Scan(const SearchRequest& request, size_t first, size_t count, const AllowedRows& allowed,
                                             const Context& context, SearchStats* stats) const {
    const char* queries = static_cast<const char*>(request.queries) + first * RowBytes(source_->type(), source_->dim());
    return ScanRows(*source_, spec_.metric, Norms(), queries, count, request, allowed, context, stats);
  }

  const IndexSpec spec_;
  const std::shared_ptr<const VectorSource> source_;
  const HnswGraph graph_;
  const std::vector<float> inverse_norms_;
  const RowCodes codes_;
};

Result<std::unique_ptr<Index>> Finish(const IndexSpec& spec, std::shared_ptr<const VectorSource> source, HnswGraph graph,
                                      std::vector<float> norms) {
  RowCodes codes = TRY(RowCodes::Make(*source, spec.metric, norms.empty() ? nullptr : norms.data()));
  return std::unique_ptr<Index>(new HnswIndex(spec, std::move(source), std::move(graph), std::move(norms), std::move(codes)));
}

}  // namespace

Result<std::unique_ptr<Index>> BuildHnswIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                              const BuildOptions& options) {
  std::vector<float> norms;
  if (spec.metric == Metric::kCosine) norms = InverseNorms(*source);
  const GraphShape shape = GraphShapeOf(spec);
  HnswGraph graph =
      TRY(BuildHnswGraph(*source, spec.metric, norms.empty() ? nullptr : norms.data(), shape.m, shape.ef_construction, options));
  return Finish(spec, std::move(source), std::move(graph), std::move(norms));
}

Result<std::unique_ptr<Index>> OpenHnswIndex(const IndexFileReader& file, std::shared_ptr<const VectorSource> source) {
  const size_t rows = source->row_count();
  const GraphHeader header = TRY(file.Copy<GraphHeader>(Section::kGraphHeader, 1))[0];
  if (header.degree < 1 || header.degree > 4096 || header.degree0 < 1 || header.degree0 > 8192) {
    return file.Damaged(Section::kGraphHeader, internal::Join("degrees ", header.degree, " and ", header.degree0));
  }
  HnswGraph graph;
  graph.degree = header.degree;
  graph.degree0 = header.degree0;
  graph.max_level = header.max_level;
  graph.entry = header.entry;
  const std::span<const uint32_t> links = TRY(file.View<uint32_t>(Section::kGraphLevel0, uint64_t{rows} * header.degree0));
  graph.level0 = TRY(LinkArray::Allocate(links.size()));
  std::copy(links.begin(), links.end(), graph.level0.data());
  const uint64_t slots = TRY(file.Count(Section::kGraphUpperRows, 4));
  graph.upper_rows = TRY(file.Copy<uint32_t>(Section::kGraphUpperRows, slots));
  graph.upper_offsets = TRY(file.Copy<uint32_t>(Section::kGraphUpperOffsets, slots + 1));
  graph.upper_links = TRY(file.Copy<uint32_t>(Section::kGraphUpperLinks, uint64_t{graph.upper_offsets.back()} * header.degree));
  const Status valid = graph.Validate(rows);
  if (!valid.ok()) return file.Damaged(Section::kGraphLevel0, valid.message());
  std::vector<float> norms;
  if (file.spec().metric == Metric::kCosine) norms = TRY(file.Copy<float>(Section::kInverseNorms, rows));
  return Finish(file.spec(), std::move(source), std::move(graph), std::move(norms));
}

}  // namespace saker::index
