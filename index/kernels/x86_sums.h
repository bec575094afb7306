// Sums across the lanes of vectors, for the x86 files of this folder. Each function is compiled anew in each file (static), for
// the instruction set of that file. One vector and four are added up in the same order, so that floats round alike.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace saker::index {

#if defined(__AVX2__)
// The first n bytes at p, zero beyond.
template <typename T>
static inline T ZeroFilled(const void* p, size_t n) {
  alignas(sizeof(T)) uint8_t buffer[sizeof(T)] = {};
  __builtin_memcpy(buffer, p, n);
  return *reinterpret_cast<const T*>(buffer);
}

static inline int32_t SumInt(__m256i v) {
  const __m128i half = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  const __m128i pair = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(pair, _mm_shuffle_epi32(pair, 0xb1)));
}

static inline void SumFourInts(const __m256i* v, void* out) {
  const __m256i sum = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
  _mm_storeu_si128(static_cast<__m128i*>(out), _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1)));
}

static inline float SumFloat(__m256 v) {
  const __m256 pairs = _mm256_hadd_ps(v, v), sum = _mm256_hadd_ps(pairs, pairs);
  return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1)));
}

static inline void SumFourFloats(const __m256* v, float* out) {
  const __m256 sum = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1)));
}
#endif

#if defined(__AVX512F__)
static inline __m256i Halved(__m512i v) {
  return _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
}
static inline __m256 Halved(__m512 v) {
  return _mm256_add_ps(_mm512_castps512_ps256(v), _mm256_castsi256_ps(_mm512_extracti64x4_epi64(_mm512_castps_si512(v), 1)));
}

static inline int32_t SumInt(__m512i v) {
  return SumInt(Halved(v));
}

static inline void SumFourInts(const __m512i* v, void* out) {
  const __m256i halves[4] = {Halved(v[0]), Halved(v[1]), Halved(v[2]), Halved(v[3])};
  SumFourInts(halves, out);
}

static inline float SumFloat(__m512 v) {
  return SumFloat(Halved(v));
}

static inline void SumFourFloats(const __m512* v, float* out) {
  const __m256 halves[4] = {Halved(v[0]), Halved(v[1]), Halved(v[2]), Halved(v[3])};
  SumFourFloats(halves, out);
}
#endif

}  // namespace saker::index
