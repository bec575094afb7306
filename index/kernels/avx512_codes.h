// 7-bit codes with AVX-512, given how products are summed: Isa::Add(sum, codes, other). One file includes this with VNNI,
// one without; Isa is of an unnamed namespace there, so nothing compiled for VNNI is shared with the other.
#pragma once

#include <immintrin.h>

#include "index/kernels/parts.h"
#include "index/kernels/x86_sums.h"

namespace saker::index::avx512 {

#if defined(__AVX512BW__)
static inline __m512i Load(const void* p) {
  return _mm512_loadu_si512(p);
}

template <typename Isa, int N>
inline void SumProducts(const uint8_t* const* rows, const int8_t* high, const int8_t* low, size_t bytes, __m512i* sum_high,
                        __m512i* sum_low) {
  for (int r = 0; r < N; ++r) sum_high[r] = sum_low[r] = _mm512_setzero_si512();
  for (size_t i = 0; i < bytes; i += 64) {
    const __m512i h = Load(high + i), l = Load(low + i);
    for (int r = 0; r < N; ++r) {
      const __m512i row = Load(rows[r] + i);
      sum_high[r] = Isa::Add(sum_high[r], row, h);
      sum_low[r] = Isa::Add(sum_low[r], row, l);
    }
  }
}

template <typename Isa>
float CodesOne(const uint8_t* row, const int8_t* high, const int8_t* low, size_t bytes) {
  __m512i sum_high, sum_low;
  SumProducts<Isa, 1>(&row, high, low, bytes, &sum_high, &sum_low);
  return 128.0f * static_cast<float>(SumInt(sum_high)) + static_cast<float>(SumInt(sum_low));
}

template <typename Isa>
void CodesFour(const uint8_t* const* rows, const int8_t* high, const int8_t* low, size_t bytes, float* out) {
  __m512i sum_high[4], sum_low[4];
  SumProducts<Isa, 4>(rows, high, low, bytes, sum_high, sum_low);
  const __m128 h = _mm_cvtepi32_ps(SumFour(sum_high)), l = _mm_cvtepi32_ps(SumFour(sum_low));
  _mm_storeu_ps(out, _mm_add_ps(_mm_mul_ps(h, _mm_set1_ps(128.0f)), l));
}

template <typename Isa>
struct L2 {
  static __m512i Add(__m512i sum, __m512i a, __m512i b) {
    const __m512i difference = _mm512_abs_epi8(_mm512_sub_epi8(a, b));
    return Isa::Add(sum, difference, difference);
  }
};
template <typename Isa>
using Ip = Isa;

template <typename Op>
uint32_t One(const uint8_t* query, const uint8_t* row, size_t bytes) {
  __m512i even = _mm512_setzero_si512(), odd = even;
  size_t i = 0;
  for (; i + 128 <= bytes; i += 128) {
    even = Op::Add(even, Load(query + i), Load(row + i));
    odd = Op::Add(odd, Load(query + i + 64), Load(row + i + 64));
  }
  if (i < bytes) even = Op::Add(even, Load(query + i), Load(row + i));
  return static_cast<uint32_t>(SumInt(_mm512_add_epi32(even, odd)));
}

template <typename Op>
void Four(const uint8_t* query, const uint8_t* const* rows, size_t bytes, uint32_t* out) {
  __m512i sum[4];
  for (auto& s : sum) s = _mm512_setzero_si512();
  for (size_t i = 0; i < bytes; i += 64) {
    const __m512i q = Load(query + i);
    for (int r = 0; r < 4; ++r) sum[r] = Op::Add(sum[r], q, Load(rows[r] + i));
  }
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), SumFour(sum));
}
#endif

}  // namespace saker::index::avx512
