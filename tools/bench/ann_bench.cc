#include "tools/bench/ann_bench.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <limits>
#include <memory>
#include <thread>

#include "common/file.h"
#include "index/footprint.h"
#include "index/index.h"
#include "index/scorer.h"
#include "index/topk.h"
#include "tools/bench/disk_bench.h"
#include "tools/bench/filters.h"
#include "tools/bench/vector_file.h"

namespace saker::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Params = std::map<std::string, std::string>;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Result<index::Metric> MetricOf(std::string name) {
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (name == "COS") name = "COSINE";
  for (const auto metric :
       {index::Metric::kL2, index::Metric::kIp, index::Metric::kCosine, index::Metric::kHamming, index::Metric::kJaccard}) {
    if (index::MetricName(metric) == name) return metric;
  }
  return InvalidArgument("--metric ", name, " is unknown; it is l2, ip, cosine, hamming or jaccard");
}

Result<Params> ParseParams(const std::vector<std::string>& texts) {
  Params params;
  for (const std::string& text : texts) {
    const size_t equal = text.find('=');
    if (equal == 0 || equal == std::string::npos) return InvalidArgument("'", text, "' is not KEY=VALUE");
    params[text.substr(0, equal)] = text.substr(equal + 1);
  }
  return params;
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

// A family's knob: settings ascending in recall and cost.
struct Knob {
  std::vector<Params> settings;
};

std::vector<std::string> Integers(size_t low, size_t high) {
  std::vector<std::string> out;
  for (double value = static_cast<double>(low); value <= static_cast<double>(high); value = std::max(value + 1, value * 1.12)) {
    out.push_back(std::to_string(static_cast<size_t>(value)));
  }
  return out;
}

std::vector<Knob> KnobsOf(const std::string& type, size_t k, const Params& build) {
  const auto of = [](const char* name, const std::vector<std::string>& values, const Params& fixed = {}) {
    Knob knob;
    for (const std::string& value : values) {
      knob.settings.push_back(fixed);
      knob.settings.back()[name] = value;
    }
    return knob;
  };
  std::vector<std::string> gammas;
  for (double gamma = 0.9; gamma <= 1.6; gamma += gamma < 1.15 ? 0.0025 : 0.01) gammas.push_back(std::to_string(gamma));
  if (type == "AUTOINDEX") {
    std::vector<std::string> targets;
    for (double missed = 0.5; missed > 0.0001; missed *= 0.93) targets.push_back(std::to_string(1 - missed));
    return {of("target_recall", targets)};
  }
  if (type.starts_with("HNSW")) {
    return {of("ef", Integers(k, 4096)), of("gamma", gammas, {{"ef", std::to_string(std::max<size_t>(20 * k, 512))}})};
  }
  if (type == "DISKANN") return {of("search_list", Integers(k, 2048))};
  if (type.find("IVF") != std::string::npos || type == "SCANN") {
    const auto found = build.find("nlist");
    return {of("nprobe", Integers(1, found == build.end() ? 65536 : static_cast<size_t>(std::atoll(found->second.c_str()))))};
  }
  return {Knob{{Params{}}}};
}

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
      if (selectivity < 1) filters_ = TRY(MakeFilters(options_.filter_kind, selectivity, *base_, *queries_, spec_.metric));
      TRY(ComputeThresholds());
      std::vector<std::vector<Measured>> swept;
      for (const Knob& knob : KnobsOf(options_.index, options_.k, spec_.params)) swept.push_back(TRY(Sweep(knob)));
      for (const double target : options_.recalls) TRY(Report(target, swept));
    }
    return OkStatus();
  }

 private:
  Status ReadFiles() {
    spec_.type = options_.index;
    spec_.metric = TRY(MetricOf(options_.metric));
    spec_.params = TRY(ParseParams(options_.params));
    extra_ = TRY(ParseParams(options_.search_params));
    const bool bits = spec_.metric == index::Metric::kHamming || spec_.metric == index::Metric::kJaccard;
    base_ = std::make_shared<VectorRows>(TRY(VectorRows::Read(options_.base, bits)));
    queries_ = std::make_shared<VectorRows>(TRY(VectorRows::Read(options_.query, bits)));
    if (queries_->dim() != base_->dim()) return InvalidArgument("queries have dimension ", queries_->dim(), ", the base ", base_->dim());
    for (const double selectivity : options_.filter_selectivities) {
      if (selectivity <= 0 || selectivity > 1) return InvalidArgument("--filter-selectivity ", selectivity, " is not in (0, 1]");
    }
    if (options_.k == 0 || options_.nq == 0 || options_.threads < 1 || options_.build_threads < 1)
      return InvalidArgument("--k, --nq and the threads must be at least 1");
    if (options_.nq > 1 && (options_.filter_kind == "near" || options_.filter_kind == "far"))
      return InvalidArgument("--filter-kind ", options_.filter_kind, " is a filter for each query: --nq must be 1");
    if (spec_.type.find("IVF") != std::string::npos || spec_.type == "SCANN") {
      const auto lists = static_cast<size_t>(4 * std::sqrt(static_cast<double>(base_->row_count())));
      spec_.params.try_emplace("nlist", std::to_string(std::clamp<size_t>(lists, 1, 65536)));
    }
    spec_ = TRY(index::ValidateSpec(spec_, base_->type(), base_->dim()));
    return OkStatus();
  }

  Status BuildAndOpen() {
    const std::filesystem::path directory =
        options_.directory.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(options_.directory);
    const bool kept = !options_.index_file.empty();
    path_ = kept ? options_.index_file : (directory / ("saker-bench-ann-" + std::to_string(getpid()))).string();
    FileSystem& files = FileSystem::Posix();
    const Clock::time_point start = Clock::now();
    const double cpu = CpuSeconds();
    if (!kept || !std::filesystem::exists(path_)) {
      index::BuildOptions build;
      build.threads = options_.build_threads;
      build.scratch_directory = options_.directory;
      const std::unique_ptr<index::Index> built = TRY(index::BuildIndex(spec_, base_, build));
      std::unique_ptr<WritableFile> file = TRY(files.Create(path_));
      Status saved = built->Save(*file);
      if (saved.ok()) saved = file->Sync();
      if (!saved.ok()) return saved;
    }
    const double seconds = SecondsSince(start), cpu_seconds = CpuSeconds() - cpu;
    const auto disk_bytes = std::filesystem::file_size(path_);
    std::string limit;  // of a disk that is searched: what the queries are held against
    if (index::ServedFromDisk(spec_)) {
      for (const ReadRate& rate : TRY(MeasureReads(path_, {.queue_depths = {32, 64}, .seconds = 0.3}))) KeepBest(rate);
      limit = ", \"disk_reads_per_second\": " + std::to_string(static_cast<uint64_t>(disk_.reads_per_second)) +
              ", \"disk_read_cpu_us\": " + std::to_string(disk_.cpu_us);
    }
    const Clock::time_point opening = Clock::now();
    Result<std::unique_ptr<index::Index>> opened = index::OpenIndex(path_, files, base_);
    if (!opened.ok()) return opened.status();
    index_ = std::move(*opened);
    std::printf(
        "{\"index\": \"%s\", \"rows\": %zu, \"dim\": %zu, \"metric\": \"%s\", \"params\": %s, \"build_s\": %.2f, "
        "\"build_cpu_s\": %.2f, \"memory_bytes\": %zu, \"disk_bytes\": %zu, \"open_s\": %.3f, \"isa\": \"%s\"%s}\n",
        spec_.type.c_str(), base_->row_count(), base_->dim(), std::string(index::MetricName(spec_.metric)).c_str(),
        Json(spec_.params).c_str(), seconds, cpu_seconds, index_->memory_bytes(), static_cast<size_t>(disk_bytes), SecondsSince(opening),
        index::BestKernels().isa, limit.c_str());
    std::fflush(stdout);
    return OkStatus();
  }

  // The key of the k-th true neighbour of each query: what is at least as near counts as found.
  Status ComputeThresholds() {
    const size_t count = queries_->row_count();
    index::Scorer scorer(*base_, spec_.metric, nullptr);
    thresholds_.clear();
    expected_.clear();
    if (filters_.empty()) {
      const Truth truth = TRY(ReadTruth(options_.truth));
      if (truth.row_count() != count)
        return InvalidArgument(options_.truth, ": ", truth.row_count(), " rows, there are ", count, " queries");
      if (truth.width < options_.k) return InvalidArgument(options_.truth, ": ", truth.width, " neighbours a query, k is ", options_.k);
      for (size_t q = 0; q < count; ++q) {
        scorer.SetQuery(queries_->Row(q));
        float worst = -std::numeric_limits<float>::infinity();
        for (size_t i = 0; i < options_.k; ++i) {
          if (truth.Row(q)[i] >= base_->row_count())
            return InvalidArgument(options_.truth, ": id ", truth.Row(q)[i], " of ", base_->row_count(), " rows");
          worst = std::max(worst, scorer.Key(truth.Row(q)[i]));
        }
        thresholds_.push_back(worst);
      }
      expected_.assign(count, options_.k);
      return OkStatus();
    }
    std::vector<std::vector<index::Hit>> exact;
    const size_t together = filters_.size() == 1 ? count : 1;
    for (size_t first = 0; first < count; first += together) {
      auto part = TRY(index::ExactSearch(*base_, spec_.metric, RequestFor(first, together, {}), Context()));
      std::move(part.begin(), part.end(), std::back_inserter(exact));
    }
    for (const auto& hits : exact) {
      expected_.push_back(hits.size());
      const float score = hits.empty() ? 0 : hits.back().score;
      thresholds_.push_back(index::SmallerIsBetter(spec_.metric) ? score : -score);
    }
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
    for (const auto& [key, value] : extra_) params[key] = value;
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
    for (size_t first = 0; first < queries_->row_count(); first += options_.nq) {
      const auto results = TRY(index_->Search(RequestFor(first, options_.nq, params), Context(), &out.stats));
      for (size_t i = 0; i < results.size(); ++i) {
        const float threshold = thresholds_[first + i];
        for (const index::Hit& hit : results[i]) {
          const float key = index::SmallerIsBetter(spec_.metric) ? hit.score : -hit.score;
          if (key <= threshold + 1e-6f * (1 + std::fabs(threshold))) found += 1;
        }
        expected += static_cast<double>(expected_[first + i]);
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
      if (index::ServedFromDisk(spec_)) KeepBest(TRY(MeasureReads(path_, {.queue_depths = {64}, .seconds = 0.1})).back());
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
    const Measured* best = nullptr;
    double recall = 0;
    for (auto& points : swept) {
      for (Measured& point : points) {
        recall = std::max(recall, point.recall);
        if (point.recall < target) continue;
        if (point.qps == 0) TRY(Time(point));
        if (best == nullptr || point.qps > best->qps) best = &point;
      }
    }
    const std::string head = "{\"index\": \"" + spec_.type + "\", \"recall_target\": " + std::to_string(target).substr(0, 5);
    if (best == nullptr) {
      std::printf("%s, \"recall\": %.4f, \"qps\": null}\n", head.c_str(), recall);
      return OkStatus();
    }
    const double n = static_cast<double>(queries_->row_count());
    std::string share;  // of what the disk's reads allow
    if (index::ServedFromDisk(spec_)) {
      const double allowed = disk_.reads_per_second * n / static_cast<double>(std::max<uint64_t>(best->stats.reads, 1));
      share = ", \"disk_reads_per_second\": " + std::to_string(static_cast<uint64_t>(disk_.reads_per_second)) +
              ", \"disk_share\": " + std::to_string(best->qps / allowed);
    }
    std::printf(
        "%s, \"recall\": %.4f, \"qps\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"cpu_us\": %.1f, \"distances\": %.1f, \"hops\": %.1f, "
        "\"reads\": %.2f, \"bytes\": %.0f, \"k\": %zu, \"threads\": %d, \"selectivity\": %g, \"params\": %s%s}\n",
        head.c_str(), best->recall, best->qps, best->p50_us, best->p99_us, best->cpu_us, static_cast<double>(best->stats.distances) / n,
        static_cast<double>(best->stats.hops) / n, static_cast<double>(best->stats.reads) / n, static_cast<double>(best->stats.bytes) / n,
        options_.k, options_.threads, selectivity_, Json(best->params).c_str(), share.c_str());
    std::fflush(stdout);
    return OkStatus();
  }

  const AnnOptions& options_;
  index::IndexSpec spec_;
  Params extra_;
  std::shared_ptr<const VectorRows> base_, queries_;
  double selectivity_ = 1;
  std::vector<index::Bitset> filters_;  // none, one for all queries, or one a query
  std::unique_ptr<index::Index> index_;
  std::string path_;  // of the index; removed at the end unless it was asked for
  ReadRate disk_{};   // the best of several tries between the passes
  std::vector<float> thresholds_;
  std::vector<size_t> expected_;
};

}  // namespace

Status RunAnnBench(const AnnOptions& options) {
  return AnnBench(options).Run();
}

}  // namespace saker::bench
