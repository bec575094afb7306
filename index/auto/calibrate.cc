#include "index/auto/calibrate.h"

#include <algorithm>
#include <cmath>

#include "index/parallel.h"

namespace saker::index {
namespace {

constexpr float kEnough = 0.9995f;   // of the neighbours: more effort is not measured
constexpr size_t kWideQueries = 64;  // for plain pools and graphs on disk, which take milliseconds
constexpr size_t kGrain = 8;
constexpr uint32_t kMeasuredK[] = {1, 10, kHeldOutDepth};

std::vector<Effort> Ladder(EffortKind kind, uint32_t k, size_t rows) {
  std::vector<Effort> efforts;
  if (kind == EffortKind::kLists) {
    for (double probes = 1; probes < 4096; probes = std::max(probes + 1, probes * 1.4))
      efforts.push_back({static_cast<uint32_t>(probes), 0});
    return efforts;
  }
  if (kind == EffortKind::kDisk) {
    for (double width = std::max<uint32_t>(k, 10); width < 2048; width *= 1.4) efforts.push_back({static_cast<uint32_t>(width), 0});
    return efforts;
  }
  const uint32_t pool = std::max<uint32_t>(512, 4 * k);
  for (const float gamma : {0.9f, 0.94f, 0.97f, 1.0f, 1.02f, 1.04f, 1.06f, 1.08f, 1.1f, 1.13f, 1.16f, 1.2f, 1.25f, 1.3f}) {
    efforts.push_back({gamma < 1.15f ? pool : 2 * pool, gamma});
  }
  for (uint32_t width = 3 * pool; width < rows / 4 && width < 40 * pool; width *= 3) efforts.push_back({width, 0});
  return efforts;
}

struct Shares {
  double mean = 0, error = 0;
};

// The mean over queries and the standard error of it.
Shares Summary(const std::vector<double>& shares, size_t first) {
  double sum = 0, squares = 0, count = 0;
  for (size_t q = first; q < shares.size(); q += 2) {
    sum += shares[q];
    squares += shares[q] * shares[q];
    ++count;
  }
  if (count == 0) return {1, 0};
  const double mean = sum / count;
  return {mean, std::sqrt(std::max(0.0, squares / count - mean * mean) / count)};
}

class Calibration {
 public:
  Calibration(const Index& index, EffortKind kind, const std::vector<HeldOutQuery>& queries, const BuildOptions& options)
      : index_(index), kind_(kind), queries_(queries), options_(options) {}

  Status Measure(uint32_t k, std::vector<EffortPoint>* points) const {
    float best = 0;
    for (const Effort& effort : Ladder(kind_, k, index_.row_count())) {
      best = std::max(best, TRY(RecallOf(k, effort)));
      points->push_back({k, effort.width, effort.gamma, best});
      if (best >= kEnough) break;
    }
    return OkStatus();
  }

 private:
  // What both halves of the queries find, the harder one counting, less one standard error.
  Result<float> RecallOf(uint32_t k, const Effort& effort) const {
    const bool few = kind_ == EffortKind::kDisk || (kind_ == EffortKind::kGraph && effort.gamma == 0);
    const size_t count = few ? std::min(queries_.size(), kWideQueries) : queries_.size();
    std::vector<double> shares(count);
    std::vector<Status> problems(count, OkStatus());
    const std::map<std::string, std::string> params = EffortParams(kind_, effort, k + 1);
    TRY(ForRanges(count, kGrain, options_, {0, 0}, [&](size_t, size_t begin, size_t end) {
      for (size_t q = begin; q < end; ++q) {
        const Result<double> share = ShareOf(queries_[q], k, params);
        if (share.ok()) shares[q] = *share;
        if (!share.ok()) problems[q] = share.status();
      }
    }));
    for (const Status& problem : problems) TRY(problem);
    double bound = 1;
    for (const size_t half : {size_t{0}, size_t{1}}) {
      const Shares summary = Summary(shares, half);
      bound = std::min(bound, summary.mean - summary.error);
    }
    return static_cast<float>(std::clamp(bound, 0.0, 1.0));
  }

  Result<double> ShareOf(const HeldOutQuery& query, uint32_t k, const std::map<std::string, std::string>& params) const {
    const size_t wanted = std::min<size_t>(k, query.truth.size());
    if (wanted == 0) return 1.0;
    const bool own = query.self != HeldOutQuery::kNoRow;
    SearchRequest request;
    request.queries = query.vector.data();
    request.k = k + (own ? 1 : 0);
    request.params = params;
    const Context context;
    const auto hits = TRY(index_.Search(request, options_.context != nullptr ? *options_.context : context));
    const bool smaller = SmallerIsBetter(index_.spec().metric);
    const float last = query.truth[wanted - 1], slack = 1e-6f * (1 + std::fabs(last));
    size_t found = 0;
    for (const Hit& hit : hits[0]) found += hit.row != query.self && (smaller ? hit.score <= last + slack : hit.score >= last - slack);
    return static_cast<double>(std::min(found, wanted)) / static_cast<double>(wanted);
  }

  const Index& index_;
  const EffortKind kind_;
  const std::vector<HeldOutQuery>& queries_;
  const BuildOptions& options_;
};

}  // namespace

std::map<std::string, std::string> EffortParams(EffortKind kind, const Effort& effort, size_t k) {
  if (kind == EffortKind::kLists) return {{"nprobe", std::to_string(std::clamp<uint32_t>(effort.width, 1, 65536))}};
  if (kind == EffortKind::kDisk) return {{"search_list", std::to_string(std::max<size_t>(effort.width, k))}};
  std::map<std::string, std::string> params = {{"ef", std::to_string(std::max<size_t>(effort.width, k))}};
  if (effort.gamma > 0) params["gamma"] = std::to_string(effort.gamma);
  return params;
}

Result<EffortTable> Calibrate(const Index& index, EffortKind kind, const std::vector<HeldOutQuery>& queries, const BuildOptions& options) {
  std::vector<EffortPoint> points;
  if (queries.empty()) return EffortTable();
  const Calibration calibration(index, kind, queries, options);
  for (const uint32_t k : kMeasuredK) {
    if (k < index.row_count()) TRY(calibration.Measure(k, &points));
  }
  return EffortTable(std::move(points));
}

}  // namespace saker::index
