#include "index/disk/disk_build.h"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "common/checksum.h"
#include "index/disk/packing.h"
#include "index/disk/partition.h"
#include "index/disk/spill.h"
#include "index/graph/builder.h"
#include "index/graph/prune.h"
#include "index/ivf/row_floats.h"
#include "index/parallel.h"

namespace saker::index {
namespace {

constexpr size_t kSampleRows = 32768;
constexpr size_t kLeastPart = 1024;
constexpr uint32_t kNavigationDegree = 24;
constexpr size_t kEntries = 256;
constexpr size_t kFixedBytes = 4 << 20;  // readers, buffers, what does not grow with the rows
constexpr size_t kPagesAtOnce = 256;
constexpr float kAlpha = 1.15f;

GraphPlan PartPlan(const DiskPlan& plan, size_t parts) {
  GraphPlan graph;
  graph.degree = plan.degree;
  graph.alpha = kAlpha;
  graph.candidates = std::clamp<size_t>(plan.degree + plan.degree / 2, 64, 255);
  graph.leaves.rounds = std::clamp<size_t>(2 + plan.effort / 25, 3, 12);
  graph.entries = std::max<size_t>(kEntries / parts, 8);
  return graph;
}

size_t CodeParts(uint64_t code_bytes, uint64_t rows, size_t dim) {
  return std::clamp<size_t>(static_cast<size_t>(code_bytes / std::max<uint64_t>(rows, 1)), 1, dim);
}

size_t NavigationRows(size_t rows, const DiskPlan& plan) {
  return std::min(rows, std::max<size_t>(kEntries, static_cast<size_t>(plan.navigation_share * static_cast<double>(rows))));
}

// What the builder of graphs in memory takes for a row: codes, links, sketches, and the larger of the candidates and the second
// links with their sources.
uint64_t PartBytesPerRow(size_t dim, const GraphPlan& plan) {
  const uint64_t codes = (dim + 63) / 64 * 64, links = uint64_t{plan.degree} * 4;
  const uint64_t candidates = (plan.candidates * 10 + 63) / 64 * 64;
  return codes + links + 34 + std::max(candidates, 2 * links + 8) + 96;
}

// What stays for all rows from the first part to the last page.
uint64_t WholeBytesPerRow(size_t code_parts) {
  return 2 * sizeof(uint32_t) + 3 * sizeof(uint32_t) + code_parts;
}

size_t SampleFor(uint64_t memory_bytes, size_t dim) {
  if (memory_bytes == 0) return kSampleRows;
  return std::clamp<size_t>(static_cast<size_t>(memory_bytes / 8 / (dim * sizeof(float))), 512, kSampleRows);
}

class DiskBuild {
 public:
  DiskBuild(const VectorSource& source, Metric metric, const DiskPlan& plan, const BuildOptions& options)
      : source_(source),
        metric_(metric),
        plan_(plan),
        options_(options),
        files_(options.files != nullptr ? *options.files : FileSystem::Posix()) {}

  Result<DiskGraph> Run() {
    for (uint32_t row = 0; row < source_.row_count(); ++row) {
      if (source_.valid() != nullptr && !source_.valid()->Test(row)) continue;
      if (metric_ != Metric::kCosine || !IsZeroVector(source_.type(), source_.Row(row), source_.dim())) {
        rows_.push_back(row);
        continue;
      }
      if (graph_.zeros.size() == 0) graph_.zeros = Bitset(source_.row_count());
      graph_.zeros.Set(row);
    }
    graph_.type = source_.type();
    graph_.dim = source_.dim();
    graph_.metric = metric_;
    graph_.rows = source_.row_count();
    graph_.name = "a disk index being built";
    int32_t lowest = 0;
    const VectorEncoding encoding = ChooseEncoding(source_, &lowest);
    graph_.shape = PageShape::For(graph_.type, graph_.dim, encoding, plan_.degree, static_cast<uint32_t>(rows_.size()));
    graph_.shape.lowest = lowest;
    TRY(MakeRoom());
    links_ = std::make_unique<Spill>(TRY(files_.CreateScratch(directory_)), plan_.degree);
    graph_.position_of.assign(source_.row_count(), kNoPosition);
    const size_t part_rows = TRY(PartRows());
    Report(0.01);
    if (part_rows >= rows_.size()) {
      TRY(BuildWhole());
    } else {
      TRY(BuildInParts(part_rows));
    }
    TRY(links_->Flush());
    for (uint32_t position = 0; position < order_.size(); ++position) graph_.position_of[order_[position]] = position;
    TRY(MakeCodes());
    TRY(WritePages());
    TRY(MakeNavigation());
    graph_.cache = TRY(PageCache::Make(plan_.cache_bytes, graph_.shape.page_bytes));
    Report(1.0);
    return std::move(graph_);
  }

 private:
  void Report(double share) const {
    if (options_.progress) options_.progress(share);
  }
  Status Alive() const { return options_.context == nullptr ? OkStatus() : options_.context->Check(); }
  // The options of a stage that goes from one share of the whole to another.
  BuildOptions Stage(double from, double to) const {
    BuildOptions stage = options_;
    if (options_.progress) {
      stage.progress = [this, from, to](double share) { options_.progress(from + (to - from) * share); };
    }
    return stage;
  }

  // Refuses at once what the disk cannot hold.
  Status MakeRoom() {
    std::error_code error;
    directory_ = options_.scratch_directory.empty() ? std::filesystem::temp_directory_path(error).string() : options_.scratch_directory;
    if (error) return Unavailable("no temporary directory: ", error.message());
    const uint64_t needed = NeedsOf(graph_.type, graph_.dim, rows_.size(), plan_).disk_bytes;
    const uint64_t free = TRY(files_.FreeBytes(directory_));
    if (needed <= free) return OkStatus();
    return ResourceExhausted("building DISKANN over ", rows_.size(), " rows needs ", needed, " bytes of disk in ", directory_,
                             ", which has ", free, " free");
  }

  // Rows of a part; as many as there are when all fit.
  Result<size_t> PartRows() const {
    if (plan_.memory_bytes == 0) return rows_.size();
    const BuildNeeds needs = NeedsOf(graph_.type, graph_.dim, rows_.size(), plan_);
    if (needs.whole_bytes <= plan_.memory_bytes) return rows_.size();
    if (needs.least_bytes > plan_.memory_bytes) {
      return ResourceExhausted("building DISKANN over ", rows_.size(), " rows of dimension ", graph_.dim, " needs ", needs.least_bytes,
                               " bytes of memory at least and ", needs.whole_bytes, " to be quick; its budget is ", plan_.memory_bytes,
                               ": raise build_dram_budget_gb_ratio or max memory");
    }
    const uint64_t fixed = needs.least_bytes - kLeastPart * PartBytesPerRow(graph_.dim, PartPlan(plan_, 3));
    return static_cast<size_t>((plan_.memory_bytes - fixed) / PartBytesPerRow(graph_.dim, PartPlan(plan_, 3)));
  }

  // The graph of some rows; links are places in `rows`.
  Result<FlatGraph> BuildPart(const std::vector<uint32_t>& rows, size_t parts, const BuildOptions& options) {
    const RowSubset part(source_, rows);
    std::vector<float> norms;
    if (metric_ == Metric::kCosine) norms = InverseNorms(part);
    const float* const inverse_norms = norms.empty() ? nullptr : norms.data();
    BuildOptions quiet = options;
    quiet.progress = nullptr;
    const NodeCodes codes = TRY(NodeCodes::Make(part, metric_, inverse_norms, quiet));
    FlatGraph graph = TRY(BuildFlatGraph(part, metric_, inverse_norms, codes, PartPlan(plan_, parts), options));
    for (const uint32_t entry : graph.entries) entries_.push_back(rows[entry]);
    return graph;
  }

  Status BuildWhole() {
    const FlatGraph graph = TRY(BuildPart(rows_, 1, Stage(0.01, 0.8)));
    TRY(Pack(graph.links.data(), rows_, graph.links.data(), [&](uint32_t link) { return rows_[link]; }));
    return OkStatus();
  }

  // Appends the nodes in the order of the pages: their rows, their links as rows. `local`: links as numbers of `rows` or beyond.
  template <typename RowOfLink>
  Status Pack(const uint32_t* local, const std::vector<uint32_t>& rows, const uint32_t* links, const RowOfLink& row_of) {
    const uint32_t begun = static_cast<uint32_t>(order_.size() % graph_.shape.nodes);
    const std::vector<uint32_t> order = PackNodes(local, rows.size(), plan_.degree, graph_.shape.nodes, begun);
    std::vector<uint32_t> record(plan_.degree);
    for (const uint32_t node : order) {
      order_.push_back(rows[node]);
      for (uint32_t i = 0; i < plan_.degree; ++i) {
        const uint32_t link = links[size_t{node} * plan_.degree + i];
        record[i] = link == FlatGraph::kNone ? FlatGraph::kNone : row_of(link);
      }
      TRY(links_->Append(record));
    }
    return Alive();
  }

  Status BuildInParts(size_t part_rows) {
    const Partition partition =
        TRY(PartitionRows(source_, metric_, rows_, part_rows, SampleFor(plan_.memory_bytes, graph_.dim), Stage(0.01, 0.02)));
    std::vector<Spill> buckets;
    for (size_t part = 0; part < partition.parts; ++part) buckets.emplace_back(TRY(files_.CreateScratch(directory_)), plan_.degree + 1);
    std::vector<uint32_t> members, record(plan_.degree + 1);
    std::vector<uint32_t> home;
    const double step = 0.6 / static_cast<double>(partition.parts);
    for (uint32_t part = 0; part < partition.parts; ++part) {
      members.clear();
      home.clear();
      for (size_t i = 0; i < rows_.size(); ++i) {
        if (partition.home[i] != part && partition.second[i] != part) continue;
        members.push_back(rows_[i]);
        home.push_back(partition.home[i]);
      }
      const double from = 0.02 + step * part;
      const FlatGraph graph = TRY(BuildPart(members, partition.parts, Stage(from, from + step)));
      for (size_t i = 0; i < members.size(); ++i) {
        record[0] = members[i];
        for (uint32_t l = 0; l < plan_.degree; ++l) {
          const uint32_t link = graph.Links(i)[l];
          record[l + 1] = link == FlatGraph::kNone ? FlatGraph::kNone : members[link];
        }
        TRY(buckets[home[i]].Append(record));
      }
    }
    for (size_t part = 0; part < partition.parts; ++part) {
      TRY(buckets[part].Flush());
      const double from = 0.62 + 0.18 * static_cast<double>(part) / static_cast<double>(partition.parts);
      TRY(MergePart(buckets[part], Stage(from, from + 0.18 / static_cast<double>(partition.parts))));
    }
    return OkStatus();
  }

  // The rows of one home: what both of their parts linked them to, chosen again.
  Status MergePart(const Spill& bucket, const BuildOptions& options) {
    const size_t words = plan_.degree + 1;
    std::vector<uint32_t> records;
    TRY(bucket.Read(0, bucket.records(), &records));
    std::vector<uint32_t> by_row(bucket.records());
    std::iota(by_row.begin(), by_row.end(), 0u);
    std::sort(by_row.begin(), by_row.end(), [&](uint32_t a, uint32_t b) { return records[a * words] < records[b * words]; });
    std::vector<uint32_t> rows, first;
    for (size_t i = 0; i < by_row.size(); ++i) {
      const uint32_t row = records[by_row[i] * words];
      if (!rows.empty() && rows.back() == row) continue;
      rows.push_back(row);
      first.push_back(static_cast<uint32_t>(i));
    }
    first.push_back(static_cast<uint32_t>(by_row.size()));
    std::vector<uint32_t> links(rows.size() * plan_.degree, FlatGraph::kNone);
    TRY(ForRanges(rows.size(), 512, options, {0, 1}, [&](size_t, size_t begin, size_t end) {
      const auto pairs = MakePairDistances(source_, metric_, nullptr, NodeCodes());
      Pruner pruner(*pairs, plan_.degree, kAlpha);
      std::vector<uint32_t> both;
      std::vector<float> distances;
      std::vector<Candidate> candidates, chosen;
      for (size_t i = begin; i < end; ++i) {
        both.clear();
        for (uint32_t r = first[i]; r < first[i + 1]; ++r) {
          const uint32_t* record = records.data() + size_t{by_row[r]} * words + 1;
          both.insert(both.end(), record, std::find(record, record + plan_.degree, FlatGraph::kNone));
        }
        std::sort(both.begin(), both.end());
        both.erase(std::unique(both.begin(), both.end()), both.end());
        distances.resize(both.size());
        pairs->From(rows[i], both.data(), both.size(), distances.data());
        candidates.clear();
        for (size_t c = 0; c < both.size(); ++c) candidates.push_back({distances[c], both[c]});
        std::sort(candidates.begin(), candidates.end());
        if (candidates.size() <= plan_.degree) {
          chosen = candidates;
        } else {
          pruner.Choose(candidates, Pruner::Fill::kYes, &chosen);
        }
        for (size_t c = 0; c < chosen.size(); ++c) links[i * plan_.degree + c] = chosen[c].row;
      }
    }));
    records = {};
    // position_of serves as the place of a row in this part until all positions are known.
    for (uint32_t i = 0; i < rows.size(); ++i) graph_.position_of[rows[i]] = i;
    std::vector<uint32_t> local(links.size());
    for (size_t i = 0; i < links.size(); ++i) {
      const uint32_t place = links[i] == FlatGraph::kNone ? FlatGraph::kNone : graph_.position_of[links[i]];
      // A row of another part has a place there or none: it is no node here.
      local[i] = place == FlatGraph::kNone                        ? (links[i] == FlatGraph::kNone ? FlatGraph::kNone : FlatGraph::kNone - 1)
                 : place < rows.size() && rows[place] == links[i] ? place
                                                                  : FlatGraph::kNone - 1;
    }
    return Pack(local.data(), rows, links.data(), [](uint32_t link) { return link; });
  }

  Status MakeCodes() {
    const size_t parts = CodeParts(plan_.code_bytes, source_.row_count(), graph_.dim);
    graph_.codes = TRY(RowCodes::Train(source_, metric_, rows_, parts, SampleFor(plan_.memory_bytes, graph_.dim), Stage(0.8, 0.8)));
    graph_.shape.salt = Checksum(std::as_bytes(graph_.codes.codebook()), graph_.shape.positions);
    Report(0.85);
    TRY(Alive());
    return graph_.codes.EncodeAll(source_, order_, Stage(0.85, 0.85));
  }

  Status WritePages() {
    std::unique_ptr<ScratchFile> file = TRY(files_.CreateScratch(directory_));
    PageWriter writer(graph_.shape, graph_.type, graph_.dim);
    const size_t degree = plan_.degree, nodes = graph_.shape.nodes;
    std::vector<uint32_t> links, own(degree);
    std::vector<std::byte> out;
    for (uint64_t page = 0; page < graph_.shape.pages(); ++page) {
      const size_t first = page * nodes, count = std::min(nodes, order_.size() - first);
      writer.Start();
      TRY(links_->Read(first, count, &links));
      for (size_t node = 0; node < count; ++node) {
        size_t known = 0;
        for (size_t l = 0; l < degree && links[node * degree + l] != FlatGraph::kNone; ++l) {
          own[known++] = graph_.position_of[links[node * degree + l]];
        }
        const uint32_t row = order_[first + node];
        writer.Add(source_.Row(row), row, own.data(), known);
      }
      const std::span<const std::byte> sealed = writer.Seal(page);
      out.insert(out.end(), sealed.begin(), sealed.end());
      if ((page + 1) % kPagesAtOnce != 0 && page + 1 < graph_.shape.pages()) continue;
      TRY(file->Append(out));
      out.clear();
      TRY(Alive());
      Report(0.88 + 0.07 * static_cast<double>(page) / static_cast<double>(graph_.shape.pages()));
    }
    graph_.file = std::move(file);
    return OkStatus();
  }

  Status MakeNavigation() {
    std::vector<uint32_t> sample = SampleRowsOf(rows_, NavigationRows(rows_.size(), plan_));
    sample.insert(sample.end(), entries_.begin(), entries_.end());
    std::sort(sample.begin(), sample.end());
    sample.erase(std::unique(sample.begin(), sample.end()), sample.end());
    std::vector<uint32_t> positions;
    for (const uint32_t row : sample) positions.push_back(graph_.position_of[row]);
    const RowSubset rows(source_, sample);
    graph_.navigation = TRY(Navigation::Build(rows, metric_, std::move(positions), kNavigationDegree, Stage(0.95, 0.99)));
    return OkStatus();
  }

  static std::vector<uint32_t> SampleRowsOf(const std::vector<uint32_t>& rows, size_t count) {
    std::vector<uint32_t> out;
    std::mt19937 random(20240611);
    std::sample(rows.begin(), rows.end(), std::back_inserter(out), count, random);
    return out;
  }

  const VectorSource& source_;
  const Metric metric_;
  const DiskPlan& plan_;
  const BuildOptions& options_;
  FileSystem& files_;
  std::string directory_;
  std::vector<uint32_t> rows_;     // the nodes: those that have a vector, for COSINE one that is not zero
  std::vector<uint32_t> order_;    // rows in the order of the pages
  std::vector<uint32_t> entries_;  // rows
  std::unique_ptr<Spill> links_;   // in that order, as rows
  DiskGraph graph_;
};

}  // namespace

BuildNeeds NeedsOf(VectorType type, size_t dim, uint64_t rows, const DiskPlan& plan) {
  const size_t parts = CodeParts(plan.code_bytes, rows, dim);
  const uint64_t navigation = NavigationRows(rows, plan) * (PartBytesPerRow(dim, PartPlan(plan, 1)));
  const uint64_t sample = SampleFor(plan.memory_bytes, dim) * dim * sizeof(float) * 3 / 2;
  const uint64_t fixed = kFixedBytes + rows * WholeBytesPerRow(parts) + plan.cache_bytes + std::max(sample, navigation);
  const PageShape shape = PageShape::For(type, dim, VectorEncoding::kRaw, plan.degree, static_cast<uint32_t>(rows));
  BuildNeeds needs{};
  needs.least_bytes = fixed + kLeastPart * PartBytesPerRow(dim, PartPlan(plan, 3));
  needs.whole_bytes = fixed + rows * PartBytesPerRow(dim, PartPlan(plan, 1));
  const uint64_t navigation_row = (dim + 63) / 64 * 64 + kNavigationDegree * 4 + 4;
  needs.loaded_bytes = rows * (parts + sizeof(uint32_t)) + dim * RowCodes::kEntries * sizeof(float) + plan.cache_bytes +
                       (NavigationRows(rows, plan) + kEntries) * navigation_row;
  // Pages twice, as they are built and as they are saved; links once, and twice again where there are parts.
  needs.disk_bytes =
      2 * shape.bytes() +
      rows * 4 * (plan.degree + (needs.whole_bytes > plan.memory_bytes && plan.memory_bytes > 0 ? 2 * (uint64_t{plan.degree} + 1) : 0));
  return needs;
}

Result<DiskGraph> BuildDiskGraph(const VectorSource& source, Metric metric, const DiskPlan& plan, const BuildOptions& options) {
  if (source.row_count() >= (size_t{1} << 31))
    return InvalidArgument("a disk graph over ", source.row_count(), " rows; it can have 2147483647");
  try {
    return DiskBuild(source, metric, plan, options).Run();
  } catch (const std::bad_alloc&) { return ResourceExhausted("not enough memory to build DISKANN over ", source.row_count(), " rows"); }
}

}  // namespace saker::index
