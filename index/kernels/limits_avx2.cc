#include <immintrin.h>

#include "index/kernels/machine_limits.h"

namespace saker::index {
namespace {

constexpr int kChains = 12;

size_t Load(const void* buffer, size_t bytes) {
  const auto* p = static_cast<const __m256i*>(buffer);
  for (size_t i = 0; i + 8 <= bytes / 32; i += 8) {
#pragma GCC unroll 16
    for (size_t j = 0; j < 8; ++j) {
      __m256i v = _mm256_loadu_si256(p + i + j);
      asm volatile("" : "+x"(v));
    }
  }
  return bytes / 256 * 256;
}

size_t Fma(size_t repeats) {
  __m256 sum[kChains], x = _mm256_set1_ps(0.5f);
#pragma GCC unroll 16
  for (auto& s : sum) s = x;
  for (size_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 16
    for (auto& s : sum) {
      s = _mm256_fmadd_ps(x, x, s);
      asm volatile("" : "+x"(s));
    }
  }
  return repeats * kChains * 8;
}

size_t Widen(size_t repeats) {
  __m128i x = _mm_set1_epi16(0x3800);
  for (size_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) {
      __m256 v = _mm256_cvtph_ps(x);
      asm volatile("" : "+x"(v), "+x"(x));
    }
  }
  return repeats * kChains * 8;
}

size_t Dot(size_t repeats) {
  __m256i sum[kChains], x = _mm256_set1_epi8(1);
#pragma GCC unroll 16
  for (auto& s : sum) s = x;
  for (size_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 16
    for (auto& s : sum) {
      asm volatile("" : "+x"(x));
      s = _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_maddubs_epi16(x, x), _mm256_set1_epi16(1)));
      asm volatile("" : "+x"(s));
    }
  }
  return repeats * kChains * 32;
}

size_t Count(size_t repeats) {
  const __m256i table = _mm256_set1_epi64x(0x0706050403020100), low = _mm256_set1_epi8(15);
  __m256i sum[8], x = table;
#pragma GCC unroll 16
  for (auto& s : sum) s = x;
  for (size_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 16
    for (auto& s : sum) {
      asm volatile("" : "+x"(x));
      const __m256i first = _mm256_shuffle_epi8(table, _mm256_and_si256(x, low));
      const __m256i second = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), low));
      s = _mm256_add_epi64(s, _mm256_sad_epu8(_mm256_add_epi8(first, second), _mm256_setzero_si256()));
      asm volatile("" : "+x"(s));
    }
  }
  return repeats * 8 * 32;
}

}  // namespace

constinit const MachineLimits kAvx2Limits = {"avx2", Load, Fma, Widen, Dot, Count};

}  // namespace saker::index
