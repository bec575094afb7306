// AVX2: products of bytes are added in pairs of 16 bits, so codes have 7 bits; half a tile and four queries at a time.
#include <immintrin.h>

#include "index/kernels/sieve.h"

namespace saker::index {
namespace {

constexpr float kTop = 127;
constexpr float kLeastRange = 1e-30f;

// Eight floats from `row`, `low` where there are none left.
inline __m256 Load(const float* row, size_t left, float low) {
  if (left >= 8) return _mm256_loadu_ps(row);
  alignas(32) float out[8];
  for (size_t i = 0; i < 8; ++i) out[i] = i < left ? row[i] : low;
  return _mm256_load_ps(out);
}

inline float Sum(__m256 x) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}

SieveTerms Code(const float* row, size_t dim, size_t r, uint8_t* tile) {
  __m256 lows = _mm256_set1_ps(row[0]), highs = lows;
  for (size_t d = 0; d < dim; d += 8) {
    const __m256 x = Load(row + d, dim - d, row[0]);
    lows = _mm256_min_ps(lows, x);
    highs = _mm256_max_ps(highs, x);
  }
  alignas(32) float smallest[8], largest[8];
  _mm256_store_ps(smallest, lows);
  _mm256_store_ps(largest, highs);
  float low = smallest[0], high = largest[0];
  for (size_t i = 1; i < 8; ++i) {
    if (smallest[i] < low) low = smallest[i];
    if (largest[i] > high) high = largest[i];
  }
  const float range = high - low;
  const bool flat = !(range > kLeastRange);
  const float scale = flat ? 0 : range / kTop;
  const __m256 inverse = _mm256_set1_ps(flat ? 0 : kTop / range), lowest = _mm256_set1_ps(low), step = _mm256_set1_ps(scale);
  const __m256 half = _mm256_set1_ps(0.5f), top = _mm256_set1_ps(kTop);
  __m256 squared = _mm256_setzero_ps(), error = squared;
  for (size_t d = 0; d < dim; d += 8) {
    const __m256 x = Load(row + d, dim - d, low);
    const __m256 place = _mm256_min_ps(_mm256_fmadd_ps(_mm256_sub_ps(x, lowest), inverse, half), top);
    const __m256i code = _mm256_cvttps_epi32(place);
    const __m256 left = _mm256_sub_ps(x, _mm256_fmadd_ps(step, _mm256_cvtepi32_ps(code), lowest));
    error = _mm256_fmadd_ps(left, left, error);
    const __m256 counted = Load(row + d, dim - d, 0);
    squared = _mm256_fmadd_ps(counted, counted, squared);
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(code), _mm256_extracti128_si256(code, 1));
    const __m128i bytes = _mm_packus_epi16(words, words);
    uint8_t* const out = tile + d / 4 * 128 + r * 4;
    _mm_storeu_si32(out, bytes);
    if (dim - d > 4) _mm_storeu_si32(out + 128, _mm_shuffle_epi32(bytes, 1));
  }
  return {low, scale, Sum(squared), Sum(error)};
}

// N queries against half a tile: rows [half * 16, half * 16 + 16).
template <size_t N>
inline void SiftHalf(const SieveRows& rows, size_t tile, size_t half, const SieveQueries& queries, size_t q, uint32_t* masks) {
  const size_t bytes = rows.groups * 4;
  const uint8_t* codes = rows.codes + tile * rows.groups * 128 + half * 64;
  const int8_t* k = queries.codes + q * bytes;
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sums[N][2];
  for (size_t i = 0; i < N; ++i) sums[i][0] = sums[i][1] = _mm256_setzero_si256();
  for (size_t at = 0; at < bytes; at += 4, codes += 128, k += 4) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + 32));
    for (size_t i = 0; i < N; ++i) {
      int32_t four;
      __builtin_memcpy(&four, k + i * bytes, 4);
      const __m256i query = _mm256_set1_epi32(four);
      sums[i][0] = _mm256_add_epi32(sums[i][0], _mm256_madd_epi16(_mm256_maddubs_epi16(a, query), ones));
      sums[i][1] = _mm256_add_epi32(sums[i][1], _mm256_madd_epi16(_mm256_maddubs_epi16(b, query), ones));
    }
  }
  for (size_t i = 0; i < N; ++i) {
    uint32_t passed = 0;
    for (size_t part = 0; part < 2; ++part) {
      const size_t row = tile * kSieveRows + half * 16 + part * 8;
      __m256 value = _mm256_mul_ps(_mm256_set1_ps(queries.sum[q + i]), _mm256_loadu_ps(rows.low + row));
      value = _mm256_fmadd_ps(_mm256_set1_ps(queries.slack[q + i]), _mm256_loadu_ps(rows.slack + row), value);
      value = _mm256_fnmadd_ps(_mm256_set1_ps(queries.less[q + i]), _mm256_loadu_ps(rows.less + row), value);
      value = _mm256_fmadd_ps(_mm256_loadu_ps(rows.scale + row), _mm256_cvtepi32_ps(sums[i][part]), value);
      const __m256 kept = _mm256_cmp_ps(value, _mm256_set1_ps(queries.limit[q + i]), _CMP_NLT_UQ);
      passed |= static_cast<uint32_t>(_mm256_movemask_ps(kept)) << (half * 16 + part * 8);
    }
    masks[(q + i) * rows.tiles + tile] |= passed;
  }
}

void Sift(const SieveRows& rows, const SieveQueries& queries, uint32_t* masks) {
  for (size_t i = 0; i < queries.count * rows.tiles; ++i) masks[i] = 0;
  for (size_t tile = 0; tile < rows.tiles; ++tile) {
    size_t q = 0;
    for (; q + 4 <= queries.count; q += 4) {
      for (size_t half = 0; half < 2; ++half) SiftHalf<4>(rows, tile, half, queries, q, masks);
    }
    for (; q < queries.count; ++q) {
      for (size_t half = 0; half < 2; ++half) SiftHalf<1>(rows, tile, half, queries, q, masks);
    }
  }
}

}  // namespace

const SieveKernels kAvx2Sieve = {"avx2", kTop, Code, Sift};

}  // namespace saker::index
