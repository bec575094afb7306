#include "index/ivf/lists.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "common/give_way.h"
#include "index/ivf/kmeans.h"
#include "index/ivf/row_floats.h"
#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

constexpr size_t kMaxLists = 65536;
constexpr size_t kRowsPerCentroid = 39;  // with fewer a cluster is noise: fewer lists then
constexpr size_t kSamplePerCentroid = 64;

std::vector<uint32_t> RowsWithVectors(const VectorSource& source) {
  std::vector<uint32_t> rows;
  for (size_t row = 0; row < source.row_count(); ++row) {
    if (source.valid() == nullptr || source.valid()->Test(row)) rows.push_back(static_cast<uint32_t>(row));
  }
  return rows;
}

// Takes those of `rows` without a direction out of them.
std::vector<uint32_t> TakeZeros(const VectorSource& source, std::vector<uint32_t>* rows) {
  std::vector<uint32_t> zeros;
  std::erase_if(*rows, [&](uint32_t row) {
    const bool zero = IsZeroVector(source.type(), source.Row(row), source.dim());
    if (zero) zeros.push_back(row);
    return zero;
  });
  return zeros;
}

// How rows are put into clusters: IP by direction, whatever their length.
Metric ClusterMetric(Metric metric) {
  return metric == Metric::kIp ? Metric::kCosine : metric;
}

// Rows of 262,144 bits are as many floats here: what is trained on, and the centroids, stay within this.
constexpr size_t kTrainingBytes = size_t{1} << 30;

std::vector<float> Train(const VectorSource& source, Metric metric, const std::vector<uint32_t>& rows, const Clustering& clustering) {
  const size_t limit = std::max(clustering.clusters, kTrainingBytes / (clustering.dim * sizeof(float)));
  const std::vector<uint32_t> chosen = SampleRows(rows, std::min(clustering.clusters * kSamplePerCentroid, limit));
  const RowFloats floats(source, ClusterMetric(metric));
  std::vector<float> sample(chosen.size() * clustering.dim);
  for (size_t i = 0; i < chosen.size(); ++i) floats.FiniteRow(chosen[i], sample.data() + i * clustering.dim);
  return ClusterVectors(sample.data(), chosen.size(), clustering);
}

void Assign(const VectorSource& source, Metric metric, const std::vector<float>& centroids, const std::vector<uint32_t>& rows,
            const Clustering& clustering, std::vector<uint32_t>* list_of) {
  const Assigner assigner(centroids, clustering);
  const RowFloats floats(source, ClusterMetric(metric));
  InPieces(rows.size(), Assigner::kRows, clustering.threads, clustering.context, [&](size_t begin, size_t end) {
    thread_local std::vector<float> vectors;
    vectors.resize(Assigner::kRows * clustering.dim);
    for (size_t i = begin; i < end; ++i) floats.FiniteRow(rows[i], vectors.data() + (i - begin) * clustering.dim);
    assigner.Nearest(vectors.data(), end - begin, list_of->data() + begin);
  });
}

// The means of the lists' rows; an empty list keeps its centroid.
void MoveToMeans(const VectorSource& source, Metric metric, IvfLists* lists) {
  const size_t dim = source.dim();
  const RowFloats floats(source, metric);
  std::vector<float> row(dim);
  std::vector<double> sum(dim);
  for (size_t list = 0; list < lists->count(); ++list) {
    const auto rows = lists->Rows(list);
    if (rows.empty()) continue;
    std::fill(sum.begin(), sum.end(), 0.0);
    for (const uint32_t r : rows) {
      floats.FiniteRow(r, row.data());
      for (size_t d = 0; d < dim; ++d) sum[d] += static_cast<double>(row[d]);
    }
    for (size_t d = 0; d < dim; ++d) lists->centroids[list * dim + d] = static_cast<float>(sum[d] / static_cast<double>(rows.size()));
  }
}

}  // namespace

void InPieces(size_t count, size_t piece, int threads, const Context* context, const std::function<void(size_t, size_t)>& body) {
  std::atomic<size_t> next{0};
  std::atomic<bool> stop{false};
  const auto work = [&] {
    const GiveWay way(GiveWay::When::kOnIdleTime);
    while (!stop.load(std::memory_order_relaxed)) {
      const size_t begin = next.fetch_add(piece);
      if (begin >= count) return;
      body(begin, std::min(begin + piece, count));
      if (context != nullptr && context->Done()) stop = true;
    }
  };
  std::vector<std::thread> helpers;
  for (int t = 1; t < threads; ++t) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
}

void CentroidKeys(const IvfLists& lists, Metric metric, const float* query, size_t dim, float* keys) {
  const DistanceKernel& kernel = metric == Metric::kIp ? BestKernels().ip_f32 : BestKernels().l2_f32;
  const size_t count = lists.count();
  const float* centroids = lists.centroids.data();
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const void* rows[4] = {centroids + i * dim, centroids + (i + 1) * dim, centroids + (i + 2) * dim, centroids + (i + 3) * dim};
    kernel.four(query, rows, dim, keys + i);
  }
  for (; i < count; ++i) keys[i] = kernel.one(query, centroids + i * dim, dim);
  for (i = 0; metric == Metric::kIp && i < count; ++i) keys[i] = -keys[i];
}

Result<IvfLists> BuildIvfLists(const VectorSource& source, Metric metric, size_t list_count, const BuildOptions& options) {
  std::vector<uint32_t> rows = RowsWithVectors(source), zeros;
  if (metric == Metric::kCosine || metric == Metric::kIp) zeros = TakeZeros(source, &rows);
  IvfLists lists;
  const size_t most = std::min(rows.size() / kRowsPerCentroid, kTrainingBytes / (source.dim() * sizeof(float)));
  const size_t own = zeros.empty() ? 0 : 1;
  const size_t count = std::max<size_t>(1, std::min({list_count, most, kMaxLists - own}));
  lists.offsets.assign(count + own + 1, 0);
  lists.centroids.assign((count + own) * source.dim(), 0.0f);
  if (rows.empty() && zeros.empty()) return lists;
  if (options.context != nullptr) TRY(options.context->Check());
  std::vector<uint32_t> list_of(rows.size());
  if (count > 1) {
    const Clustering clustering = {source.dim(), count, metric == Metric::kIp, options.threads, options.context};
    lists.centroids = Train(source, metric, rows, clustering);
    lists.centroids.resize((count + own) * source.dim(), 0.0f);
    if (options.context != nullptr) TRY(options.context->Check());
    if (options.progress) options.progress(0.4);
    Assign(source, metric, lists.centroids, rows, clustering, &list_of);
    if (options.context != nullptr) TRY(options.context->Check());
  }
  if (options.progress) options.progress(0.7);

  rows.insert(rows.end(), zeros.begin(), zeros.end());
  list_of.resize(rows.size(), static_cast<uint32_t>(count));
  for (const uint32_t list : list_of) ++lists.offsets[list + 1];
  for (size_t i = 0; i < count + own; ++i) lists.offsets[i + 1] += lists.offsets[i];
  std::vector<uint32_t> place(lists.offsets.begin(), lists.offsets.end() - 1);
  lists.rows.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) lists.rows[place[list_of[i]]++] = rows[i];
  if (metric == Metric::kIp || count == 1) MoveToMeans(source, metric, &lists);
  return lists;
}

}  // namespace saker::index
