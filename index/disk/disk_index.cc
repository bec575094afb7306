#include "index/disk/disk_index.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <span>
#include <vector>

#include "common/log.h"
#include "index/code_errors.h"
#include "index/disk/disk_build.h"
#include "index/disk/page_queries.h"
#include "index/disk/page_ranker.h"
#include "index/disk/page_reader.h"
#include "index/flat/exact_scan.h"
#include "index/footprint.h"
#include "index/ivf/row_floats.h"
#include "index/params.h"

namespace saker::index {
namespace {

constexpr uint32_t kDegree = 32;       // a page of more nodes is worth more than more links
constexpr size_t kMaxEntries = 65536;  // of a file
constexpr size_t kRowsBetweenChecks = 65536;
constexpr size_t kCopyPages = 64;
constexpr size_t kProbeReads = 32;
constexpr double kSlowReads = 5000;  // a second
// What decides between a walk and a look at all codes, in nanoseconds: a code scored, a page read while others are.
constexpr double kCodeCost = 15, kReadCost = 12000;
constexpr double kReadsPerPoolRow = 0.6;
constexpr size_t kDoubted = 64;          // times the rows scored first: how many more a scan of the codes scores where it has to
constexpr double kDeviations = 3;        // of the codes' error, within which a row is still in doubt
constexpr double kLeastErrors = 20;      // that say how large they are
constexpr size_t kSpread = 32;           // rows read to learn it where pages have too few others
constexpr size_t kLargestEffort = 4096;  // more rows in view would cost more to keep in order than they save

struct DiskHeader {  // durable: section kDiskHeader
  PageShape shape;
  uint32_t code_parts;
  uint32_t navigation_rows;
  uint32_t navigation_degree;
  uint32_t navigation_entries;
};
static_assert(sizeof(DiskHeader) == 56);

template <typename T>
std::span<const std::byte> BytesOf(const T& values) {
  return std::as_bytes(std::span(values.data(), values.size()));
}

class DiskIndex final : public Index, public SavedWithin {
 public:
  DiskIndex(IndexSpec spec, std::shared_ptr<const VectorSource> source, DiskGraph graph)
      : spec_(std::move(spec)), source_(std::move(source)), graph_(std::move(graph)) {
    if (graph_.zeros.size() == 0) return;
    nodes_ = source_->valid() != nullptr ? *source_->valid() : Bitset(row_count(), true);
    nodes_.AndNot(graph_.zeros);
  }
  ~DiskIndex() override { ReaderPool::Instance().Forget(*graph_.file); }

  const IndexSpec& spec() const override { return spec_; }
  size_t row_count() const override { return source_->row_count(); }
  size_t memory_bytes() const override { return sizeof *this + graph_.memory_bytes() + nodes_.word_count() * sizeof(uint64_t); }

  Result<std::vector<std::vector<Hit>>> Search(const SearchRequest& request, const Context& context, SearchStats* stats) const override {
    TRY(CheckRequest(request, source_->type(), row_count()));
    TRY(ValidateSearchParams(spec_, request.params, request.k));
    SearchStats unused;
    if (stats == nullptr) stats = &unused;
    if (graph_.zeros.size() == 0) return SearchNodes(request, AllowedRows(request.allowed, source_->valid(), row_count()), context, stats);
    auto results = TRY(SearchNodes(request, AllowedRows(request.allowed, &nodes_, row_count()), context, stats));
    AddZeros(request, &results);
    return results;
  }

  Status Save(WritableFile& file) const override { return SaveAs(spec_, {}, file); }

  Status SaveAs(const IndexSpec& spec, std::span<const SectionBytes> more, WritableFile& file) const override {
    const DiskHeader header{graph_.shape, static_cast<uint32_t>(graph_.codes.parts()),
                            static_cast<uint32_t>(graph_.navigation.positions().size()), graph_.navigation.graph().degree,
                            static_cast<uint32_t>(graph_.navigation.graph().entries.size())};
    const FlatGraph& navigation = graph_.navigation.graph();
    const size_t row_bytes = RowBytes(graph_.type, graph_.dim);
    std::vector<uint32_t> row_at(graph_.shape.positions);
    for (uint32_t row = 0; row < graph_.position_of.size(); ++row) {
      if (graph_.position_of[row] != kNoPosition) row_at[graph_.position_of[row]] = row;
    }
    IndexFileWriter writer(spec, *source_);
    for (const SectionBytes& section : more) writer.Add(section.section, section.bytes);
    writer.Add(Section::kDiskHeader, std::as_bytes(std::span(&header, 1)));
    writer.Add(Section::kDiskCodeBook, BytesOf(graph_.codes.codebook()));
    writer.Add(Section::kDiskCodes, BytesOf(graph_.codes.codes()));
    writer.Add(Section::kDiskPositions, BytesOf(graph_.position_of));
    writer.Add(Section::kDiskNavigationPositions, BytesOf(graph_.navigation.positions()));
    writer.AddStream(Section::kDiskNavigationRows, header.navigation_rows * row_bytes, [&](const IndexFileWriter::Sink& sink) -> Status {
      for (const uint32_t position : graph_.navigation.positions()) {
        TRY(sink({static_cast<const std::byte*>(source_->Row(row_at[position])), row_bytes}));
      }
      return OkStatus();
    });
    writer.Add(Section::kDiskNavigationLinks, std::as_bytes(std::span(navigation.links.data(), navigation.links.size())));
    writer.Add(Section::kDiskNavigationEntries, BytesOf(navigation.entries));
    writer.AddStream(Section::kDiskPages, graph_.shape.bytes(), [&](const IndexFileWriter::Sink& sink) { return CopyPages(sink); });
    return writer.Write(file);
  }

 private:
  // The nodes of the graph that are allowed.
  Result<std::vector<std::vector<Hit>>> SearchNodes(const SearchRequest& request, const AllowedRows& allowed, const Context& context,
                                                    SearchStats* stats) const {
    std::vector<std::vector<Hit>> results(request.query_count);
    const size_t k = std::min(request.k, allowed.count());
    if (k == 0) return results;
    if (request.radius.has_value() || request.range_filter.has_value()) return ScanPages(request, allowed, context, stats);
    const size_t pool = GraphEffortOf(spec_, request.params, request.k).pool;
    const DiskWalkOptions options = OptionsOf(request, allowed, k, pool);
    const double scan = kCodeCost * static_cast<double>(allowed.count()) + kReadCost * static_cast<double>(Candidates(k, pool, allowed));
    if (options.effort <= kLargestEffort && scan > kReadCost * kReadsPerPoolRow * static_cast<double>(options.effort)) {
      TRY(WalkPages(graph_, request, options, context, stats, &results));
    }
    for (size_t q = 0; q < request.query_count; ++q) {
      // A walk that was cut off from part of the graph, or from the rows allowed, must not answer with less than there is.
      if (results[q].size() < k) results[q] = TRY(ScanCodes(QueryOf(request, q), allowed, k, Candidates(k, pool, allowed), context, stats));
    }
    return results;
  }

  // The rows of zeros, as many as may be among the k best, each with a cosine of 0.
  void AddZeros(const SearchRequest& request, std::vector<std::vector<Hit>>* results) const {
    if (!InRange(graph_.metric, request, 0.0f)) return;
    const AllowedRows allowed(request.allowed, &graph_.zeros, row_count());
    std::vector<Hit> zeros;
    std::vector<uint32_t> block(64);
    for (size_t next = 0, n = 0; zeros.size() < request.k && (n = allowed.NextBlock(&next, block.data(), block.size())) > 0;) {
      for (size_t i = 0; i < n; ++i) zeros.push_back({block[i], 0.0f});
    }
    for (std::vector<Hit>& hits : *results) {
      std::vector<Hit> both;
      std::merge(hits.begin(), hits.end(), zeros.begin(), zeros.end(), std::back_inserter(both),
                 [](const Hit& a, const Hit& b) { return a.score != b.score ? a.score > b.score : a.row < b.row; });
      both.resize(std::min(both.size(), request.k));
      hits = std::move(both);
    }
  }

  DiskWalkOptions OptionsOf(const SearchRequest& request, const AllowedRows& allowed, size_t k, size_t pool) const {
    DiskWalkOptions options;
    options.k = k;
    options.beam = BeamWidth(request.params);
    options.effort = pool;
    if (request.allowed == nullptr) return options;
    // Only a share of the rows may be returned: the walk has to see as many of them as without a filter.
    options.allowed = &allowed;
    const double share = static_cast<double>(allowed.count()) / static_cast<double>(graph_.shape.positions);
    options.effort = static_cast<size_t>(static_cast<double>(options.effort) / share);
    return options;
  }

  // How many rows that codes rank best are read and scored first: as many as a walk would look at, so that a longer search_list
  // never finds less.
  static size_t Candidates(size_t k, size_t pool, const AllowedRows& allowed) {
    return std::min(allowed.count(), std::max(pool, k + std::min<size_t>(2 * k, 2000) + 40));
  }

  const void* QueryOf(const SearchRequest& request, size_t q) const {
    return static_cast<const char*>(request.queries) + q * RowBytes(graph_.type, graph_.dim);
  }

  // All allowed rows by their codes. The best `first` are scored exactly, then those whose codes, by the errors seen so far, may
  // still stand for one of the k.
  Result<std::vector<Hit>> ScanCodes(const void* query, const AllowedRows& allowed, size_t k, size_t first, const Context& context,
                                     SearchStats* stats) const {
    std::vector<float> floats(graph_.dim);
    VectorToFloats(graph_.type, query, graph_.dim, floats.data());
    if (graph_.metric == Metric::kCosine) Normalise(floats.data(), graph_.dim);
    CodeTable table(graph_.codes);
    table.Set(floats.data());
    TopK nearest(std::min(allowed.count(), kDoubted * first));
    std::vector<uint32_t> block(4096);
    size_t scored = 0;
    for (size_t next = 0, n = 0; (n = allowed.NextBlock(&next, block.data(), block.size())) > 0; scored += n) {
      if (scored % kRowsBetweenChecks == 0) TRY(context.Check());
      for (size_t i = 0; i < n; ++i) {
        const uint32_t position = graph_.position_of[block[i]];
        nearest.Offer(table.Key(position), position);
      }
    }
    stats->distances += scored;
    std::vector<uint64_t> ranked;
    nearest.TakePacked(&ranked);
    std::sort(ranked.begin(), ranked.end());
    first = std::min(first, ranked.size());

    PageScorer scorer(graph_);
    scorer.SetQuery(query);
    std::vector<float> keys(graph_.shape.nodes);
    TopK best(k);
    // Rows were chosen because their codes say little: most of those say too little. What stands beside them on their pages was not
    // chosen, allowed or not, and errs as the rows left do.
    std::vector<uint32_t> chosen;
    for (size_t i = 0; i < first; ++i) chosen.push_back(RowOf(ranked[i]));
    std::sort(chosen.begin(), chosen.end());
    CodeErrors errors, chosen_errors;
    const auto take = [&](uint32_t number, const PageView& page) {
      scorer.Keys(page, keys.data());
      stats->distances += page.count();
      for (uint32_t node = 0; node < page.count(); ++node) {
        const uint32_t position = number * graph_.shape.nodes + node;
        const float key = WalkKey(graph_.metric, keys[node]);
        const bool was_chosen = std::binary_search(chosen.begin(), chosen.end(), position);
        (was_chosen ? chosen_errors : errors).Add(static_cast<double>((table.Key(position) - key) / ErrorScale(graph_.metric, key)));
        if (allowed.Test(page.Row(node))) best.Offer(keys[node], page.Row(node));
      }
    };
    std::vector<uint32_t> pages = PagesOf({ranked.data(), first});
    TRY(ReadPages(graph_, pages, context, stats, take));
    if (errors.count() < kLeastErrors && first < ranked.size()) {
      // A page of one node has nothing beside what was chosen: some of the rows left, evenly spread, say how codes err.
      std::vector<uint64_t> spread;
      const size_t step = std::max<size_t>((ranked.size() - first) / kSpread, 1);
      for (size_t i = first; i < ranked.size() && spread.size() < kSpread; i += step) spread.push_back(ranked[i]);
      std::vector<uint32_t> others = PagesOf(spread);
      std::erase_if(others, [&](uint32_t page) { return std::binary_search(pages.begin(), pages.end(), page); });
      TRY(ReadPages(graph_, others, context, stats, take));
      pages.insert(pages.end(), others.begin(), others.end());
      MakeDistinct(&pages);
    }
    best.Settle();
    if (errors.count() < kLeastErrors) errors = chosen_errors;
    const float kth = WalkKey(graph_.metric, best.worst());
    const double scale = static_cast<double>(ErrorScale(graph_.metric, kth));
    const double limit = static_cast<double>(kth) + scale * (errors.mean() + kDeviations * errors.deviation());
    size_t end = first;
    while (end < ranked.size() && static_cast<double>(KeyOf(ranked[end])) <= limit) ++end;
    std::vector<uint32_t> more = PagesOf({ranked.data() + first, end - first});
    std::erase_if(more, [&](uint32_t page) { return std::binary_search(pages.begin(), pages.end(), page); });
    TRY(ReadPages(graph_, more, context, stats, take));
    return best.Finish(graph_.metric);
  }

  std::vector<uint32_t> PagesOf(std::span<const uint64_t> ranked) const {
    std::vector<uint32_t> pages;
    for (const uint64_t packed : ranked) pages.push_back(graph_.shape.PageOf(RowOf(packed)));
    MakeDistinct(&pages);
    return pages;
  }

  // Every allowed row exactly, all queries in one pass over the pages.
  Result<std::vector<std::vector<Hit>>> ScanPages(const SearchRequest& request, const AllowedRows& allowed, const Context& context,
                                                  SearchStats* stats) const {
    std::vector<uint32_t> pages, block(4096);
    for (size_t next = 0, n = 0; (n = allowed.NextBlock(&next, block.data(), block.size())) > 0;) {
      for (size_t i = 0; i < n; ++i) pages.push_back(graph_.shape.PageOf(graph_.position_of[block[i]]));
    }
    MakeDistinct(&pages);
    std::vector<std::unique_ptr<PageScorer>> scorers;
    std::vector<TopK> best(request.query_count, TopK(request.k));
    for (size_t q = 0; q < request.query_count; ++q) {
      scorers.push_back(std::make_unique<PageScorer>(graph_));
      scorers[q]->SetQuery(QueryOf(request, q));
    }
    std::vector<float> keys(graph_.shape.nodes);
    TRY(ReadPages(graph_, pages, context, stats, [&](uint32_t, const PageView& page) {
      for (size_t q = 0; q < request.query_count; ++q) {
        scorers[q]->Keys(page, keys.data());
        stats->distances += page.count();
        for (uint32_t node = 0; node < page.count(); ++node) {
          if (!allowed.Test(page.Row(node)) || !InRange(graph_.metric, request, KeyToScore(graph_.metric, keys[node]))) continue;
          best[q].Offer(keys[node], page.Row(node));
        }
      }
    }));
    std::vector<std::vector<Hit>> results;
    for (TopK& one : best) results.push_back(one.Finish(graph_.metric));
    return results;
  }

  static void MakeDistinct(std::vector<uint32_t>* pages) {
    std::sort(pages->begin(), pages->end());
    pages->erase(std::unique(pages->begin(), pages->end()), pages->end());
  }

  Status CopyPages(const IndexFileWriter::Sink& sink) const {
    const size_t piece = kCopyPages * graph_.shape.page_bytes;
    const std::unique_ptr<void, void (*)(void*)> memory(std::aligned_alloc(PageReader::kAlignment, piece), std::free);
    if (memory == nullptr) return ResourceExhausted("no memory for ", piece, " bytes of pages");
    for (uint64_t at = 0; at < graph_.shape.bytes(); at += piece) {
      const std::span bytes(static_cast<std::byte*>(memory.get()),
                            static_cast<size_t>(std::min<uint64_t>(piece, graph_.shape.bytes() - at)));
      TRY(graph_.file->ReadAt(graph_.first_byte + at, bytes));
      TRY(sink(bytes));
    }
    return OkStatus();
  }

  const IndexSpec spec_;
  const std::shared_ptr<const VectorSource> source_;
  const DiskGraph graph_;
  Bitset nodes_;  // by row: those with a vector that is not zero; of size 0 where none is zero
};

DiskPlan PlanOf(const IndexSpec& spec, VectorType type, size_t dim, uint64_t rows) {
  const DiskShape shape = DiskShapeOf(spec);
  const double raw = static_cast<double>(rows) * static_cast<double>(RowBytes(type, dim));
  DiskPlan plan;
  plan.degree = std::min(shape.max_degree, kDegree);
  plan.effort = shape.search_list_size;
  plan.code_bytes = static_cast<uint64_t>(shape.code_share * raw);
  plan.cache_bytes = static_cast<uint64_t>(shape.cache_share * raw);
  plan.memory_bytes = static_cast<uint64_t>(shape.build_share * raw);
  return plan;
}

// The sentence that saves a user from a network disk under DISKANN.
void WarnIfSlow(const DiskGraph& graph) {
  if (graph.shape.pages() < 4 * kProbeReads) return;
  std::vector<uint32_t> pages;
  std::mt19937 random(static_cast<uint32_t>(graph.shape.salt));
  for (size_t i = 0; i < kProbeReads; ++i) pages.push_back(static_cast<uint32_t>(random() % graph.shape.pages()));
  SearchStats stats;
  const auto start = std::chrono::steady_clock::now();
  if (!ReadPages(graph, pages, Context(), &stats, [](uint32_t, const PageView&) {}).ok()) return;  // the search will say it
  const double reads = kProbeReads / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (reads < kSlowReads) {
    Log(kWarning, "the disk is slow for DISKANN: an index in memory or on a local SSD would answer many times faster",
        {{"file", graph.name}, {"reads_per_second", static_cast<uint64_t>(reads)}, {"wanted", static_cast<uint64_t>(kSlowReads)}});
  }
}

Result<Navigation> OpenNavigation(const IndexFileReader& file, const DiskHeader& header, const DiskGraph& graph) {
  FlatGraph links;
  links.degree = header.navigation_degree;
  const uint64_t count = header.navigation_rows;
  if (links.degree < 1 || links.degree > FlatGraph::kMaxDegree || count > graph.rows || header.navigation_entries > kMaxEntries + count)
    return file.Damaged(Section::kDiskHeader, internal::Join(count, " rows of navigation with degree ", links.degree));
  const std::span<const uint32_t> stored = TRY(file.View<uint32_t>(Section::kDiskNavigationLinks, count * links.degree));
  links.links = TRY(LinkArray::Allocate(stored.size()));
  std::copy(stored.begin(), stored.end(), links.links.data());
  links.entries = TRY(file.Copy<uint32_t>(Section::kDiskNavigationEntries, header.navigation_entries));
  if (const Status valid = links.Validate(count); !valid.ok()) return file.Damaged(Section::kDiskNavigationLinks, valid.message());
  std::vector<uint32_t> positions = TRY(file.Copy<uint32_t>(Section::kDiskNavigationPositions, count));
  for (const uint32_t position : positions) {
    if (position >= graph.shape.positions)
      return file.Damaged(Section::kDiskNavigationPositions, internal::Join(position, " of ", graph.shape.positions));
  }
  const size_t row_bytes = RowBytes(graph.type, graph.dim);
  const std::span<const std::byte> rows = TRY(file.View<std::byte>(Section::kDiskNavigationRows, count * row_bytes));
  return Navigation::Load(RowBlock(graph.type, graph.dim, rows.data(), count), graph.metric, std::move(positions), std::move(links));
}

Result<DiskGraph> ReadGraph(const IndexFileReader& file, const VectorSource& source) {
  const DiskHeader header = TRY(file.Copy<DiskHeader>(Section::kDiskHeader, 1))[0];
  DiskGraph graph;
  graph.type = source.type();
  graph.dim = source.dim();
  graph.metric = file.spec().metric;
  graph.rows = source.row_count();
  graph.name = file.path();
  graph.shape = header.shape;
  if (const Status valid = header.shape.Validate(graph.type, graph.dim, graph.rows); !valid.ok())
    return file.Damaged(Section::kDiskHeader, valid.message());
  if (header.code_parts < 1 || header.code_parts > graph.dim)
    return file.Damaged(Section::kDiskHeader, internal::Join("codes of ", header.code_parts, " parts"));
  std::vector<float> codebook = TRY(file.Copy<float>(Section::kDiskCodeBook, graph.dim * RowCodes::kEntries));
  const auto codes = TRY(file.View<uint8_t>(Section::kDiskCodes, uint64_t{graph.shape.positions} * header.code_parts));
  graph.codes = TRY(RowCodes::Load(graph.metric, graph.dim, header.code_parts, std::move(codebook), codes));
  graph.position_of = TRY(file.Copy<uint32_t>(Section::kDiskPositions, graph.rows));
  for (size_t row = 0; row < graph.rows; ++row) {
    const bool has_vector = source.valid() == nullptr || source.valid()->Test(row);
    if (has_vector && graph.position_of[row] == kNoPosition && graph.metric == Metric::kCosine) {
      if (graph.zeros.size() == 0) graph.zeros = Bitset(graph.rows);
      graph.zeros.Set(row);
    } else if (has_vector ? graph.position_of[row] >= graph.shape.positions : graph.position_of[row] != kNoPosition) {
      return file.Damaged(Section::kDiskPositions, internal::Join("row ", row, " at ", graph.position_of[row]));
    }
  }
  graph.navigation = TRY(OpenNavigation(file, header, graph));
  graph.first_byte = TRY(file.OffsetOf(Section::kDiskPages, graph.shape.bytes()));
  const auto cache =
      DiskShapeOf(file.spec()).cache_share * static_cast<double>(graph.rows) * static_cast<double>(RowBytes(graph.type, graph.dim));
  graph.cache = TRY(PageCache::Make(static_cast<uint64_t>(cache), graph.shape.page_bytes));
  return graph;
}

}  // namespace

bool ServedFromDisk(const IndexSpec& spec) {
  return spec.type == "DISKANN";
}

DiskFootprint FootprintOf(const IndexSpec& spec, VectorType type, size_t dim, uint64_t rows) {
  const DiskPlan plan = PlanOf(spec, type, dim, rows);
  const BuildNeeds needs = NeedsOf(type, dim, rows, plan);
  return {needs.loaded_bytes, needs.least_bytes, needs.whole_bytes};
}

Result<std::unique_ptr<Index>> BuildDiskIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                              const BuildOptions& options) {
  DiskPlan plan = PlanOf(spec, source->type(), source->dim(), source->row_count());
  if (options.memory_bytes > 0)
    plan.memory_bytes = plan.memory_bytes == 0 ? options.memory_bytes : std::min(plan.memory_bytes, options.memory_bytes);
  DiskGraph graph = TRY(BuildDiskGraph(*source, spec.metric, plan, options));
  return std::unique_ptr<Index>(std::make_unique<DiskIndex>(spec, std::move(source), std::move(graph)));
}

Result<std::unique_ptr<Index>> OpenDiskIndex(IndexFileReader file, FileSystem& files, std::shared_ptr<const VectorSource> source) {
  const IndexSpec spec = file.spec();
  DiskGraph graph = TRY(ReadGraph(file, *source));
  // The map that everything was verified through goes first: OpenDirect then empties the page cache of it.
  { const IndexFileReader closed = std::move(file); }
  graph.file = TRY(files.OpenDirect(graph.name));
  WarnIfSlow(graph);
  return std::unique_ptr<Index>(std::make_unique<DiskIndex>(spec, std::move(source), std::move(graph)));
}

}  // namespace saker::index
