// Scores rows of one dense or binary source against a query, as keys (topk.h: smaller is better).
//
// The one place that knows how a metric is made of kernels. A key does not depend on which call computed it. Sums that
// overflow a float or lose all their bits are done again in double, so no key is NaN unless the vectors are. Holds
// pointers only; used by one thread, cheap to make one per search.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/kernels/kernels.h"
#include "index/metric.h"
#include "index/vector_source.h"

namespace saker::index {

class Scorer {
 public:
  // `inverse_norms` (COSINE only, may be null): what InverseNorm gives for each row, computed before.
  Scorer(const VectorSource& source, Metric metric, const float* inverse_norms);

  // `query` has the source's type and dimension and must stay until the next call.
  void SetQuery(const void* query);
  // The query is a row of the source.
  void SetQueryRow(size_t row) {
    query_ = Address(row);
    if (metric_ == Metric::kCosine) query_norm_ = NormOfRow(row, query_);
  }

  const void* Address(size_t row) const { return base_ != nullptr ? base_ + row * stride_ : source_.Row(row); }

  float Key(size_t row) const { return KeyOf(query_, query_norm_, row); }
  // Scores rows[0..4).
  void Key4(const uint32_t* rows, float* keys) const {
    const void* addresses[4] = {Address(rows[0]), Address(rows[1]), Address(rows[2]), Address(rows[3])};
    if (kernel_.four == nullptr) {
      BinaryKeys4(addresses, keys);
      return;
    }
    kernel_.four(query_, addresses, dim_, keys);
    if (metric_ == Metric::kL2) {
      for (int r = 0; r < 4; ++r) {
        if (std::isnan(keys[r])) keys[r] = Careful(query_, addresses[r]);
      }
      return;
    }
    for (int r = 0; r < 4; ++r) keys[r] = FromProduct(keys[r], query_, query_norm_, rows[r], addresses[r]);
  }
  // Scores any number of rows with the next ones prefetched.
  void Keys(const uint32_t* rows, size_t count, float* keys) const;

  void Prefetch(size_t row) const {
    const char* address = static_cast<const char*>(Address(row));
    for (size_t line = 0; line < prefetch_lines_; ++line) __builtin_prefetch(address + line * 64);
  }

  // 1 / |v|; 0 for a zero vector; NaN when a float cannot hold it, which makes every product take the careful path.
  float InverseNorm(const void* vector) const;

 private:
  float KeyOf(const void* query, float query_norm, size_t row) const;
  float NormOfRow(size_t row, const void* address) const { return inverse_norms_ != nullptr ? inverse_norms_[row] : InverseNorm(address); }
  float FromProduct(float product, const void* query, float query_norm, size_t row, const void* address) const {
    if (metric_ == Metric::kCosine) {
      const float cosine = product * query_norm * NormOfRow(row, address);
      if (std::isnan(cosine)) return Careful(query, address);
      return 0.0f - (cosine > 1.0f ? 1.0f : cosine < -1.0f ? -1.0f : cosine);
    }
    return std::isnan(product) ? Careful(query, address) : 0.0f - product;
  }
  float BinaryKey(const void* query, const void* row) const;
  void BinaryKeys4(const void* const* rows, float* keys) const;
  float Careful(const void* a, const void* b) const;  // the key in double
  double Element(const void* vector, size_t i) const;

  const VectorSource& source_;
  const Metric metric_;
  const VectorType type_;
  const size_t dim_;
  const size_t stride_;
  const char* const base_;
  const float* const inverse_norms_;
  const Kernels& kernels_;
  DistanceKernel kernel_{nullptr, nullptr};  // null for binary
  DistanceKernel product_{nullptr, nullptr};
  size_t prefetch_lines_;
  const void* query_ = nullptr;
  float query_norm_ = 0;
};

// One inverse norm per row; rows without a vector get 0.
std::vector<float> InverseNorms(const VectorSource& source);

}  // namespace saker::index
