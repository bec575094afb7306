// QPS of one cluster index at a recall, one thread, one query at a time; recall@10 counts ties as found.
// usage: ivf_bench SET l2|cos|ip TYPE [name=value]...   (build parameters; search ones with a leading "s.", as s.reorder_k=100)
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "index/bench_data.h"
#include "index/params.h"

namespace saker::index {
namespace {

double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Point {
  size_t nprobe;
  double recall, qps;
};

double At(const std::vector<Point>& points, double wanted) {
  for (size_t i = 0; i < points.size(); ++i) {
    if (points[i].recall < wanted) continue;
    if (i == 0) return points[0].qps;
    const double share = (wanted - points[i - 1].recall) / (points[i].recall - points[i - 1].recall);
    return std::exp(std::log(points[i - 1].qps) * (1 - share) + std::log(points[i].qps) * share);
  }
  return 0;
}

int Run(int argc, char** argv) {
  if (argc < 4) return std::printf("usage: ivf_bench SET l2|cos|ip TYPE [name=value]...\n"), 2;
  const std::string name = argv[1], metric_name = argv[2];
  const Metric metric = metric_name == "l2" ? Metric::kL2 : metric_name == "cos" ? Metric::kCosine : Metric::kIp;
  const std::optional<std::string> folder = SharedFolder(name);
  if (!folder.has_value()) return std::printf("skipped: no shared data %s\n", name.c_str()), 0;
  Params build, search;
  for (int i = 4; i < argc; ++i) {
    const char* equals = std::strchr(argv[i], '=');
    if (equals == nullptr) return std::printf("%s: name=value expected\n", argv[i]), 2;
    const std::string key(argv[i], static_cast<size_t>(equals - argv[i]));
    (key.starts_with("s.") ? search : build)[key.starts_with("s.") ? key.substr(2) : key] = equals + 1;
  }
  const auto source = ReadFloatSource(*folder + "/base");
  const auto queries = ReadFloatRows(*folder + "/query");
  const auto scores = ReadVectors<float>(*folder + "/gt_" + metric_name + "_score.fvecs");
  if (!build.contains("nlist")) {
    build["nlist"] = std::to_string(static_cast<size_t>(4 * std::sqrt(static_cast<double>(source->row_count()))));
  }
  BuildOptions options;
  options.threads = 2;
  const auto begin = std::chrono::steady_clock::now();
  const auto index = BuildIndex({argv[3], metric, build}, source, options);
  if (!index.ok()) return std::printf("%s\n", index.status().ToString().c_str()), 1;
  std::printf("%s %s nlist %s: built in %.1f s, %.1f bytes a row\n", name.c_str(), argv[3], build["nlist"].c_str(),
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
              static_cast<double>((*index)->memory_bytes()) / static_cast<double>(source->row_count()));

  std::vector<Point> points;
  for (const size_t nprobe : {1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384}) {
    SearchRequest request;
    request.params = search;
    request.params["nprobe"] = std::to_string(nprobe);
    double best = 1e9, found = 0;
    SearchStats stats;
    for (int pass = 0; pass < 5; ++pass) {
      found = 0;
      stats = {};
      double spent = 0;
      for (size_t q = 0; q < queries.size(); ++q) {
        request.queries = queries[q].data();
        const double start = ThreadSeconds();
        const auto hits = (*index)->Search(request, Context(), &stats).value();
        spent += ThreadSeconds() - start;
        const float last = scores[q][9], slack = 1e-5f * std::max(1.0f, std::fabs(last));
        for (const Hit& hit : hits[0]) found += SmallerIsBetter(metric) ? hit.score <= last + slack : hit.score >= last - slack;
      }
      best = std::min(best, spent);
    }
    const auto count = static_cast<double>(queries.size());
    points.push_back({nprobe, found / (10 * count), count / best});
    std::printf("  nprobe %4zu  recall %.4f  qps %8.0f  us %7.2f  scored %.0f\n", nprobe, points.back().recall, points.back().qps,
                1e6 * best / count, static_cast<double>(stats.distances) / count);
    if (points.back().recall > 0.985) break;
  }
  std::printf("at 0.90: %.0f   at 0.95: %.0f   at 0.98: %.0f\n", At(points, 0.90), At(points, 0.95), At(points, 0.98));
  return 0;
}

}  // namespace
}  // namespace saker::index

int main(int argc, char** argv) {
  return saker::index::Run(argc, argv);
}
