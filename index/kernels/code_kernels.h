// The loops over 7-bit and 4-bit codes, given an instruction set's vectors (types of unnamed namespaces, as in float_kernels.h).
//
// V: Vector (of sums), kBytes, Zero(), Load(p), Difference(a, b), which is |a - b| of codes, AddProducts(sum, codes, values) of codes
// 0..127 with values -127..127 into 32 bits, Low(v) and High(v), which are the halves of each byte, Sum(v), SumFour(v, out).
#pragma once

#include "index/kernels/kernels.h"

namespace saker::index {

template <typename V, int N>
static inline void SumHalves(const uint8_t* const* rows, const int8_t* high, const int8_t* low, size_t bytes, typename V::Vector* sum_high,
                             typename V::Vector* sum_low) {
#pragma GCC unroll 8
  for (int r = 0; r < N; ++r) sum_high[r] = sum_low[r] = V::Zero();
  for (size_t i = 0; i < bytes; i += V::kBytes) {
    const auto h = V::Load(high + i), l = V::Load(low + i);
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r) {
      const auto row = V::Load(rows[r] + i);
      sum_high[r] = V::AddProducts(sum_high[r], row, h);
      sum_low[r] = V::AddProducts(sum_low[r], row, l);
    }
  }
}

template <typename V>
float CodesOne(const uint8_t* row, const int8_t* high, const int8_t* low, size_t bytes) {
  typename V::Vector sum_high, sum_low;
  SumHalves<V, 1>(&row, high, low, bytes, &sum_high, &sum_low);
  return 128.0f * static_cast<float>(V::Sum(sum_high)) + static_cast<float>(V::Sum(sum_low));
}

template <typename V>
void CodesFour(const uint8_t* const* rows, const int8_t* high, const int8_t* low, size_t bytes, float* out) {
  typename V::Vector sum_high[4], sum_low[4];
  SumHalves<V, 4>(rows, high, low, bytes, sum_high, sum_low);
  int32_t h[4], l[4];
  V::SumFour(sum_high, h);
  V::SumFour(sum_low, l);
#pragma GCC unroll 8
  for (int r = 0; r < 4; ++r) out[r] = 128.0f * static_cast<float>(h[r]) + static_cast<float>(l[r]);
}

template <typename V>
struct CodeL2 {
  using Vectors = V;
  template <typename Codes>
  static typename V::Vector Add(typename V::Vector sum, Codes a, Codes b) {
    const auto difference = V::Difference(a, b);
    return V::AddProducts(sum, difference, difference);
  }
};
template <typename V>
struct CodeIp {
  using Vectors = V;
  template <typename Codes>
  static typename V::Vector Add(typename V::Vector sum, Codes a, Codes b) {
    return V::AddProducts(sum, a, b);
  }
};
// The same of 4-bit codes.
template <typename Op>
struct Halves {
  using Vectors = typename Op::Vectors;
  template <typename Codes>
  static typename Vectors::Vector Add(typename Vectors::Vector sum, Codes a, Codes b) {
    return Op::Add(Op::Add(sum, Vectors::Low(a), Vectors::Low(b)), Vectors::High(a), Vectors::High(b));
  }
};

template <typename Op>
uint32_t PairOne(const uint8_t* query, const uint8_t* row, size_t bytes) {
  using V = typename Op::Vectors;
  auto even = V::Zero(), odd = V::Zero();
  size_t i = 0;
  for (; i + 2 * V::kBytes <= bytes; i += 2 * V::kBytes) {
    even = Op::Add(even, V::Load(query + i), V::Load(row + i));
    odd = Op::Add(odd, V::Load(query + i + V::kBytes), V::Load(row + i + V::kBytes));
  }
  if (i < bytes) even = Op::Add(even, V::Load(query + i), V::Load(row + i));
  return static_cast<uint32_t>(V::Sum(even) + V::Sum(odd));
}

template <typename Op>
void PairFour(const uint8_t* query, const uint8_t* const* rows, size_t bytes, uint32_t* out) {
  using V = typename Op::Vectors;
  typename V::Vector sum[4];
#pragma GCC unroll 8
  for (auto& s : sum) s = V::Zero();
  for (size_t i = 0; i < bytes; i += V::kBytes) {
    const auto q = V::Load(query + i);
#pragma GCC unroll 8
    for (int r = 0; r < 4; ++r) sum[r] = Op::Add(sum[r], q, V::Load(rows[r] + i));
  }
  V::SumFour(sum, reinterpret_cast<int32_t*>(out));
}

template <typename V, int N>
static inline void SumCodes4(const uint8_t* const* rows, const int8_t* query, size_t bytes, typename V::Vector* sum) {
#pragma GCC unroll 8
  for (int r = 0; r < N; ++r) sum[r] = V::Zero();
  for (size_t i = 0; i < bytes; i += V::kBytes) {
    const auto low = V::Load(query + i), high = V::Load(query + bytes + i);
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r) {
      const auto row = V::Load(rows[r] + i);
      sum[r] = V::AddProducts(V::AddProducts(sum[r], V::Low(row), low), V::High(row), high);
    }
  }
}

template <typename V>
int32_t Codes4One(const uint8_t* row, const int8_t* query, size_t bytes) {
  typename V::Vector sum;
  SumCodes4<V, 1>(&row, query, bytes, &sum);
  return V::Sum(sum);
}

template <typename V>
void Codes4Four(const uint8_t* const* rows, const int8_t* query, size_t bytes, int32_t* out) {
  typename V::Vector sum[4];
  SumCodes4<V, 4>(rows, query, bytes, sum);
  V::SumFour(sum, out);
}

template <typename V>
constexpr CodeKernels CodeTable() {
  using L2 = CodeL2<V>;
  using Ip = CodeIp<V>;
  return {
      .codes = {CodesOne<V>, CodesFour<V>},
      .codes_l2 = {PairOne<L2>, PairFour<L2>},
      .codes_ip = {PairOne<Ip>, PairFour<Ip>},
      .codes4 = {Codes4One<V>, Codes4Four<V>},
      .codes4_l2 = {PairOne<Halves<L2>>, PairFour<Halves<L2>>},
      .codes4_ip = {PairOne<Halves<Ip>>, PairFour<Halves<Ip>>},
  };
}

}  // namespace saker::index
