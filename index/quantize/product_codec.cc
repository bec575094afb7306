#include "index/quantize/product_codec.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "common/give_way.h"

namespace saker::index {
namespace {
constexpr size_t kMaxVectors = 8192;  // 512 an entry
constexpr int kIterations = 20;
}  // namespace

ProductCodec ProductCodec::Train(const float* vectors, size_t count, size_t subspaces, size_t sub_dim, int threads) {
  ProductCodec codec(subspaces, sub_dim, std::vector<float>(subspaces * sub_dim * kEntries));
  if (count == 0) return codec;
  // FAISS's trainer opens a parallel region for each of its thousands of small products; on a busy machine its threads then
  // spin for each other, ten times as long as the work takes.
  std::atomic<size_t> next{0};
  const auto work = [&] {
    const GiveWay way(GiveWay::When::kOnIdleTime);
    for (size_t s = next.fetch_add(1); s < subspaces; s = next.fetch_add(1)) codec.TrainPart(vectors, std::min(count, kMaxVectors), s);
  };
  std::vector<std::thread> helpers;
  for (int t = 1; t < threads; ++t) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  return codec;
}

void ProductCodec::TrainPart(const float* vectors, size_t count, size_t subspace) {
  float* const entries = codebook_.data() + subspace * sub_dim_ * kEntries;
  std::vector<float> parts(count * sub_dim_);
  for (size_t i = 0; i < count; ++i) {
    std::copy_n(vectors + i * dim() + subspace * sub_dim_, sub_dim_, parts.begin() + static_cast<std::ptrdiff_t>(i * sub_dim_));
  }
  for (size_t e = 0; e < kEntries; ++e) {
    const float* from = parts.data() + e * count / kEntries * sub_dim_;
    for (size_t d = 0; d < sub_dim_; ++d) entries[d * kEntries + e] = from[d];
  }
  std::vector<double> sums(kEntries * sub_dim_);
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    size_t sizes[kEntries] = {};
    std::fill(sums.begin(), sums.end(), 0.0);
    for (size_t i = 0; i < count; ++i) {
      const float* part = parts.data() + i * sub_dim_;
      const size_t e = Nearest(part, subspace);
      ++sizes[e];
      for (size_t d = 0; d < sub_dim_; ++d) sums[d * kEntries + e] += static_cast<double>(part[d]);
    }
    const auto largest = static_cast<size_t>(std::max_element(sizes, sizes + kEntries) - sizes);
    for (size_t e = 0; e < kEntries; ++e) {
      // One that nothing is nearest to moves beside the one with most.
      const size_t from = sizes[e] > 0 ? e : largest;
      const double nudge = sizes[e] > 0 ? 1 : 1 + 0.01 * static_cast<double>(e + 1);
      for (size_t d = 0; d < sub_dim_; ++d) {
        entries[d * kEntries + e] = static_cast<float>(sums[d * kEntries + from] / static_cast<double>(sizes[from]) * nudge);
      }
    }
  }
}

uint8_t ProductCodec::Nearest(const float* part, size_t subspace) const {
  float distances[kEntries] = {};
  const float* entries = codebook_.data() + subspace * sub_dim_ * kEntries;
  for (size_t d = 0; d < sub_dim_; ++d, entries += kEntries) {
    for (size_t e = 0; e < kEntries; ++e) {
      const float difference = part[d] - entries[e];
      distances[e] += difference * difference;
    }
  }
  size_t best = 0;
  for (size_t e = 1; e < kEntries; ++e) best = distances[e] < distances[best] ? e : best;
  return static_cast<uint8_t>(best);
}

void ProductCodec::Encode(const float* vector, uint8_t* codes) const {
  for (size_t s = 0; s < subspaces_; ++s) codes[s] = Nearest(vector + s * sub_dim_, s);
}

void ProductCodec::Decode(const uint8_t* codes, float* vector) const {
  for (size_t d = 0; d < dim(); ++d) vector[d] = codebook_[d * kEntries + codes[d / sub_dim_]];
}

}  // namespace saker::index
