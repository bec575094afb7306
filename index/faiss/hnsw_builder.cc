#include "index/faiss/hnsw_builder.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <random>
#include <thread>

#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/DistanceComputer.h>
#include <faiss/impl/HNSW.h>
#if __has_include(<faiss/impl/VisitedTable.h>)
#include <faiss/impl/VisitedTable.h>
#endif

#include "index/scorer.h"

namespace saker::index {
namespace {

using FaissId = decltype(faiss::Index::ntotal);  // int64_t under whichever name this FAISS has it

class RowDistances final : public faiss::DistanceComputer {
 public:
  RowDistances(const VectorSource& source, Metric metric, const float* inverse_norms) : scorer_(source, metric, inverse_norms) {}
  void SetRow(size_t row) { scorer_.SetQueryRow(row); }
  void set_query(const float* query) override { scorer_.SetQuery(query); }
  float operator()(FaissId row) override { return scorer_.Key(static_cast<size_t>(row)); }
  float symmetric_dis(FaissId a, FaissId b) override { return scorer_.RowKey(static_cast<size_t>(a), static_cast<size_t>(b)); }

 private:
  Scorer scorer_;
};

class Locks {
 public:
  explicit Locks(size_t count) : locks_(count) {
    for (omp_lock_t& lock : locks_) omp_init_lock(&lock);
  }
  ~Locks() {
    for (omp_lock_t& lock : locks_) omp_destroy_lock(&lock);
  }
  std::vector<omp_lock_t>& all() { return locks_; }

 private:
  std::vector<omp_lock_t> locks_;
};

// FAISS' own order: highest level first, shuffled within a level so that neighbours in the file are not linked at once.
std::vector<uint32_t> InsertionOrder(const faiss::HNSW& hnsw, const VectorSource& source) {
  std::vector<uint32_t> order;
  order.reserve(source.row_count());
  for (size_t row = 0; row < source.row_count(); ++row) {
    if (source.valid() == nullptr || source.valid()->Test(row)) order.push_back(static_cast<uint32_t>(row));
  }
  std::mt19937 random(20240611);
  std::shuffle(order.begin(), order.end(), random);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return hnsw.levels[a] > hnsw.levels[b]; });
  return order;
}

class Insertion {
 public:
  Insertion(faiss::HNSW& hnsw, const VectorSource& source, Metric metric, const float* inverse_norms, const BuildOptions& options)
      : hnsw_(hnsw),
        source_(source),
        metric_(metric),
        inverse_norms_(inverse_norms),
        options_(options),
        order_(InsertionOrder(hnsw, source)),
        locks_(source.row_count()) {}

  Status Run() {
    if (order_.empty()) return OkStatus();
    Work(1);  // the first row becomes the entry; no later one has a higher level
    const size_t threads =
        std::clamp<size_t>(static_cast<size_t>(std::max(options_.threads, 1)), 1, std::max<size_t>(order_.size() / 64, 1));
    std::vector<std::thread> helpers;
    for (size_t t = 1; t < threads; ++t) helpers.emplace_back([this] { Work(order_.size()); });
    Work(order_.size());
    for (std::thread& helper : helpers) helper.join();
    return status_;
  }

 private:
  static constexpr size_t kReportEvery = 1024;

  void Work(size_t end) {
    try {
      RowDistances distances(source_, metric_, inverse_norms_);
      faiss::VisitedTable visited(static_cast<int>(source_.row_count()));
      while (!stop_.load(std::memory_order_relaxed)) {
        size_t i = next_.load(std::memory_order_relaxed);
        do {
          if (i >= end) return;
        } while (!next_.compare_exchange_weak(i, i + 1, std::memory_order_relaxed));
        const uint32_t row = order_[i];
        distances.SetRow(row);
        hnsw_.add_with_locks(distances, hnsw_.levels[row] - 1, static_cast<int>(row), locks_.all(), visited);
        if (i % kReportEvery == 0) Report(i);
      }
    } catch (const std::bad_alloc&) {
      Fail(ResourceExhausted("not enough memory to build a graph over ", source_.row_count(), " rows"));
    } catch (const std::exception& error) { Fail(Internal("faiss: ", error.what())); }
  }

  void Report(size_t done) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (options_.context != nullptr) {
      const Status check = options_.context->Check();
      if (!check.ok()) {
        status_ = check;
        stop_ = true;
      }
    }
    const double share = static_cast<double>(done) / static_cast<double>(order_.size());
    if (options_.progress && share >= reported_) options_.progress(reported_ = share);
  }

  void Fail(Status status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (status_.ok()) status_ = std::move(status);
    stop_ = true;
  }

  faiss::HNSW& hnsw_;
  const VectorSource& source_;
  const Metric metric_;
  const float* const inverse_norms_;
  const BuildOptions& options_;
  const std::vector<uint32_t> order_;
  Locks locks_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // guards status_ and reported_ and makes progress calls one at a time
  Status status_;
  double reported_ = 0;
};

// FAISS' neighbour table as our flat graph; -1 ends a list.
Result<HnswGraph> Flatten(const faiss::HNSW& hnsw, size_t rows, uint32_t m) {
  HnswGraph graph;
  graph.degree = m;
  graph.degree0 = 2 * m;
  graph.level0 = TRY(LinkArray::Allocate(rows * graph.degree0));
  if (hnsw.entry_point >= 0) {
    graph.entry = static_cast<uint32_t>(hnsw.entry_point);
    graph.max_level = static_cast<uint32_t>(hnsw.max_level);
  }
  std::vector<uint32_t> slot_of(rows, HnswGraph::kNone);
  graph.upper_offsets.push_back(0);
  for (size_t row = 0; row < rows; ++row) {
    if (hnsw.levels[row] <= 1) continue;
    slot_of[row] = static_cast<uint32_t>(graph.upper_rows.size());
    graph.upper_rows.push_back(static_cast<uint32_t>(row));
    graph.upper_offsets.push_back(graph.upper_offsets.back() + static_cast<uint32_t>(hnsw.levels[row] - 1));
  }
  graph.upper_links.assign(size_t{graph.upper_offsets.back()} * m, HnswGraph::kNone);
  for (size_t row = 0; row < rows; ++row) {
    for (int level = 0; level < hnsw.levels[row]; ++level) {
      size_t begin = 0, end = 0;
      hnsw.neighbor_range(static_cast<FaissId>(row), level, &begin, &end);
      uint32_t* out = graph.level0.data() + row * graph.degree0;
      if (level > 0) out = graph.upper_links.data() + (size_t{graph.upper_offsets[slot_of[row]]} + static_cast<size_t>(level) - 1) * m;
      std::fill(out, out + (end - begin), HnswGraph::kNone);
      for (size_t i = begin; i < end && hnsw.neighbors[i] >= 0; ++i) {
        const auto neighbour = static_cast<uint32_t>(hnsw.neighbors[i]);
        *out++ = level == 0 ? neighbour : slot_of[neighbour];
      }
    }
  }
  return graph;
}

}  // namespace

Result<HnswGraph> BuildHnswGraph(const VectorSource& source, Metric metric, const float* inverse_norms, uint32_t m,
                                 uint32_t ef_construction, const BuildOptions& options) {
  if (source.row_count() >= (size_t{1} << 31)) return InvalidArgument("a graph over ", source.row_count(), " rows; it can have 2147483647");
  try {
    faiss::HNSW hnsw(static_cast<int>(m));
    hnsw.efConstruction = static_cast<int>(std::min<uint32_t>(ef_construction, 1u << 20));
    hnsw.prepare_level_tab(source.row_count());
    Insertion insertion(hnsw, source, metric, inverse_norms, options);
    TRY(insertion.Run());
    HnswGraph graph = TRY(Flatten(hnsw, source.row_count(), m));
    if (options.progress) options.progress(1.0);
    return graph;
  } catch (const std::bad_alloc&) {
    return ResourceExhausted("not enough memory to build a graph over ", source.row_count(), " rows");
  } catch (const std::exception& error) { return Internal("faiss: ", error.what()); }
}

}  // namespace saker::index
