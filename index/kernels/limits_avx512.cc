#include <immintrin.h>

#include "index/kernels/machine_limits.h"

namespace saker::index {
namespace {

constexpr int kChains = 12;

size_t Load(const void* buffer, size_t bytes) {
  const auto* p = static_cast<const char*>(buffer);
  for (size_t i = 0; i + 512 <= bytes; i += 512) {
#pragma GCC unroll 16
    for (size_t j = 0; j < 512; j += 64) {
      __m512i v = _mm512_loadu_si512(p + i + j);
      asm volatile("" : "+v"(v));
    }
  }
  return bytes / 512 * 512;
}

size_t Fma(size_t repeats) {
  __m512 sum[kChains], x = _mm512_set1_ps(0.5f);
#pragma GCC unroll 16
  for (auto& s : sum) s = x;
  for (size_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 16
    for (auto& s : sum) {
      s = _mm512_fmadd_ps(x, x, s);
      asm volatile("" : "+v"(s));
    }
  }
  return repeats * kChains * 16;
}

size_t Widen(size_t repeats) {
  __m256i x = _mm256_set1_epi16(0x3800);
  for (size_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) {
      __m512 v = _mm512_cvtph_ps(x);
      asm volatile("" : "+v"(v), "+v"(x));
    }
  }
  return repeats * kChains * 16;
}

template <__m512i (*Add)(__m512i, __m512i)>
size_t Repeat(size_t repeats) {
  __m512i sum[kChains], x = _mm512_set1_epi8(1);
#pragma GCC unroll 16
  for (auto& s : sum) s = x;
  for (size_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 16
    for (auto& s : sum) {
      asm volatile("" : "+v"(x));
      s = Add(s, x);
      asm volatile("" : "+v"(s));
    }
  }
  return repeats * kChains * 64;
}

inline __m512i AddDot(__m512i s, __m512i x) {
  return _mm512_add_epi32(s, _mm512_madd_epi16(_mm512_maddubs_epi16(x, x), _mm512_set1_epi16(1)));
}
inline __m512i AddVnni(__m512i s, __m512i x) {
  return _mm512_dpbusd_epi32(s, x, x);
}
inline __m512i AddCount(__m512i s, __m512i x) {
  const __m512i low = _mm512_set1_epi8(15);
  const __m512i first = _mm512_shuffle_epi8(low, _mm512_and_si512(x, low));
  const __m512i second = _mm512_shuffle_epi8(low, _mm512_and_si512(_mm512_srli_epi16(x, 4), low));
  return _mm512_add_epi64(s, _mm512_sad_epu8(_mm512_add_epi8(first, second), _mm512_setzero_si512()));
}
inline __m512i AddPopcnt(__m512i s, __m512i x) {
  return _mm512_add_epi64(s, _mm512_popcnt_epi64(x));
}

}  // namespace

constinit const MachineLimits kAvx512Limits = {"avx512", Load, Fma, Widen, Repeat<AddDot>, Repeat<AddCount>};
constinit const MachineLimits kVnniLimits = {"avx512-vpopcnt", Load, Fma, Widen, Repeat<AddVnni>, Repeat<AddPopcnt>};

}  // namespace saker::index
