// Sums across the lanes of vectors, for the x86 files of this folder. Each function is compiled anew in each file (static), for
// the instruction set of that file.
#pragma once

#include <immintrin.h>

namespace saker::index {

#if defined(__AVX2__)
// All lanes of one vector.
static inline int SumInt(__m256i v) {
  const __m128i half = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  const __m128i pair = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(pair, _mm_shuffle_epi32(pair, 0xb1)));
}

// Lane r: all lanes of v[r].
static inline __m128i SumFour(const __m256i* v) {
  const __m256i sum = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
  return _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
}
#endif

#if defined(__AVX512F__)
static inline __m256i Halved(__m512i v) {
  return _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
}

static inline int SumInt(__m512i v) {
  return SumInt(Halved(v));
}

static inline __m128i SumFour(const __m512i* v) {
  const __m512i first = _mm512_add_epi32(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
  const __m512i second = _mm512_add_epi32(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
  const __m256i sum = Halved(_mm512_add_epi32(_mm512_unpacklo_epi64(first, second), _mm512_unpackhi_epi64(first, second)));
  return _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
}
#endif

}  // namespace saker::index
