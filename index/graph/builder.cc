#include "index/graph/builder.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "common/checksum.h"
#include "index/graph/connect.h"
#include "index/graph/duplicates.h"
#include "index/graph/graph_checkpoint.h"
#include "index/graph/prune.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 20240611;
constexpr size_t kGrain = 512;

class GraphBuild {
 public:
  GraphBuild(const VectorSource& source, Metric metric, const float* inverse_norms, const NodeCodes& codes, const GraphPlan& plan,
             const BuildOptions& options)
      : source_(source), metric_(metric), inverse_norms_(inverse_norms), codes_(codes), plan_(plan), options_(options) {}

  Result<FlatGraph> Run() {
    RowGroups groups = TRY(GroupEqualRows(source_, options_));
    rows_ = std::move(groups.firsts);
    graph_.degree = plan_.degree;
    graph_.links = TRY(LinkArray::Allocate(source_.row_count() * plan_.degree));
    std::fill_n(graph_.links.data(), graph_.links.size(), FlatGraph::kNone);
    std::mt19937 random(kSeed);
    std::sample(rows_.begin(), rows_.end(), std::back_inserter(graph_.entries), plan_.entries, random);
    TRY(LinkRows());
    LinkCopies(groups.copies, &graph_);
    for (const std::vector<uint32_t>& group : groups.copies) rows_.insert(rows_.end(), group.begin() + 1, group.end());
    std::sort(rows_.begin(), rows_.end());
    TRY(ConnectAll(
        source_.row_count(), rows_, [this] { return Pairs(); }, options_, &graph_));
    if (options_.progress) options_.progress(1.0);
    return std::move(graph_);
  }

 private:
  // Candidates, links, links both ways: the stages that a checkpoint may stand behind.
  Status LinkRows() {
    GraphCheckpoint checkpoint(options_.checkpoints, [this] { return Fingerprint(); });
    GraphStage stage;
    {
      CandidateTable table = TRY(CandidateTable::Allocate(0, plan_.candidates));
      LeafRounds rounds;
      stage = TRY(checkpoint.Resume(source_.row_count(), plan_.candidates, &rounds.done, &table, &graph_));
      if (stage == GraphStage::kNone) {
        table = TRY(CandidateTable::Allocate(source_.row_count(), plan_.candidates));
        TRY(Project(table));
      }
      if (stage < GraphStage::kChosen) {
        rounds.after = [&](size_t done) { checkpoint.SaveCandidates(done, table); };
        TRY(CollectCandidates(
            rows_, [this] { return Pairs(); }, plan_.leaves, kSeed, options_, {0.02, 0.6}, rounds, &table));
        TRY(ChooseLinks(table));
      }
    }
    if (stage < GraphStage::kChosen) checkpoint.SaveLinks(GraphStage::kChosen, graph_);
    if (stage == GraphStage::kReversed) return OkStatus();
    TRY(AddReverseLinks());
    checkpoint.SaveLinks(GraphStage::kReversed, graph_);
    return OkStatus();
  }

  // Everything that the links are made of, and the version of what makes them.
  uint64_t Fingerprint() const {
    constexpr int kBuilder = 2;  // counts up when the same rows and plan give other links
    const std::string plan =
        internal::Join(kBuilder, " ", source_.row_count(), " ", source_.dim(), " ", static_cast<int>(source_.type()), " ",
                       static_cast<int>(metric_), " ", plan_.degree, " ", plan_.alpha, " ", plan_.candidates, " ", plan_.leaves.rounds, " ",
                       plan_.leaves.fanout, " ", plan_.leaves.leaf, " ", plan_.leaves.nearest, " ", codes_.stride());
    uint64_t sum = Checksum(std::as_bytes(std::span(rows_)), Checksum(plan));
    const size_t bytes = RowBytes(source_.type(), source_.dim());
    for (const uint32_t row : rows_) sum = Checksum(std::span(static_cast<const std::byte*>(source_.Row(row)), bytes), sum);
    return sum;
  }

  std::unique_ptr<PairDistances> Pairs() const { return MakePairDistances(source_, metric_, inverse_norms_, codes_); }

  // Sketches: differences to random rows stand for random projections where there are no codes to project.
  Status Project(CandidateTable& table) const {
    std::mt19937 random(kSeed + 1);
    if (codes_.empty()) {
      ProjectByRows(table, random);
      return OkStatus();
    }
    const size_t stride = codes_.stride();
    std::vector<int8_t> signs(CandidateTable::kBits * stride);
    for (int8_t& sign : signs) sign = (random() & 1) != 0 ? int8_t{1} : int8_t{-1};
    return ForRanges(rows_.size(), kGrain, options_, {0, 0.02}, [&](size_t, size_t begin, size_t end) {
      const uint32_t zero = 0;
      for (size_t i = begin; i < end; ++i) {
        int16_t* out = table.Projections(rows_[i]);
        for (size_t bit = 0; bit < CandidateTable::kBits; ++bit) {
          uint32_t key = 0;
          BestNodeCodes().ip(codes_.Row(rows_[i]), stride, &zero, 1, signs.data() + bit * stride, 0, &key);
          const int32_t product = static_cast<int32_t>(key) / static_cast<int32_t>(stride / 64);
          out[bit] = static_cast<int16_t>(std::clamp<int32_t>(product, -32767, 32767));
        }
      }
    });
  }

  // Without codes: which of two random rows is nearer, as a number.
  void ProjectByRows(CandidateTable& table, std::mt19937& random) const {
    if (rows_.empty()) return;
    const std::unique_ptr<PairDistances> pairs = Pairs();
    std::vector<uint32_t> anchors(2 * CandidateTable::kBits);
    for (uint32_t& anchor : anchors) anchor = rows_[random() % rows_.size()];
    std::vector<float> distances(anchors.size());
    for (const uint32_t row : rows_) {
      pairs->From(row, anchors.data(), anchors.size(), distances.data());
      for (size_t bit = 0; bit < CandidateTable::kBits; ++bit) {
        const float a = distances[2 * bit], b = distances[2 * bit + 1];
        const float share = (a - b) / (a + b);  // NaN where both are 0, or a row far out makes them infinite
        table.Projections(row)[bit] =
            std::isfinite(share) ? static_cast<int16_t>(std::clamp(32767 * share, -32767.0f, 32767.0f)) : int16_t{0};
      }
    }
  }

  void Write(uint32_t row, const std::vector<Candidate>& links) {
    uint32_t* out = graph_.Links(row);
    for (size_t i = 0; i < plan_.degree; ++i) out[i] = i < links.size() ? links[i].row : FlatGraph::kNone;
  }

  struct Worker {
    std::unique_ptr<PairDistances> pairs;
    std::vector<Candidate> candidates, links;
    std::vector<uint32_t> rows;
    std::vector<float> distances;
  };
  std::vector<Worker> Workers() const {
    std::vector<Worker> workers(static_cast<size_t>(std::max(options_.threads, 1)));
    for (Worker& worker : workers) worker.pairs = Pairs();
    return workers;
  }

  Status ChooseLinks(const CandidateTable& table) {
    std::vector<Worker> workers = Workers();
    return ForRanges(rows_.size(), kGrain, options_, {0.6, 0.75}, [&](size_t thread, size_t begin, size_t end) {
      Worker& worker = workers[thread];
      Pruner pruner(*worker.pairs, plan_.degree, plan_.alpha);
      for (size_t i = begin; i < end; ++i) {
        table.Copy(rows_[i], &worker.candidates);
        pruner.Choose(worker.candidates, Pruner::Fill::kNo, &worker.links);
        Write(rows_[i], worker.links);
      }
    });
  }

  // Who links to each row: offsets and rows, by counting.
  void Invert(std::vector<uint32_t>* offsets, std::vector<uint32_t>* sources) const {
    offsets->assign(source_.row_count() + 1, 0);
    const auto each = [&](auto&& f) {
      for (const uint32_t row : rows_) {
        const uint32_t* links = graph_.Links(row);
        for (uint32_t i = 0; i < plan_.degree && links[i] != FlatGraph::kNone; ++i) f(row, links[i]);
      }
    };
    each([&](uint32_t, uint32_t to) { ++(*offsets)[to + 1]; });
    for (size_t row = 0; row < source_.row_count(); ++row) (*offsets)[row + 1] += (*offsets)[row];
    sources->resize(offsets->back());
    std::vector<uint32_t> place(offsets->begin(), offsets->end() - 1);
    each([&](uint32_t from, uint32_t to) { (*sources)[place[to]++] = from; });
  }

  Status AddReverseLinks() {
    std::vector<uint32_t> offsets, sources;
    Invert(&offsets, &sources);
    LinkArray merged = TRY(LinkArray::Allocate(graph_.links.size()));
    std::copy_n(graph_.links.data(), graph_.links.size(), merged.data());
    std::vector<Worker> workers = Workers();
    const LinkArray& before = merged;
    return ForRanges(rows_.size(), kGrain, options_, {0.75, 0.95}, [&](size_t thread, size_t begin, size_t end) {
      Worker& worker = workers[thread];
      Pruner pruner(*worker.pairs, plan_.degree, plan_.alpha);
      for (size_t i = begin; i < end; ++i) {
        const uint32_t row = rows_[i];
        const uint32_t* own = before.data() + size_t{row} * plan_.degree;
        worker.rows.assign(own, std::find(own, own + plan_.degree, FlatGraph::kNone));
        const size_t incoming = std::min<size_t>(offsets[row + 1] - offsets[row], kMaxIncoming);
        worker.rows.insert(worker.rows.end(), sources.begin() + offsets[row],
                           sources.begin() + static_cast<std::ptrdiff_t>(offsets[row] + incoming));
        std::sort(worker.rows.begin(), worker.rows.end());
        worker.rows.erase(std::unique(worker.rows.begin(), worker.rows.end()), worker.rows.end());
        worker.distances.resize(worker.rows.size());
        worker.pairs->From(row, worker.rows.data(), worker.rows.size(), worker.distances.data());
        worker.candidates.clear();
        for (size_t c = 0; c < worker.rows.size(); ++c) worker.candidates.push_back({worker.distances[c], worker.rows[c]});
        std::sort(worker.candidates.begin(), worker.candidates.end());
        pruner.Choose(worker.candidates, Pruner::Fill::kYes, &worker.links);
        Write(row, worker.links);
      }
    });
  }

  static constexpr size_t kMaxIncoming = 256;

  const VectorSource& source_;
  const Metric metric_;
  const float* const inverse_norms_;
  const NodeCodes& codes_;
  const GraphPlan& plan_;
  const BuildOptions& options_;
  std::vector<uint32_t> rows_;
  FlatGraph graph_;
};

}  // namespace

Result<FlatGraph> BuildFlatGraph(const VectorSource& source, Metric metric, const float* inverse_norms, const NodeCodes& codes,
                                 const GraphPlan& plan, const BuildOptions& options) {
  if (source.row_count() >= (size_t{1} << 31)) return InvalidArgument("a graph over ", source.row_count(), " rows; it can have 2147483647");
  try {
    return GraphBuild(source, metric, inverse_norms, codes, plan, options).Run();
  } catch (const std::bad_alloc&) { return ResourceExhausted("not enough memory to build a graph over ", source.row_count(), " rows"); }
}

}  // namespace saker::index
