// The loops over 8-bit elements, given an instruction set's vectors (types of unnamed namespaces, as in float_kernels.h).
//
// V: Vector (of sums), kElements, Zero(), Load(p) and Tail(p, n), which is zero beyond n elements, Difference(a, b) in any type
// whose AddProducts(sum, a, b) adds its squares, Sum(v), SumFour(v, out).
#pragma once

#include "index/kernels/kernels.h"

namespace saker::index {

template <typename V, bool kL2, int N>
static inline void AccumulateInts(const void* query, const void* const* rows, size_t dim, typename V::Vector* sum) {
  const auto* q8 = static_cast<const uint8_t*>(query);
  const auto take = [&](int r, auto q, auto x) __attribute__((always_inline)) {
    if constexpr (kL2) {
      const auto difference = V::Difference(q, x);
      sum[r] = V::AddProducts(sum[r], difference, difference);
    } else {
      sum[r] = V::AddProducts(sum[r], q, x);
    }
  };
#pragma GCC unroll 8
  for (int r = 0; r < N; ++r) sum[r] = V::Zero();
  size_t i = 0;
  for (; i + V::kElements <= dim; i += V::kElements) {
    const auto q = V::Load(q8 + i);
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r) take(r, q, V::Load(static_cast<const uint8_t*>(rows[r]) + i));
  }
  if (i < dim) {
    const auto q = V::Tail(q8 + i, dim - i);
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r) take(r, q, V::Tail(static_cast<const uint8_t*>(rows[r]) + i, dim - i));
  }
}

template <typename V, bool kL2>
float IntOne(const void* query, const void* row, size_t dim) {
  typename V::Vector sum;
  AccumulateInts<V, kL2, 1>(query, &row, dim, &sum);
  return static_cast<float>(V::Sum(sum));
}

template <typename V, bool kL2>
void IntFour(const void* query, const void* const* rows, size_t dim, float* out) {
  typename V::Vector sum[4];
  AccumulateInts<V, kL2, 4>(query, rows, dim, sum);
  int32_t total[4];
  V::SumFour(sum, total);
#pragma GCC unroll 8
  for (int r = 0; r < 4; ++r) out[r] = static_cast<float>(total[r]);
}

template <typename V, bool kL2>
constexpr DistanceKernel IntKernel() {
  return {IntOne<V, kL2>, IntFour<V, kL2>};
}

}  // namespace saker::index
