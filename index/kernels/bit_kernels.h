// The loops that count bits, given an instruction set's vectors (types of unnamed namespaces, as in float_kernels.h).
//
// V: Vector (of sums), kBytes, Zero(), Load(p), Tail(p, n), which is zero beyond n bytes, Xor(a, b), And(a, b), AddCount(sum, v), which
// adds the bits of each lane of v, AddPlanes(sum, row, plane 0 to 3), Sum(v), SumFour(v, out).
#pragma once

#include "index/kernels/kernels.h"

namespace saker::index {

template <typename V>
struct Differing {
  using Vectors = V;
  template <typename Lanes>
  static Lanes Combine(Lanes a, Lanes b) {
    return V::Xor(a, b);
  }
};
template <typename V>
struct Common {
  using Vectors = V;
  template <typename Lanes>
  static Lanes Combine(Lanes a, Lanes b) {
    return V::And(a, b);
  }
};

template <typename Op, int N>
static inline void CountBits(const uint8_t* query, const uint8_t* const* rows, size_t bytes, typename Op::Vectors::Vector* sum) {
  using V = typename Op::Vectors;
#pragma GCC unroll 8
  for (int r = 0; r < N; ++r) sum[r] = V::Zero();
  size_t i = 0;
  for (; i + V::kBytes <= bytes; i += V::kBytes) {
    const auto q = V::Load(query + i);
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r) sum[r] = V::AddCount(sum[r], Op::Combine(q, V::Load(rows[r] + i)));
  }
  if (i < bytes) {
    const auto q = V::Tail(query + i, bytes - i);
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r) sum[r] = V::AddCount(sum[r], Op::Combine(q, V::Tail(rows[r] + i, bytes - i)));
  }
}

template <typename Op>
uint32_t CountOne(const uint8_t* query, const uint8_t* row, size_t bytes) {
  typename Op::Vectors::Vector sum;
  CountBits<Op, 1>(query, &row, bytes, &sum);
  return Op::Vectors::Sum(sum);
}

template <typename Op>
void CountFour(const uint8_t* query, const uint8_t* const* rows, size_t bytes, uint32_t* out) {
  typename Op::Vectors::Vector sum[4];
  CountBits<Op, 4>(query, rows, bytes, sum);
  Op::Vectors::SumFour(sum, out);
}

template <typename Op>
void CountBlock(const uint8_t* query, const uint8_t* rows, size_t count, size_t bytes, uint32_t* out) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4, rows += 4 * bytes) {
    const uint8_t* const four[4] = {rows, rows + bytes, rows + 2 * bytes, rows + 3 * bytes};
    CountFour<Op>(query, four, bytes, out + i);
  }
  for (; i < count; ++i, rows += bytes) out[i] = CountOne<Op>(query, rows, bytes);
}

template <typename V, int N>
static inline void SumPlanes(const uint8_t* const* rows, const uint8_t* planes, size_t bytes, typename V::Vector* sum) {
#pragma GCC unroll 8
  for (int r = 0; r < N; ++r) sum[r] = V::Zero();
  size_t i = 0;
  for (; i + V::kBytes <= bytes; i += V::kBytes) {
    const uint8_t* p = planes + i;
    const auto p0 = V::Load(p), p1 = V::Load(p + bytes), p2 = V::Load(p + 2 * bytes), p3 = V::Load(p + 3 * bytes);
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r) sum[r] = V::AddPlanes(sum[r], V::Load(rows[r] + i), p0, p1, p2, p3);
  }
  if (i < bytes) {
    const size_t n = bytes - i;
    const uint8_t* p = planes + i;
    const auto p0 = V::Tail(p, n), p1 = V::Tail(p + bytes, n), p2 = V::Tail(p + 2 * bytes, n), p3 = V::Tail(p + 3 * bytes, n);
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r) sum[r] = V::AddPlanes(sum[r], V::Tail(rows[r] + i, n), p0, p1, p2, p3);
  }
}

template <typename V>
uint32_t PlanesOne(const uint8_t* row, const uint8_t* planes, size_t bytes) {
  typename V::Vector sum;
  SumPlanes<V, 1>(&row, planes, bytes, &sum);
  return V::Sum(sum);
}

template <typename V>
void PlanesFour(const uint8_t* const* rows, const uint8_t* planes, size_t bytes, uint32_t* out) {
  typename V::Vector sum[4];
  SumPlanes<V, 4>(rows, planes, bytes, sum);
  V::SumFour(sum, out);
}

template <typename Op>
constexpr CountKernel CountTable() {
  return {CountOne<Op>, CountFour<Op>, CountBlock<Op>};
}

template <typename V>
constexpr BitKernels BitTable() {
  return {.hamming = CountTable<Differing<V>>(), .common = CountTable<Common<V>>(), .planes = {PlanesOne<V>, PlanesFour<V>}};
}

}  // namespace saker::index
