#include "tools/bench/serve/serve_bench.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "tools/bench/serve/beside.h"
#include "tools/bench/serve/load_run.h"
#include "tools/bench/serve/prepare.h"

namespace saker::bench {
namespace {

constexpr int kMaxThreads = 1024;
constexpr double kGrowth = 1.03;  // a step of more threads that gives less QPS than this ends the range

struct ThreadRange {
  int first = 1, last = 1;
};

Result<ThreadRange> ReadThreads(const std::string& text) {
  ThreadRange range;
  int used = 0;
  const int read = std::sscanf(text.c_str(), "%d..%d%n", &range.first, &range.last, &used);
  if (read == 1 && text.find('.') == std::string::npos) {
    range.last = range.first;
  } else if (read != 2 || static_cast<size_t>(used) != text.size()) {
    return InvalidArgument("--threads '", text, "' is no number and no range FIRST..LAST");
  }
  if (range.first < 1 || range.last < range.first || range.last > kMaxThreads) {
    return InvalidArgument("--threads ", text, " is not within 1..", kMaxThreads);
  }
  return range;
}

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

std::string ErrorsJson(const KindOutcome& outcome) {
  std::string out = "{";
  for (const auto& [text, count] : outcome.errors) out += (out.size() > 1 ? ", " : "") + Quoted(text) + ": " + std::to_string(count);
  return out + "}";
}

double Percentile(const std::vector<float>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(share * static_cast<double>(sorted.size())))];
}

// Prints a line; the queries a second.
double Print(const ServeOptions& options, int threads, Kind kind, LoadOutcome& run, bool knows_truth) {
  KindOutcome& outcome = run.kinds[static_cast<int>(kind)];
  std::sort(outcome.latencies_us.begin(), outcome.latencies_us.end());
  const double qps = static_cast<double>(outcome.queries) / run.seconds;
  std::string recall = "null";
  if (knows_truth && outcome.expected > 0) {
    recall = std::to_string(static_cast<double>(outcome.found) / static_cast<double>(outcome.expected)).substr(0, 6);
  }
  uint64_t queries = 0;
  for (const KindOutcome& one : run.kinds) queries += one.queries;
  std::string cpu = "null";
  if (run.server_cpu_seconds && queries > 0) cpu = std::to_string(*run.server_cpu_seconds * 1e6 / static_cast<double>(queries));
  std::printf(
      "{\"kind\": \"%s\", \"threads\": %d, \"nq\": %zu, \"k\": %zu, \"seconds\": %.2f, \"calls\": %zu, \"qps\": %.1f, \"p50_us\": %.0f, "
      "\"p95_us\": %.0f, \"p99_us\": %.0f, \"p999_us\": %.0f, \"recall\": %s, \"server_cpu_us_per_query\": %s, \"errors\": %s}\n",
      KindName(kind), threads, kind == Kind::kInsert ? options.insert_rows : options.nq, options.k, run.seconds,
      outcome.latencies_us.size(), qps, Percentile(outcome.latencies_us, 0.5), Percentile(outcome.latencies_us, 0.95),
      Percentile(outcome.latencies_us, 0.99), Percentile(outcome.latencies_us, 0.999), recall.c_str(), cpu.c_str(),
      ErrorsJson(outcome).c_str());
  std::fflush(stdout);
  return qps;
}

bool Silent(const LoadOutcome& run) {
  return std::all_of(std::begin(run.kinds), std::end(run.kinds), [](const KindOutcome& kind) { return kind.latencies_us.empty(); });
}

Status CheckOptions(const ServeOptions& options) {
  if (options.k < 1 || options.nq < 1) return InvalidArgument("--k and --nq must be at least 1");
  if (!(options.seconds > 0) || options.seconds > 86400) return InvalidArgument("--seconds ", options.seconds, " is not within (0, 86400]");
  if (options.insert_rows < 1 || options.insert_rate < 0)
    return InvalidArgument("--insert-rows must be at least 1, --insert-rate at least 0");
  if (options.query.empty() && !options.prepare_only) return InvalidArgument("--query is needed: the file with the queries");
  return OkStatus();
}

}  // namespace

Status RunServeBench(const ServeOptions& options) {
  TRY(CheckOptions(options));
  const ThreadRange range = TRY(ReadThreads(options.threads));
  if (options.prepare || options.prepare_only) TRY(PrepareCollection(options));
  if (options.prepare_only) return OkStatus();
  const Workload workload = TRY(Workload::Make(options));
  if (options.beside) return MeasureBeside(options, workload, range.first);
  uint64_t next_insert = 0;
  double best = 0;
  int best_threads = range.first;
  for (int threads = range.first;; threads = std::min(2 * threads, range.last)) {
    LoadOutcome run = TRY(RunLoad(options, workload, threads, &next_insert));
    double qps = 0;
    for (int kind = 0; kind < kKinds; ++kind) {
      const bool rated = static_cast<Kind>(kind) == Kind::kInsert && options.insert_rate > 0;
      if (!workload.Has(static_cast<Kind>(kind)) && !rated) continue;
      qps += Print(options, threads, static_cast<Kind>(kind), run, workload.knows_truth());
    }
    if (Silent(run)) {
      for (const KindOutcome& kind : run.kinds) {
        if (!kind.errors.empty()) return Unavailable("no call was answered: ", kind.errors.begin()->first);
      }
    }
    const bool grew = qps > best * kGrowth;
    if (qps > best) {
      best = qps;
      best_threads = threads;
    }
    if (threads == range.last || !grew) break;
  }
  if (range.first != range.last) std::printf("{\"best_threads\": %d, \"qps\": %.1f}\n", best_threads, best);
  return OkStatus();
}

}  // namespace saker::bench
