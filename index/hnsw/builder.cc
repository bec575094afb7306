#include "index/hnsw/builder.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <new>
#include <random>
#include <thread>

#include "common/mutex.h"
#include "index/hnsw/inserter.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 20240611;
constexpr uint32_t kMaxLevel = 32;
constexpr uint32_t kMaxEf = 4096;  // above it a graph gains nothing and a build never ends

// Levels drawn as HNSW does, lists for all of them, the highest row as the entry. Returns the order of insertion: highest
// level first, so that the entry never changes, shuffled within a level, so that neighbours in the file do not meet.
Result<std::vector<uint32_t>> Prepare(GrowingGraph& growing, uint32_t m) {
  const VectorSource& source = growing.source;
  const size_t rows = source.row_count();
  HnswGraph& graph = growing.graph;
  graph.degree = m;
  graph.degree0 = 2 * m;
  graph.level0 = TRY(LinkArray::Allocate(rows * graph.degree0));
  std::fill_n(graph.level0.data(), graph.level0.size(), HnswGraph::kNone);
  growing.keys0.resize(graph.level0.size());
  growing.levels.resize(rows);
  growing.slot_of.assign(rows, HnswGraph::kNone);
  graph.upper_offsets.push_back(0);
  std::mt19937 random(kSeed);
  std::vector<uint32_t> order;
  for (uint32_t row = 0; row < rows; ++row) {
    if (source.valid() != nullptr && !source.valid()->Test(row)) continue;
    order.push_back(row);
    const double uniform = (static_cast<double>(random()) + 1) / 4294967297.0;
    growing.levels[row] = static_cast<uint8_t>(std::min<double>(-std::log(uniform) / std::log(static_cast<double>(m)), kMaxLevel));
    if (growing.levels[row] == 0) continue;
    growing.slot_of[row] = static_cast<uint32_t>(graph.upper_rows.size());
    graph.upper_rows.push_back(row);
    graph.upper_offsets.push_back(graph.upper_offsets.back() + growing.levels[row]);
  }
  graph.upper_links.assign(size_t{graph.upper_offsets.back()} * m, HnswGraph::kNone);
  growing.upper_keys.resize(graph.upper_links.size());
  std::shuffle(order.begin(), order.end(), random);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return growing.levels[a] > growing.levels[b]; });
  if (!order.empty()) {
    graph.entry = order[0];
    graph.max_level = growing.levels[order[0]];
  }
  return order;
}

class Build {
 public:
  Build(GrowingGraph& growing, std::vector<uint32_t> order, const BuildOptions& options)
      : growing_(growing), order_(std::move(order)), options_(options) {}

  Status Run() EXCLUDES(mutex_) {
    const size_t threads = std::clamp<size_t>(static_cast<size_t>(std::max(options_.threads, 1)), 1, order_.size() / 64 + 1);
    std::vector<std::thread> helpers;
    for (size_t t = 1; t < threads; ++t) helpers.emplace_back([this] { Work(); });
    Work();
    for (std::thread& helper : helpers) helper.join();
    const MutexLock lock(mutex_);
    return status_;
  }

 private:
  static constexpr size_t kReportEvery = 512;

  void Work() EXCLUDES(mutex_) {
    try {
      Inserter inserter(growing_);
      while (!stop_.load(std::memory_order_relaxed)) {
        const size_t i = next_.fetch_add(1, std::memory_order_relaxed);
        if (i >= order_.size()) return;
        inserter.Insert(order_[i]);
        if (i % kReportEvery == 0) Report(i);
      }
    } catch (const std::bad_alloc&) {
      const MutexLock lock(mutex_);
      status_ = ResourceExhausted("not enough memory to build a graph over ", order_.size(), " rows");
      stop_ = true;
    }
  }

  void Report(size_t done) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (options_.context != nullptr && status_.ok()) {
      status_ = options_.context->Check();
      if (!status_.ok()) stop_ = true;
    }
    const double share = static_cast<double>(done) / static_cast<double>(order_.size());
    if (options_.progress && share >= reported_) options_.progress(reported_ = share);
  }

  GrowingGraph& growing_;
  const std::vector<uint32_t> order_;
  const BuildOptions& options_;
  std::atomic<size_t> next_{1};  // order_[0] is the entry: there from the start
  std::atomic<bool> stop_{false};
  Mutex mutex_;
  Status status_ GUARDED_BY(mutex_);
  double reported_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

Result<HnswGraph> BuildHnswGraph(const VectorSource& source, Metric metric, const float* inverse_norms, uint32_t m,
                                 uint32_t ef_construction, const BuildOptions& options) {
  if (source.row_count() >= (size_t{1} << 31)) return InvalidArgument("a graph over ", source.row_count(), " rows; it can have 2147483647");
  try {
    GrowingGraph growing(source, metric, inverse_norms);
    growing.ef_construction = std::clamp(ef_construction, 1u, kMaxEf);
    Build build(growing, TRY(Prepare(growing, m)), options);
    TRY(build.Run());
    for (uint32_t& link : growing.graph.upper_links) {
      if (link != HnswGraph::kNone) link = growing.slot_of[link];
    }
    if (options.progress) options.progress(1.0);
    return std::move(growing.graph);
  } catch (const std::bad_alloc&) { return ResourceExhausted("not enough memory to build a graph over ", source.row_count(), " rows"); }
}

}  // namespace saker::index
