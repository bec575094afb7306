// 8-bit elements and codes with AVX-512, given how products are summed: once with VNNI, once without. Dot::Bytes(sum, codes,
// values) and Dot::Words(sum, a, b), of an unnamed namespace.
#pragma once

#include <immintrin.h>

#include "index/kernels/code_kernels.h"
#include "index/kernels/int_kernels.h"
#include "index/kernels/x86_sums.h"

namespace saker::index {

#if defined(__AVX512BW__)
template <typename Dot>
struct WideVectors {
  using Vector = __m512i;
  static constexpr size_t kBytes = 64;
  static Vector Zero() { return _mm512_setzero_si512(); }
  static Vector Load(const void* p) { return _mm512_loadu_si512(p); }
  static int32_t Sum(Vector v) { return SumInt(v); }
  static void SumFour(const Vector* v, int32_t* out) { SumFourInts(v, out); }
};

template <typename Dot, bool kSigned>
struct WideInts : WideVectors<Dot> {
  using Vector = __m512i;
  static constexpr size_t kElements = 32;
  static Vector Widen(__m256i v) { return kSigned ? _mm512_cvtepi8_epi16(v) : _mm512_cvtepu8_epi16(v); }
  static Vector Load(const uint8_t* p) { return Widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static Vector Tail(const uint8_t* p, size_t n) {
    return Widen(_mm256_maskz_loadu_epi8(static_cast<__mmask32>((uint64_t{1} << n) - 1), p));
  }
  static Vector Difference(Vector a, Vector b) { return _mm512_sub_epi16(a, b); }
  static Vector AddProducts(Vector sum, Vector a, Vector b) { return Dot::Words(sum, a, b); }
};

template <typename Dot>
struct WideCodes : WideVectors<Dot> {
  using Vector = __m512i;
  static Vector Difference(Vector a, Vector b) { return _mm512_abs_epi8(_mm512_sub_epi8(a, b)); }
  static Vector AddProducts(Vector sum, Vector codes, Vector values) { return Dot::Bytes(sum, codes, values); }
  static Vector Low(Vector v) { return _mm512_and_si512(v, _mm512_set1_epi8(15)); }
  static Vector High(Vector v) { return Low(_mm512_srli_epi16(v, 4)); }
};

template <typename Dot>
constexpr IntKernels WideIntTable() {
  using Signed = WideInts<Dot, true>;
  using Unsigned = WideInts<Dot, false>;
  return {.l2_i8 = IntKernel<Signed, true>(),
          .l2_u8 = IntKernel<Unsigned, true>(),
          .ip_i8 = IntKernel<Signed, false>(),
          .ip_u8 = IntKernel<Unsigned, false>()};
}
#endif

}  // namespace saker::index
