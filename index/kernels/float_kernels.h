// The loops of the float kernels, given an instruction set's vectors. The types that they are instantiated with are of unnamed
// namespaces, so nothing compiled for one instruction set is shared with another.
//
// T says how elements become a vector of floats: Vector, kLanes, Load(p, i), Tail(p, i, n), Zero(), Add(a, b), Sum(v) and
// SumFour(v, out), which must add in the same order. Op::Add(sum, a, b) takes one vector of each side in.
#pragma once

#include "index/kernels/kernels.h"

namespace saker::index {

// kChains accumulators a row whether one row or four are scored: both round alike.
template <typename T, typename Op, int kChains, int N>
static inline void Accumulate(const void* query, const void* const* rows, size_t dim, typename T::Vector* sums) {
  typename T::Vector sum[N][kChains];
#pragma GCC unroll 8
  for (auto& row : sum) {
#pragma GCC unroll 8
    for (auto& chain : row) chain = T::Zero();
  }
  size_t i = 0;
  for (; i + kChains * T::kLanes <= dim; i += kChains * T::kLanes) {
#pragma GCC unroll 8
    for (int c = 0; c < kChains; ++c) {
      const auto q = T::Load(query, i + static_cast<size_t>(c) * T::kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < N; ++r) sum[r][c] = Op::Add(sum[r][c], q, T::Load(rows[r], i + static_cast<size_t>(c) * T::kLanes));
    }
  }
  for (; i + T::kLanes <= dim; i += T::kLanes) {
    const auto q = T::Load(query, i);
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r) sum[r][0] = Op::Add(sum[r][0], q, T::Load(rows[r], i));
  }
  if (i < dim) {
    const auto q = T::Tail(query, i, dim - i);
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r) sum[r][1] = Op::Add(sum[r][1], q, T::Tail(rows[r], i, dim - i));
  }
#pragma GCC unroll 8
  for (int r = 0; r < N; ++r) {
    sums[r] = T::Add(sum[r][0], sum[r][1]);
    if constexpr (kChains == 4) sums[r] = T::Add(sums[r], T::Add(sum[r][2], sum[r][3]));
  }
}

template <typename T, typename Op, int kChains>
float FloatOne(const void* query, const void* row, size_t dim) {
  typename T::Vector sum;
  Accumulate<T, Op, kChains, 1>(query, &row, dim, &sum);
  return T::Sum(sum);
}

template <typename T, typename Op, int kChains>
void FloatFour(const void* query, const void* const* rows, size_t dim, float* out) {
  typename T::Vector sums[4];
  Accumulate<T, Op, kChains, 4>(query, rows, dim, sums);
  T::SumFour(sums, out);
}

template <typename T, typename Op, int kChains>
constexpr DistanceKernel FloatKernel() {
  return {FloatOne<T, Op, kChains>, FloatFour<T, Op, kChains>};
}

}  // namespace saker::index
