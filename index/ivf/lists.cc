#include "index/ivf/lists.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <random>
#include <thread>

#include "index/faiss/kmeans.h"
#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

constexpr size_t kRowsPerCentroid = 39;  // with fewer a cluster is noise: fewer lists then
constexpr size_t kSamplePerCentroid = 128;
constexpr size_t kAssignBlock = 1024;

std::vector<uint32_t> RowsWithVectors(const VectorSource& source) {
  std::vector<uint32_t> rows;
  for (size_t row = 0; row < source.row_count(); ++row) {
    if (source.valid() == nullptr || source.valid()->Test(row)) rows.push_back(static_cast<uint32_t>(row));
  }
  return rows;
}

Result<std::vector<float>> Train(const VectorSource& source, bool spherical, size_t lists, std::vector<uint32_t> rows, int threads) {
  const size_t dim = source.dim();
  std::mt19937 random(20240611);
  std::shuffle(rows.begin(), rows.end(), random);
  rows.resize(std::min(rows.size(), lists * kSamplePerCentroid));
  std::vector<float> sample(rows.size() * dim);
  for (size_t i = 0; i < rows.size(); ++i) {
    float* out = sample.data() + i * dim;
    VectorToFloats(source.type(), source.Row(rows[i]), dim, out);
    // FAISS refuses what is not finite; such rows still get a list.
    for (size_t d = 0; d < dim; ++d) out[d] = std::isfinite(out[d]) ? std::clamp(out[d], -1e15f, 1e15f) : 0.0f;
    if (!spherical) continue;
    const float norm = std::sqrt(BestKernels().ip_f32.one(out, out, dim));
    for (size_t d = 0; norm > 0 && d < dim; ++d) out[d] /= norm;
  }
  return TrainCentroids(sample.data(), rows.size(), dim, lists, spherical, threads);
}

}  // namespace

void VectorToFloats(VectorType type, const void* vector, size_t dim, float* out) {
  const Kernels& kernels = BestKernels();
  switch (type) {
    case VectorType::kFloat32: std::memcpy(out, vector, dim * sizeof(float)); return;
    case VectorType::kFloat16: kernels.f16_to_f32(static_cast<const uint16_t*>(vector), out, dim); return;
    case VectorType::kBFloat16: kernels.bf16_to_f32(static_cast<const uint16_t*>(vector), out, dim); return;
    default:
      for (size_t i = 0; i < dim; ++i) out[i] = static_cast<float>(static_cast<const int8_t*>(vector)[i]);
  }
}

void CentroidKeys(const IvfLists& lists, Metric metric, const float* query, size_t dim, float* keys) {
  const DistanceKernel& kernel = metric == Metric::kL2 ? BestKernels().l2_f32 : BestKernels().ip_f32;
  const size_t count = lists.count();
  const float* centroids = lists.centroids.data();
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const void* rows[4] = {centroids + i * dim, centroids + (i + 1) * dim, centroids + (i + 2) * dim, centroids + (i + 3) * dim};
    kernel.four(query, rows, dim, keys + i);
  }
  for (; i < count; ++i) keys[i] = kernel.one(query, centroids + i * dim, dim);
  if (metric != Metric::kL2) {
    for (i = 0; i < count; ++i) keys[i] = -keys[i];
  }
}

Result<IvfLists> BuildIvfLists(const VectorSource& source, Metric metric, size_t list_count, const BuildOptions& options) {
  const std::vector<uint32_t> rows = RowsWithVectors(source);
  const size_t dim = source.dim();
  IvfLists lists;
  const size_t count = std::max<size_t>(1, std::min(list_count, rows.size() / kRowsPerCentroid));
  lists.offsets.assign(count + 1, 0);
  lists.centroids.assign(count * dim, 0.0f);
  if (rows.empty()) return lists;
  if (options.context != nullptr) TRY(options.context->Check());
  if (count > 1) lists.centroids = TRY(Train(source, metric != Metric::kL2, count, rows, options.threads));
  if (options.progress) options.progress(0.5);

  std::vector<uint32_t> list_of(rows.size());
  std::atomic<size_t> next{0};
  std::atomic<bool> stop{false};
  const auto assign = [&] {
    std::vector<float> vector(dim), keys(count);
    while (!stop.load(std::memory_order_relaxed)) {
      const size_t begin = next.fetch_add(kAssignBlock);
      if (begin >= rows.size()) return;
      for (size_t i = begin; i < std::min(begin + kAssignBlock, rows.size()); ++i) {
        VectorToFloats(source.type(), source.Row(rows[i]), dim, vector.data());
        CentroidKeys(lists, metric, vector.data(), dim, keys.data());
        list_of[i] = static_cast<uint32_t>(std::min_element(keys.begin(), keys.end()) - keys.begin());
      }
      if (options.context != nullptr && options.context->Done()) stop = true;
    }
  };
  std::vector<std::thread> helpers;
  for (int t = 1; t < options.threads; ++t) helpers.emplace_back(assign);
  assign();
  for (std::thread& helper : helpers) helper.join();
  if (options.context != nullptr) TRY(options.context->Check());

  for (const uint32_t list : list_of) ++lists.offsets[list + 1];
  for (size_t i = 0; i < count; ++i) lists.offsets[i + 1] += lists.offsets[i];
  std::vector<uint32_t> place(lists.offsets.begin(), lists.offsets.end() - 1);
  lists.rows.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) lists.rows[place[list_of[i]]++] = rows[i];
  if (options.progress) options.progress(1.0);
  return lists;
}

}  // namespace saker::index
