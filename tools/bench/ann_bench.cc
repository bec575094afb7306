#include "tools/bench/ann_bench.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "common/file.h"
#include "index/footprint.h"
#include "index/index.h"
#include "index/kernels/kernels.h"
#include "tools/bench/ann_plan.h"
#include "tools/bench/ann_truth.h"
#include "tools/bench/disk_bench.h"
#include "tools/bench/filters.h"
#include "tools/bench/kept_index.h"
#include "tools/bench/vector_file.h"

namespace saker::bench {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Of the calling thread: what a busy machine takes away from it does not count.
double ThreadCpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::string Json(const Params& params) {
  std::string out = "{";
  for (const auto& [key, value] : params) out += (out.size() > 1 ? ", \"" : "\"") + key + "\": \"" + value + "\"";
  return out + "}";
}

// What one setting of the search parameters gave.
struct Measured {
  Params params;
  double recall = 0;
  double qps = 0;
  double p50_us = 0, p99_us = 0;
  double cpu_us = 0;  // a query, the least of all passes
  index::SearchStats stats;
};

class AnnBench {
 public:
  explicit AnnBench(const AnnOptions& options) : options_(options) {}
  ~AnnBench() {
    std::error_code ignored;
    if (options_.index_file.empty() && !path_.empty()) std::filesystem::remove(path_, ignored);
  }

  Status Run() {
    TRY(ReadFiles());
    TRY(BuildAndOpen());
    for (const double selectivity : options_.filter_selectivities) {
      selectivity_ = selectivity;
      filters_.clear();
      if (selectivity < 1) filters_ = TRY(MakeFilters(options_.filter_kind, selectivity, *base_, *queries_, plan_.spec.metric));
      if (selectivity < 1) filtered_ = TRY(NeighbourTruth::Compute(*base_, *queries_, plan_.spec.metric, options_.k, filters_));
      std::vector<std::vector<Measured>> swept;
      for (const Knob& knob : KnobsOf(plan_.spec, options_.k)) swept.push_back(TRY(Sweep(knob)));
      for (const double target : options_.recalls) TRY(Report(target, swept));
    }
    return OkStatus();
  }

 private:
  // And everything that can be refused before a build.
  Status ReadFiles() {
    const index::Metric metric = TRY(MetricOf(options_.metric));
    const bool bits = metric == index::Metric::kHamming || metric == index::Metric::kJaccard;
    base_ = std::make_shared<VectorRows>(TRY(VectorRows::Read(options_.base, bits)));
    queries_ = std::make_shared<VectorRows>(TRY(VectorRows::Read(options_.query, bits)));
    if (queries_->dim() != base_->dim()) return InvalidArgument("queries have dimension ", queries_->dim(), ", the base ", base_->dim());
    if (queries_->row_count() == 0) return InvalidArgument(options_.query, ": no queries");
    plan_ = TRY(PlanAnn(options_, metric, *base_));
    const auto& shares = options_.filter_selectivities;
    if (std::find(shares.begin(), shares.end(), 1.0) == shares.end()) return OkStatus();
    truth_ = options_.truth.empty() ? TRY(NeighbourTruth::Compute(*base_, *queries_, metric, options_.k, {}))
                                    : TRY(NeighbourTruth::Read(options_.truth, *base_, *queries_, metric, options_.k));
    return OkStatus();
  }

  Status Build() {
    index::BuildOptions build;
    build.threads = options_.build_threads;
    build.scratch_directory = options_.directory;
    const std::unique_ptr<index::Index> built = TRY(index::BuildIndex(plan_.spec, base_, build));
    std::unique_ptr<WritableFile> file = TRY(FileSystem::Posix().Create(path_));
    TRY(built->Save(*file));
    TRY(file->Sync());
    return options_.index_file.empty() ? OkStatus() : RememberBase(path_, *base_);
  }

  Status BuildAndOpen() {
    const std::filesystem::path directory =
        options_.directory.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(options_.directory);
    path_ = options_.index_file.empty() ? (directory / ("saker-bench-ann-" + std::to_string(getpid()))).string() : options_.index_file;
    const bool kept = !options_.index_file.empty() && std::filesystem::exists(path_);
    std::string took = "\"build_s\": null, \"build_cpu_s\": null";  // of a file that was there
    if (kept) {
      TRY(CheckBase(path_, *base_));
    } else {
      const Clock::time_point start = Clock::now();
      const double cpu = CpuSeconds();
      TRY(Build());
      char text[80];
      std::snprintf(text, sizeof text, "\"build_s\": %.2f, \"build_cpu_s\": %.2f", SecondsSince(start), CpuSeconds() - cpu);
      took = text;
    }
    const Clock::time_point opening = Clock::now();
    index_ = TRY(index::OpenIndex(path_, FileSystem::Posix(), base_));
    const double open_seconds = SecondsSince(opening);
    if (kept) TRY(CheckKept(path_, index_->spec(), plan_));
    plan_.spec = index_->spec();
    std::string limit;  // of a disk that is searched: what the queries are held against
    if (index::ServedFromDisk(plan_.spec)) {
      for (const ReadRate& rate : TRY(MeasureReads(path_, {.queue_depths = {32, 64}, .seconds = 0.3}))) KeepBest(rate);
      limit = ", \"disk_reads_per_second\": " + std::to_string(static_cast<uint64_t>(disk_.reads_per_second)) +
              ", \"disk_read_cpu_us\": " + std::to_string(disk_.cpu_us);
    }
    std::printf(
        "{\"index\": \"%s\", \"rows\": %zu, \"dim\": %zu, \"metric\": \"%s\", \"params\": %s, %s, \"memory_bytes\": %zu, "
        "\"disk_bytes\": %zu, \"open_s\": %.3f, \"isa\": \"%s\"%s}\n",
        plan_.spec.type.c_str(), base_->row_count(), base_->dim(), std::string(index::MetricName(plan_.spec.metric)).c_str(),
        Json(plan_.spec.params).c_str(), took.c_str(), index_->memory_bytes(), static_cast<size_t>(std::filesystem::file_size(path_)),
        open_seconds, index::BestKernels().isa, limit.c_str());
    std::fflush(stdout);
    return OkStatus();
  }

  index::SearchRequest RequestFor(size_t first, size_t count, const Params& params) const {
    index::SearchRequest request;
    request.queries = queries_->Row(first);
    request.query_count = std::min(count, queries_->row_count() - first);
    request.k = options_.k;
    request.params = params;
    if (!filters_.empty()) request.allowed = &filters_[filters_.size() == 1 ? 0 : first];
    return request;
  }

  Params WithExtra(Params params) const {
    for (const auto& [key, value] : plan_.extra) params[key] = value;
    return params;
  }

  // The disk at its best, which is what queries are held against.
  void KeepBest(const ReadRate& rate) {
    if (rate.reads_per_second > disk_.reads_per_second) disk_ = rate;
  }

  // One pass on one thread: recall and counters.
  Result<Measured> RecallOf(const Params& params) const {
    Measured out;
    out.params = params;
    double found = 0, expected = 0;
    const NeighbourTruth& truth = filters_.empty() ? *truth_ : *filtered_;
    for (size_t first = 0; first < queries_->row_count(); first += options_.nq) {
      const auto results = TRY(index_->Search(RequestFor(first, options_.nq, params), Context(), &out.stats));
      for (size_t i = 0; i < results.size(); ++i) {
        found += static_cast<double>(TRY(truth.Found(first + i, results[i])));
        expected += static_cast<double>(truth.expected(first + i));
      }
    }
    out.recall = expected == 0 ? 1 : found / expected;
    return out;
  }

  // The least setting of the knob for each target, and the best recall at the end.
  Result<std::vector<Measured>> Sweep(const Knob& knob) const {
    std::vector<double> targets = options_.recalls;
    std::sort(targets.begin(), targets.end());
    std::vector<Measured> out;
    size_t low = 0;
    for (const double target : targets) {  // the first setting that reaches it: strides, then bisection
      size_t at = low, step = 1;
      Measured reached = TRY(RecallOf(WithExtra(knob.settings[at])));
      size_t below = at;
      while (reached.recall < target && at + 1 < knob.settings.size()) {
        below = at;
        at = std::min(at + step, knob.settings.size() - 1);
        step *= 2;
        reached = TRY(RecallOf(WithExtra(knob.settings[at])));
      }
      while (reached.recall >= target && at > below + 1) {
        const size_t middle = (at + below) / 2;
        Measured tried = TRY(RecallOf(WithExtra(knob.settings[middle])));
        if (tried.recall >= target) {
          at = middle;
          reached = std::move(tried);
        } else {
          below = middle;
        }
      }
      low = at;
      out.push_back(std::move(reached));
    }
    return out;
  }

  Status Time(Measured& point) {
    const size_t count = queries_->row_count();
    const Clock::time_point start = Clock::now();
    for (int pass = 0; pass < 3 || SecondsSince(start) < options_.seconds; ++pass) {
      if (index::ServedFromDisk(plan_.spec)) KeepBest(TRY(MeasureReads(path_, {.queue_depths = {64}, .seconds = 0.1})).back());
      const size_t searches = (count + options_.nq - 1) / options_.nq;
      std::vector<double> latencies(searches);
      std::vector<Status> problems(static_cast<size_t>(options_.threads), OkStatus());
      const auto work = [&](size_t thread) {
        for (size_t s = thread; s < searches; s += static_cast<size_t>(options_.threads)) {
          const Clock::time_point began = Clock::now();
          const auto results = index_->Search(RequestFor(s * options_.nq, options_.nq, point.params), Context());
          latencies[s] = SecondsSince(began);
          if (!results.ok()) problems[thread] = results.status();
        }
      };
      const Clock::time_point began = Clock::now();
      const double cpu_began = ThreadCpuSeconds();
      std::vector<std::thread> helpers;
      for (int t = 1; t < options_.threads; ++t) helpers.emplace_back(work, static_cast<size_t>(t));
      work(0);
      const size_t own = (count + static_cast<size_t>(options_.threads) - 1) / static_cast<size_t>(options_.threads);
      const double cpu_us = (ThreadCpuSeconds() - cpu_began) * 1e6 / static_cast<double>(std::max<size_t>(own, 1));
      if (point.cpu_us == 0 || cpu_us < point.cpu_us) point.cpu_us = cpu_us;
      for (std::thread& helper : helpers) helper.join();
      const double qps = static_cast<double>(count) / SecondsSince(began);
      for (const Status& problem : problems) TRY(problem);
      if (qps <= point.qps) continue;
      point.qps = qps;
      std::sort(latencies.begin(), latencies.end());
      point.p50_us = latencies[searches / 2] * 1e6;
      point.p99_us = latencies[searches * 99 / 100] * 1e6;
    }
    return OkStatus();
  }

  Status Report(double target, std::vector<std::vector<Measured>>& swept) {
    const Measured *best = nullptr, *nearest = nullptr;  // the latter: of the best recall, for a target that is not reached
    for (auto& points : swept) {
      for (Measured& point : points) {
        if (nearest == nullptr || point.recall > nearest->recall) nearest = &point;
        if (point.recall < target) continue;
        if (point.qps == 0) TRY(Time(point));
        if (best == nullptr || point.qps > best->qps) best = &point;
      }
    }
    const Measured& shown = best != nullptr ? *best : *nearest;
    const double n = static_cast<double>(queries_->row_count());
    char speed[160] = "\"qps\": null, \"p50_us\": null, \"p99_us\": null, \"cpu_us\": null";
    std::string share;  // of what the disk's reads allow
    if (best != nullptr) {
      std::snprintf(speed, sizeof speed, "\"qps\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"cpu_us\": %.1f", best->qps, best->p50_us,
                    best->p99_us, best->cpu_us);
      if (index::ServedFromDisk(plan_.spec)) {
        const double allowed = disk_.reads_per_second * n / static_cast<double>(std::max<uint64_t>(best->stats.reads, 1));
        share = ", \"disk_reads_per_second\": " + std::to_string(static_cast<uint64_t>(disk_.reads_per_second)) +
                ", \"disk_share\": " + std::to_string(best->qps / allowed);
      }
    }
    std::printf(
        "{\"index\": \"%s\", \"recall_target\": %g, \"recall\": %.4f, %s, \"distances\": %.1f, \"hops\": %.1f, \"reads\": %.2f, "
        "\"bytes\": %.0f, \"k\": %zu, \"threads\": %d, \"selectivity\": %g, \"params\": %s%s}\n",
        plan_.spec.type.c_str(), target, shown.recall, speed, static_cast<double>(shown.stats.distances) / n,
        static_cast<double>(shown.stats.hops) / n, static_cast<double>(shown.stats.reads) / n, static_cast<double>(shown.stats.bytes) / n,
        options_.k, options_.threads, selectivity_, Json(shown.params).c_str(), share.c_str());
    std::fflush(stdout);
    return OkStatus();
  }

  const AnnOptions& options_;
  AnnPlan plan_;
  std::shared_ptr<const VectorRows> base_, queries_;
  double selectivity_ = 1;
  std::vector<index::Bitset> filters_;  // none, one for all queries, or one a query
  std::unique_ptr<index::Index> index_;
  std::string path_;                                // of the index; removed at the end unless it was asked for
  ReadRate disk_{};                                 // the best of several tries between the passes
  std::optional<NeighbourTruth> truth_, filtered_;  // without a filter; under the filters
};

}  // namespace

Status RunAnnBench(const AnnOptions& options) {
  return AnnBench(options).Run();
}

}  // namespace saker::bench
