#include "index/auto/auto_index.h"

#include <algorithm>
#include <cmath>

#include "index/auto/calibrate.h"
#include "index/auto/disk_probe.h"
#include "index/auto/profile.h"
#include "index/capability.h"
#include "index/disk/disk_index.h"
#include "index/flat/exact_scan.h"
#include "index/graph/graph_index.h"
#include "index/index_file.h"
#include "index/ivf/ivf_index.h"
#include "index/params.h"
#include "index/scorer.h"

namespace saker::index {
namespace {

constexpr double kBuildShare = 0.9;  // of the progress; the rest is for measuring

struct AutoHeader {  // durable: section kAutoHeader
  uint32_t family;
  uint32_t points;
  float intrinsic_dimension;
  uint32_t zero;
};

// What the graph needed on image descriptors, word vectors and text embeddings, the hardest of them.
EffortTable TypicalEfforts(EffortKind kind) {
  if (kind == EffortKind::kDisk) return EffortTable({{10, 20, 0, 0.85f}, {10, 60, 0, 0.95f}, {10, 240, 0, 0.99f}, {10, 1000, 0, 0.999f}});
  if (kind == EffortKind::kLists) return EffortTable({{10, 8, 0, 0.8f}, {10, 32, 0, 0.95f}, {10, 128, 0, 0.99f}, {10, 512, 0, 0.999f}});
  return EffortTable({{10, 512, 1.02f, 0.85f},
                      {10, 512, 1.04f, 0.9f},
                      {10, 512, 1.06f, 0.95f},
                      {10, 512, 1.08f, 0.98f},
                      {10, 1024, 1.1f, 0.99f},
                      {10, 1024, 1.2f, 0.999f}});
}

EffortKind KindOf(AutoFamily family) {
  if (family == AutoFamily::kDisk) return EffortKind::kDisk;
  return family == AutoFamily::kGraph ? EffortKind::kGraph : EffortKind::kLists;
}

class AutoIndex final : public Index, public IndexInside {
 public:
  AutoIndex(IndexSpec spec, std::unique_ptr<Index> inner, AutoFamily family, double intrinsic_dimension, EffortTable efforts)
      : spec_(std::move(spec)),
        inner_(std::move(inner)),
        family_(family),
        kind_(KindOf(family)),
        intrinsic_dimension_(intrinsic_dimension),
        efforts_(std::move(efforts)),
        lookup_(efforts_.empty() ? TypicalEfforts(kind_) : efforts_) {}

  const IndexSpec& spec() const override { return spec_; }
  size_t row_count() const override { return inner_->row_count(); }
  size_t memory_bytes() const override { return sizeof *this + inner_->memory_bytes() + efforts_.points().size() * sizeof(EffortPoint); }
  const Index& Inside() const override { return *inner_; }

  Result<std::vector<std::vector<Hit>>> Search(const SearchRequest& request, const Context& context, SearchStats* stats) const override {
    TRY(ValidateSearchParams(spec_, request.params, request.k));
    SearchRequest inside = request;
    inside.params = ParamsOf(request);
    return inner_->Search(inside, context, stats);
  }

  Status Save(WritableFile& file) const override {
    const std::vector<EffortPoint>& points = efforts_.points();
    const AutoHeader header{static_cast<uint32_t>(family_), static_cast<uint32_t>(points.size()), static_cast<float>(intrinsic_dimension_),
                            0};
    const SectionBytes more[] = {{Section::kAutoHeader, std::as_bytes(std::span(&header, 1))},
                                 {Section::kAutoEfforts, std::as_bytes(std::span(points))}};
    return dynamic_cast<const SavedWithin&>(*inner_).SaveAs(spec_, more, file);
  }

  std::map<std::string, std::string> ParamsOf(const SearchRequest& request) const override {
    const char* const own = kind_ == EffortKind::kLists ? "nprobe" : "ef";
    if (const auto given = request.params.find(own); given != request.params.end()) {
      const auto width = static_cast<uint32_t>(std::min<uint64_t>(std::stoull(given->second), 1u << 30));
      return EffortParams(kind_, {width, 0}, request.k);
    }
    return EffortParams(kind_, lookup_.For(std::max<size_t>(request.k, 1), RecallTarget(request.params)), request.k);
  }

 private:
  const IndexSpec spec_;
  const std::unique_ptr<Index> inner_;
  const AutoFamily family_;
  const EffortKind kind_;
  const double intrinsic_dimension_;
  const EffortTable efforts_;  // as measured; empty when there was nothing to measure
  const EffortTable lookup_;
};

BuildOptions Silent(BuildOptions options) {
  options.progress = nullptr;
  return options;
}

Result<std::unique_ptr<Index>> BuildInner(const AutoChoice& choice, std::shared_ptr<const VectorSource> source,
                                          const BuildOptions& options) {
  const IndexSpec spec = TRY(ValidateSpec(choice.spec, source->type(), source->dim()));
  if (choice.family == AutoFamily::kGraph) return BuildGraphIndex(spec, std::move(source), options);
  if (choice.family == AutoFamily::kDisk) return BuildDiskIndex(spec, std::move(source), options);
  return BuildIvfIndex(spec, std::move(source), options);
}

}  // namespace

Result<std::unique_ptr<Index>> BuildAutoIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                              const BuildOptions& options) {
  const size_t rows = source->valid() != nullptr ? source->valid()->Count() : source->row_count();
  SegmentProfile profile{source->type(), source->dim(), rows, 0};
  std::vector<HeldOutQuery> queries;
  if (rows >= kSmallSegment) queries = TRY(DrawHeldOut(*source, spec.metric, Silent(options)));
  profile.intrinsic_dimension = IntrinsicDimension(spec.metric, queries);
  AvailableResources available{options.memory_limit_bytes, options.memory_bytes, options.threads, nullptr};
  FileSystem& files = options.files != nullptr ? *options.files : FileSystem::Posix();
  available.disk_reads_a_second = [&] { return ProbeReads(files, options.scratch_directory); };
  const AutoChoice choice = TRY(ChooseIndex(profile, spec.metric, available));
  if (choice.family == AutoFamily::kFlat) {
    std::vector<float> norms;
    if (spec.metric == Metric::kCosine) norms = InverseNorms(*source);
    if (options.progress) options.progress(1.0);
    return MakeFlatIndex(spec, std::move(source), std::move(norms));
  }
  BuildOptions building = options;
  if (choice.family != AutoFamily::kGraph) building.checkpoints = nullptr;  // they are a graph's in memory
  if (options.progress) building.progress = [&](double share) { options.progress(share * kBuildShare); };
  std::unique_ptr<Index> inner = TRY(BuildInner(choice, source, building));
  EffortTable efforts = TRY(Calibrate(*inner, KindOf(choice.family), queries, Silent(options)));
  if (options.progress) options.progress(1.0);
  return std::unique_ptr<Index>(new AutoIndex(spec, std::move(inner), choice.family, profile.intrinsic_dimension, std::move(efforts)));
}

Result<std::unique_ptr<Index>> OpenAutoIndex(IndexFileReader file, FileSystem& files, std::shared_ptr<const VectorSource> source) {
  AutoHeader header{};
  std::vector<EffortPoint> points;
  if (file.Has(Section::kAutoHeader)) {
    header = TRY(file.Copy<AutoHeader>(Section::kAutoHeader, 1))[0];
    const bool known =
        header.family == static_cast<uint32_t>(AutoFamily::kGraph) || header.family == static_cast<uint32_t>(AutoFamily::kScalarLists) ||
        header.family == static_cast<uint32_t>(AutoFamily::kProductLists) || header.family == static_cast<uint32_t>(AutoFamily::kDisk);
    if (!known || header.points > EffortTable::kMaxPoints || !(header.intrinsic_dimension >= 0)) {
      return file.Damaged(Section::kAutoHeader, internal::Join("family ", header.family, ", ", header.points, " points"));
    }
    points = TRY(file.Copy<EffortPoint>(Section::kAutoEfforts, header.points));
    const Status valid = points.empty() ? OkStatus() : EffortTable::Validate(points);
    if (!valid.ok()) return file.Damaged(Section::kAutoEfforts, valid.message());
  } else if (file.Has(Section::kFlatGraphHeader) || file.Has(Section::kGraphHeader)) {  // from before there was a table
    header.family = static_cast<uint32_t>(AutoFamily::kGraph);
  } else {
    std::vector<float> norms;
    if (file.spec().metric == Metric::kCosine) norms = TRY(file.Copy<float>(Section::kInverseNorms, source->row_count()));
    return MakeFlatIndex(file.spec(), std::move(source), std::move(norms));
  }
  const auto family = static_cast<AutoFamily>(header.family);
  size_t lists = 1;
  if (KindOf(family) == EffortKind::kLists)
    lists = std::clamp<size_t>(TRY(file.Count(Section::kListOffsets, sizeof(uint32_t))), 2, 65537) - 1;
  const IndexSpec spec = InnerSpec(family, file.spec().metric, source->dim(), lists);
  const IndexSpec outer = file.spec();
  IndexFileReader inside = file.WithSpec(TRY(ValidateSpec(spec, source->type(), source->dim())));
  { const IndexFileReader closed = std::move(file); }  // a graph on disk wants its file unmapped
  std::unique_ptr<Index> inner;
  switch (family) {
    case AutoFamily::kGraph: inner = TRY(OpenGraphIndex(inside, std::move(source))); break;
    case AutoFamily::kDisk: inner = TRY(OpenDiskIndex(std::move(inside), files, std::move(source))); break;
    default: inner = TRY(OpenIvfIndex(inside, std::move(source))); break;
  }
  return std::unique_ptr<Index>(
      new AutoIndex(outer, std::move(inner), family, static_cast<double>(header.intrinsic_dimension), EffortTable(std::move(points))));
}

}  // namespace saker::index
