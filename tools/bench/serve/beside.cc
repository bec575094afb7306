#include "tools/bench/serve/beside.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <thread>

#include "tools/bench/serve/prepare.h"

namespace saker::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kSegments = 3;  // fewer than are merged unasked
constexpr size_t kFewestCalls = 300;

struct Latencies {
  std::vector<float> us;
  size_t errors = 0;
  double seconds = 0;

  void Add(const Latencies& other) {
    us.insert(us.end(), other.us.begin(), other.us.end());
    errors += other.errors;
    seconds += other.seconds;
  }
  double At(double share) const {
    std::vector<float> sorted = us;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? 0 : sorted[std::min(sorted.size() - 1, static_cast<size_t>(share * static_cast<double>(sorted.size())))];
  }
};

// One caller, until `over`.
Latencies CallAtRate(const ServeOptions& options, const Workload& workload, size_t first, size_t stride, const std::atomic<bool>& over) {
  const auto pause = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(static_cast<double>(stride) / options.rate));
  const bool filtered = !workload.Has(Kind::kSearch);
  Connection connection(options.address, options.token);
  Latencies out;
  mp::SearchResults response;
  // Connects before the clock runs.
  static_cast<void>(connection.Call("/milvus.proto.milvus.MilvusService/Search",
                                    filtered ? workload.Filtered(first) : workload.Search(first), &response));
  Clock::time_point due = Clock::now() + pause * static_cast<int>(first) / static_cast<int>(stride);
  for (size_t call = first; !over; call += stride, due += pause) {
    const bool late = Clock::now() > due;
    if (!late) std::this_thread::sleep_until(due);
    const Clock::time_point start = late ? due : Clock::now();
    const Status done =
        connection.Call("/milvus.proto.milvus.MilvusService/Search", filtered ? workload.Filtered(call) : workload.Search(call), &response);
    if (!done.ok()) ++out.errors;
    out.us.push_back(std::chrono::duration<float, std::micro>(Clock::now() - start).count());
  }
  return out;
}

// The calls made while `job` runs.
Result<Latencies> During(const ServeOptions& options, const Workload& workload, int threads, const std::function<Status()>& job) {
  std::atomic<bool> over{false};
  std::vector<Latencies> parts(static_cast<size_t>(threads));
  std::vector<std::thread> callers;
  const Clock::time_point start = Clock::now();
  for (size_t t = 0; t < parts.size(); ++t) {
    callers.emplace_back([&, t] { parts[t] = CallAtRate(options, workload, t, parts.size(), over); });
  }
  const Status done = job();
  over = true;
  for (std::thread& caller : callers) caller.join();
  TRY(done);
  Latencies sum;
  for (const Latencies& part : parts) sum.Add(part);
  sum.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (sum.errors > 0) return Internal(sum.errors, " of ", sum.us.size(), " searches failed");
  if (sum.us.size() < kFewestCalls)
    return FailedPrecondition("only ", sum.us.size(), " calls in ", sum.seconds, " s: too few to tell a p99");
  return sum;
}

void Print(const char* what, const ServeOptions& options, int threads, const Latencies& run, const Latencies& quiet) {
  std::printf(
      "{\"beside\": \"%s\", \"threads\": %d, \"nq\": %zu, \"rate\": %.0f, \"seconds\": %.2f, \"calls\": %zu, \"p50_us\": %.0f, \"p95_us\": "
      "%.0f, "
      "\"p99_us\": %.0f, \"p999_us\": %.0f, \"p50_ratio\": %.2f, \"p95_ratio\": %.2f, \"p99_ratio\": %.2f}\n",
      what, threads, options.nq, options.rate, run.seconds, run.us.size(), run.At(0.5), run.At(0.95), run.At(0.99), run.At(0.999),
      run.At(0.5) / quiet.At(0.5), run.At(0.95) / quiet.At(0.95), run.At(0.99) / quiet.At(0.99));
  std::fflush(stdout);
}

}  // namespace

Status MeasureBeside(const ServeOptions& options, const Workload& workload, int threads) {
  if (options.base.empty()) return InvalidArgument("--beside wants --base, the rows of the collection that is built beside");
  if (!(options.rate > 0)) return InvalidArgument("--beside wants --rate, the calls a second");
  const VectorRows base = TRY(VectorRows::Read(options.base, false));
  const size_t rows = base.row_count();
  ServeOptions other = options;
  other.collection += "_beside";
  other.replace = true;
  Preparation beside(other);
  TRY(beside.MakeRoom());
  TRY(beside.Create(base.dim()));
  for (size_t i = 0; i < kSegments; ++i) {
    TRY(beside.Insert(base, rows * i / kSegments, rows * (i + 1) / kSegments));
    if (i + 1 < kSegments) TRY(beside.Flush());
  }
  const auto wait = [&] {
    std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
    return OkStatus();
  };
  const auto build = [&]() -> Status {
    TRY(beside.Flush());
    TRY(beside.CreateIndex());
    return beside.AwaitIndex(rows);
  };
  Latencies quiet = TRY(During(options, workload, threads, wait));
  const Latencies building = TRY(During(options, workload, threads, build));
  quiet.Add(TRY(During(options, workload, threads, wait)));
  const Latencies compacting = TRY(During(options, workload, threads, [&] { return beside.Compact(); }));
  quiet.Add(TRY(During(options, workload, threads, wait)));
  Print("nothing", options, threads, quiet, quiet);
  Print("build", options, threads, building, quiet);
  Print("compaction", options, threads, compacting, quiet);
  return beside.MakeRoom();
}

}  // namespace saker::bench
