#include "index/ivf/kmeans.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "index/faiss/products.h"
#include "index/ivf/lists.h"
#include "index/kernels/fastscan.h"
#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

// Each step's vectors a centroid: the rough places come from few, the last ones from all.
constexpr size_t kSteps[] = {12, 12, 12, 12, 24, 24, 48, 48, 64, 64};

// Rows by cluster: `order` holds the rows of cluster c from starts[c] to starts[c + 1].
struct Grouped {
  std::vector<uint32_t> starts, order;
};
Grouped GroupRows(const std::vector<uint32_t>& cluster_of, size_t count, size_t clusters) {
  Grouped grouped{std::vector<uint32_t>(clusters + 1), std::vector<uint32_t>(count)};
  for (size_t i = 0; i < count; ++i) ++grouped.starts[cluster_of[i] + 1];
  for (size_t c = 0; c < clusters; ++c) grouped.starts[c + 1] += grouped.starts[c];
  std::vector<uint32_t> place(grouped.starts.begin(), grouped.starts.end() - 1);
  for (size_t i = 0; i < count; ++i) grouped.order[place[cluster_of[i]]++] = static_cast<uint32_t>(i);
  return grouped;
}

void Mean(const float* vectors, const Grouped& grouped, size_t cluster, const Clustering& clustering, float* out) {
  const size_t dim = clustering.dim, begin = grouped.starts[cluster], end = grouped.starts[cluster + 1];
  if (begin == end) return;
  std::fill(out, out + dim, 0.0f);
  for (size_t i = begin; i < end; ++i) {
    const float* vector = vectors + size_t{grouped.order[i]} * dim;
    for (size_t d = 0; d < dim; ++d) out[d] += vector[d];
  }
  float factor = 1.0f / static_cast<float>(end - begin);
  if (clustering.spherical) {
    const float squared = BestKernels().ip_f32.one(out, out, dim);
    factor = squared > 0 ? 1 / std::sqrt(squared) : 0;
  }
  for (size_t d = 0; d < dim; ++d) out[d] *= factor;
}

// An empty cluster takes half of the largest one left: both stand a little beside its centroid.
void SplitForEmpty(const Grouped& grouped, const Clustering& clustering, std::vector<float>* centroids) {
  std::vector<uint32_t> sizes(clustering.clusters);
  for (size_t c = 0; c < sizes.size(); ++c) sizes[c] = grouped.starts[c + 1] - grouped.starts[c];
  for (size_t c = 0; c < sizes.size(); ++c) {
    if (sizes[c] != 0) continue;
    const auto largest = static_cast<size_t>(std::max_element(sizes.begin(), sizes.end()) - sizes.begin());
    float* const from = centroids->data() + largest * clustering.dim;
    float* const to = centroids->data() + c * clustering.dim;
    for (size_t d = 0; d < clustering.dim; ++d) {
      const float nudge = (d % 2 == 0 ? 1.0f : -1.0f) / 1024;
      to[d] = from[d] * (1 + nudge);
      from[d] *= 1 - nudge;
    }
    sizes[c] = sizes[largest] / 2;
    sizes[largest] -= sizes[c];
  }
}

}  // namespace

Assigner::Assigner(const std::vector<float>& centroids, const Clustering& clustering)
    : centroids_(centroids), dim_(clustering.dim), factor_(clustering.spherical ? -1.0f : -2.0f), terms_(clustering.clusters, 0.0f) {
  for (size_t c = 0; c < clustering.clusters && !clustering.spherical; ++c) {
    terms_[c] = BestKernels().ip_f32.one(centroids.data() + c * dim_, centroids.data() + c * dim_, dim_);
  }
}

void Assigner::Nearest(const float* vectors, size_t count, uint32_t* out) const {
  thread_local std::vector<float> products;
  products.resize(kRows * terms_.size());
  RowProducts(vectors, count, centroids_.data(), terms_.size(), dim_, factor_, products.data());
  for (size_t i = 0; i < count; ++i) {
    out[i] = BestFastScan().smallest_sum(products.data() + i * terms_.size(), terms_.data(), terms_.size());
  }
}

std::vector<float> ClusterVectors(const float* vectors, size_t count, const Clustering& clustering) {
  const size_t dim = clustering.dim, clusters = clustering.clusters;
  std::vector<float> centroids(vectors, vectors + clusters * dim);
  std::vector<uint32_t> cluster_of(count);
  for (const size_t step : kSteps) {
    const size_t used = std::min(count, step * clusters);
    const Assigner assigner(centroids, clustering);
    InPieces(used, Assigner::kRows, clustering.threads, clustering.context,
             [&](size_t begin, size_t end) { assigner.Nearest(vectors + begin * dim, end - begin, cluster_of.data() + begin); });
    if (clustering.context != nullptr && clustering.context->Done()) break;
    const Grouped grouped = GroupRows(cluster_of, used, clusters);
    InPieces(clusters, 64, clustering.threads, clustering.context, [&](size_t begin, size_t end) {
      for (size_t c = begin; c < end; ++c) Mean(vectors, grouped, c, clustering, centroids.data() + c * dim);
    });
    SplitForEmpty(grouped, clustering, &centroids);
  }
  return centroids;
}

}  // namespace saker::index
