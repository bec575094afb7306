#include "index/graph/graph_index.h"

#include <algorithm>

#include "index/graph/builder.h"
#include "index/graph/graph_iterator.h"
#include "index/graph/graph_search.h"
#include "index/index_file.h"
#include "index/params.h"

namespace saker::index {
namespace {

constexpr size_t kMaxEntries = 4096;  // of a file

struct GraphHeader {  // durable: section kFlatGraphHeader
  uint32_t degree;
  uint32_t entries;
};
struct LayeredHeader {  // durable: section kGraphHeader, HNSW as version 1 wrote it
  uint32_t degree;
  uint32_t degree0;
  uint32_t max_level;
  uint32_t entry;
};

class GraphIndex final : public Index, public SavedWithin, public Iterable {
 public:
  GraphIndex(IndexSpec spec, std::shared_ptr<const VectorSource> source, FlatGraph graph, std::vector<float> inverse_norms, NodeCodes codes)
      : spec_(std::move(spec)),
        source_(std::move(source)),
        graph_(std::move(graph)),
        inverse_norms_(std::move(inverse_norms)),
        codes_(std::move(codes)),
        entries_(graph_.entries, codes_) {}

  const IndexSpec& spec() const override { return spec_; }
  size_t row_count() const override { return source_->row_count(); }
  size_t memory_bytes() const override {
    return sizeof *this + graph_.memory_bytes() + codes_.memory_bytes() + inverse_norms_.size() * sizeof(float) + entries_.memory_bytes();
  }

  Result<std::vector<std::vector<Hit>>> Search(const SearchRequest& request, const Context& context, SearchStats* stats) const override {
    return SearchGraph(Parts(), request, context, stats);
  }
  Result<std::unique_ptr<RowIterator>> Iterate(const SearchRequest& request) const override { return IterateGraph(Parts(), request); }
  size_t iterator_bytes() const override { return GraphIteratorBytes(row_count()); }

  Status Save(WritableFile& file) const override { return SaveAs(spec_, {}, file); }

  Status SaveAs(const IndexSpec& spec, std::span<const SectionBytes> more, WritableFile& file) const override {
    const GraphHeader header{graph_.degree, static_cast<uint32_t>(graph_.entries.size())};
    IndexFileWriter writer(spec, *source_);
    writer.Add(Section::kFlatGraphHeader, std::as_bytes(std::span(&header, 1)));
    writer.Add(Section::kFlatGraphLinks, std::as_bytes(std::span(graph_.links.data(), graph_.links.size())));
    writer.Add(Section::kFlatGraphEntries, std::as_bytes(std::span(graph_.entries)));
    writer.Add(Section::kInverseNorms, std::as_bytes(std::span(inverse_norms_)));
    for (const SectionBytes& section : more) writer.Add(section.section, section.bytes);
    return writer.Write(file);
  }

 private:
  GraphParts Parts() const { return {spec_, *source_, graph_, inverse_norms_.empty() ? nullptr : inverse_norms_.data(), codes_, entries_}; }

  const IndexSpec spec_;
  const std::shared_ptr<const VectorSource> source_;
  const FlatGraph graph_;
  const std::vector<float> inverse_norms_;
  const NodeCodes codes_;
  const EntryTable entries_;
};

Result<std::unique_ptr<Index>> OpenLayered(const IndexFileReader& file, std::shared_ptr<const VectorSource> source);

std::unique_ptr<Index> Make(const IndexSpec& spec, std::shared_ptr<const VectorSource> source, FlatGraph graph, std::vector<float> norms,
                            NodeCodes codes) {
  return std::make_unique<GraphIndex>(spec, std::move(source), std::move(graph), std::move(norms), std::move(codes));
}

Result<LinkArray> CopyLinks(const IndexFileReader& file, Section section, uint64_t count) {
  const std::span<const uint32_t> links = TRY(file.View<uint32_t>(section, count));
  LinkArray array = TRY(LinkArray::Allocate(links.size()));
  std::copy(links.begin(), links.end(), array.data());
  return array;
}

Result<std::unique_ptr<Index>> Finish(const IndexFileReader& file, std::shared_ptr<const VectorSource> source, FlatGraph graph,
                                      Section blamed) {
  const Status valid = graph.Validate(source->row_count());
  if (!valid.ok()) return file.Damaged(blamed, valid.message());
  const IndexSpec& spec = file.spec();
  std::vector<float> norms;
  if (spec.metric == Metric::kCosine) norms = TRY(file.Copy<float>(Section::kInverseNorms, source->row_count()));
  NodeCodes codes = TRY(NodeCodes::Make(*source, spec.metric, norms.empty() ? nullptr : norms.data(), BuildOptions()));
  return Make(spec, std::move(source), std::move(graph), std::move(norms), std::move(codes));
}

// HNSW as version 1 wrote it: its level 0 is a flat graph, its upper rows are entries.
Result<std::unique_ptr<Index>> OpenLayered(const IndexFileReader& file, std::shared_ptr<const VectorSource> source) {
  const LayeredHeader header = TRY(file.Copy<LayeredHeader>(Section::kGraphHeader, 1))[0];
  if (header.degree0 < 1 || header.degree0 > FlatGraph::kMaxDegree) {
    return file.Damaged(Section::kGraphHeader, internal::Join("a degree of ", header.degree0));
  }
  FlatGraph graph;
  graph.degree = header.degree0;
  graph.links = TRY(CopyLinks(file, Section::kGraphLevel0, uint64_t{source->row_count()} * header.degree0));
  const uint64_t upper = TRY(file.Count(Section::kGraphUpperRows, sizeof(uint32_t)));
  graph.entries = TRY(file.Copy<uint32_t>(Section::kGraphUpperRows, upper));
  constexpr size_t kEnough = 256;
  const size_t every = std::max<size_t>(1, graph.entries.size() / kEnough);
  for (size_t i = 0; i * every < graph.entries.size(); ++i) graph.entries[i] = graph.entries[i * every];
  graph.entries.resize((graph.entries.size() + every - 1) / every);
  if (header.entry != FlatGraph::kNone && std::find(graph.entries.begin(), graph.entries.end(), header.entry) == graph.entries.end()) {
    graph.entries.push_back(header.entry);
  }
  return Finish(file, std::move(source), std::move(graph), Section::kGraphLevel0);
}

}  // namespace

GraphPlan GraphPlanOf(const IndexSpec& spec) {
  const GraphShape shape = GraphShapeOf(spec);
  GraphPlan plan;
  plan.degree = std::min(2 * shape.m, FlatGraph::kMaxDegree);
  plan.candidates = std::clamp<size_t>(plan.degree + plan.degree / 2, 96, 255);
  plan.leaves.rounds = std::clamp<size_t>(2 + shape.ef_construction / 48, 3, 12);
  return plan;
}

Result<std::unique_ptr<Index>> BuildGraphIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                               const BuildOptions& options) {
  std::vector<float> norms;
  if (spec.metric == Metric::kCosine) norms = InverseNorms(*source);
  const float* inverse_norms = norms.empty() ? nullptr : norms.data();
  NodeCodes codes = TRY(NodeCodes::Make(*source, spec.metric, inverse_norms, options));
  FlatGraph graph = TRY(BuildFlatGraph(*source, spec.metric, inverse_norms, codes, GraphPlanOf(spec), options));
  return Make(spec, std::move(source), std::move(graph), std::move(norms), std::move(codes));
}

Result<std::unique_ptr<Index>> OpenGraphIndex(const IndexFileReader& file, std::shared_ptr<const VectorSource> source) {
  if (!file.Count(Section::kFlatGraphHeader, sizeof(GraphHeader)).ok()) return OpenLayered(file, std::move(source));
  const GraphHeader header = TRY(file.Copy<GraphHeader>(Section::kFlatGraphHeader, 1))[0];
  if (header.degree < 1 || header.degree > FlatGraph::kMaxDegree || header.entries > kMaxEntries + source->row_count()) {
    return file.Damaged(Section::kFlatGraphHeader, internal::Join("degree ", header.degree, ", ", header.entries, " entries"));
  }
  FlatGraph graph;
  graph.degree = header.degree;
  graph.links = TRY(CopyLinks(file, Section::kFlatGraphLinks, uint64_t{source->row_count()} * header.degree));
  graph.entries = TRY(file.Copy<uint32_t>(Section::kFlatGraphEntries, header.entries));
  return Finish(file, std::move(source), std::move(graph), Section::kFlatGraphLinks);
}

}  // namespace saker::index
