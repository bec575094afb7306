// Search time, recall and distances of HNSW on the shared sets, one thread; skipped with a sentence where they are absent.
// Filters: shares of rows drawn at random. Recall counts ties as found.
#include <chrono>
#include <cstdio>
#include <random>

#include <benchmark/benchmark.h>

#include "index/bench_data.h"

namespace saker::index {
namespace {

struct Set {
  std::shared_ptr<const VectorSource> source;
  std::vector<std::vector<float>> queries;
  std::unique_ptr<Index> index;
};

Set Load(const std::string& name, Metric metric) {
  const std::optional<std::string> folder = SharedFolder(name);
  if (!folder.has_value()) {
    std::printf("skipped: no shared data %s\n", name.c_str());
    return {};
  }
  Set set;
  set.source = ReadFloatSource(*folder + "/base");
  set.queries = ReadFloatRows(*folder + "/query");
  BuildOptions options;
  options.threads = 2;
  const auto begin = std::chrono::steady_clock::now();
  set.index = BuildIndex({"HNSW", metric, {{"M", "16"}, {"efConstruction", "200"}}}, set.source, options).value();
  std::printf("%s: built in %.1f s with 2 threads, %.1f MB beside the vectors\n", name.c_str(),
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
              static_cast<double>(set.index->memory_bytes()) / 1e6);
  return set;
}

void Search(benchmark::State& state, const Set& set, Metric metric, double share) {
  std::mt19937 random(1);
  Bitset allowed(set.source->row_count());
  for (size_t row = 0; row < allowed.size(); ++row) {
    if (std::uniform_real_distribution<double>()(random) < share) allowed.Set(row);
  }
  SearchRequest request;
  request.params["ef"] = std::to_string(state.range(0));
  if (share < 1) request.allowed = &allowed;
  SearchStats stats;
  size_t found = 0, wanted = 0, q = 0;
  for (const auto& query : set.queries) {
    request.queries = query.data();
    const auto truth = ExactSearch(*set.source, metric, request, Context()).value()[0];
    const auto hits = set.index->Search(request, Context()).value()[0];
    wanted += truth.size();
    for (const Hit& hit : hits) {
      found += (SmallerIsBetter(metric) ? hit.score <= truth.back().score : hit.score >= truth.back().score) ? 1 : 0;
    }
  }
  for (auto _ : state) {
    request.queries = set.queries[q++ % set.queries.size()].data();
    benchmark::DoNotOptimize(set.index->Search(request, Context(), &stats));
  }
  state.counters["recall"] = static_cast<double>(found) / static_cast<double>(wanted);
  state.counters["distances"] = static_cast<double>(stats.distances) / static_cast<double>(state.iterations());
  state.counters["hops"] = static_cast<double>(stats.hops) / static_cast<double>(state.iterations());
}

}  // namespace
}  // namespace saker::index

int main(int argc, char** argv) {
  using namespace saker::index;
  benchmark::Initialize(&argc, argv);
  const Set glove = Load("glove100-100k", Metric::kCosine), sift = Load("sift-photo-20k", Metric::kL2);
  const auto add = [](const char* name, const Set& set, Metric metric) {
    if (set.index == nullptr) return;
    for (const double share : {1.0, 0.5, 0.1, 0.05, 0.01, 0.001}) {
      benchmark::RegisterBenchmark((std::string(name) + "/share:" + std::to_string(share)).c_str(),
                                   [&set, metric, share](benchmark::State& state) { Search(state, set, metric, share); })
          ->Arg(64)
          ->Arg(128)
          ->Unit(benchmark::kMicrosecond);
    }
  };
  add("glove100-100k_cosine", glove, Metric::kCosine);
  add("sift-photo-20k_l2", sift, Metric::kL2);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
