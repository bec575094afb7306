// AVX-512 with VNNI: a vector holds four dimensions of sixteen rows, a query's four bytes are broadcast from memory, and 20
// sums stay in registers for a whole tile: one instruction for 64 products, no sums across lanes at the end.
#include <immintrin.h>

#include "index/kernels/sieve_avx512.h"

namespace saker::index {
namespace {

constexpr float kTop = 255;
constexpr float kLeastRange = 1e-30f;

inline __mmask16 FirstLanes(size_t n) {
  return static_cast<__mmask16>(n >= 16 ? 0xffffu : (1u << n) - 1);
}

}  // namespace

SieveTerms CodeWithAvx512(const float* row, size_t dim, size_t r, uint8_t* tile) {
  __m512 lows = _mm512_set1_ps(row[0]), highs = lows;
  for (size_t d = 0; d < dim; d += 16) {
    const __mmask16 valid = FirstLanes(dim - d);
    const __m512 x = _mm512_maskz_loadu_ps(valid, row + d);
    lows = _mm512_mask_min_ps(lows, valid, lows, x);
    highs = _mm512_mask_max_ps(highs, valid, highs, x);
  }
  const float low = _mm512_reduce_min_ps(lows), range = _mm512_reduce_max_ps(highs) - low;
  const bool flat = !(range > kLeastRange);
  const float scale = flat ? 0 : range / kTop;
  const __m512 inverse = _mm512_set1_ps(flat ? 0 : kTop / range), lowest = _mm512_set1_ps(low), step = _mm512_set1_ps(scale);
  const __m512 half = _mm512_set1_ps(0.5f), top = _mm512_set1_ps(kTop);
  __m512 squared = _mm512_setzero_ps(), error = squared;
  const size_t groups = SieveGroups(dim);
  for (size_t d = 0; d < dim; d += 16) {
    const __mmask16 valid = FirstLanes(dim - d);
    const __m512 x = _mm512_maskz_loadu_ps(valid, row + d);
    const __m512 place = _mm512_min_ps(_mm512_fmadd_ps(_mm512_sub_ps(x, lowest), inverse, half), top);
    const __m512i code = _mm512_maskz_cvttps_epi32(valid, place);
    const __m512 left = _mm512_maskz_sub_ps(valid, x, _mm512_fmadd_ps(step, _mm512_cvtepi32_ps(code), lowest));
    squared = _mm512_fmadd_ps(x, x, squared);
    error = _mm512_fmadd_ps(left, left, error);
    const __m128i bytes = _mm512_cvtepi32_epi8(code);
    uint8_t* const out = tile + d / 4 * 128 + r * 4;
    const size_t left_groups = groups - d / 4;
    _mm_storeu_si32(out, bytes);
    if (left_groups > 1) _mm_storeu_si32(out + 128, _mm_shuffle_epi32(bytes, 1));
    if (left_groups > 2) _mm_storeu_si32(out + 256, _mm_shuffle_epi32(bytes, 2));
    if (left_groups > 3) _mm_storeu_si32(out + 384, _mm_shuffle_epi32(bytes, 3));
  }
  return {low, scale, _mm512_reduce_add_ps(squared), _mm512_reduce_add_ps(error)};
}

namespace {

// N queries against one tile.
template <size_t N>
inline void SiftTile(const SieveRows& rows, size_t tile, const SieveQueries& queries, size_t q, uint32_t* masks) {
  const size_t bytes = rows.groups * 4;
  const uint8_t* codes = rows.codes + tile * rows.groups * 128;
  const int8_t* k = queries.codes + q * bytes;
  __m512i first[N], second[N];
  for (size_t i = 0; i < N; ++i) first[i] = second[i] = _mm512_setzero_si512();
  for (size_t at = 0; at < bytes; at += 4, codes += 128, k += 4) {
    const __m512i a = _mm512_loadu_si512(codes), b = _mm512_loadu_si512(codes + 64);
#pragma GCC unroll 10
    for (size_t i = 0; i < N; ++i) {
      int32_t four;
      __builtin_memcpy(&four, k + i * bytes, 4);
      const __m512i query = _mm512_set1_epi32(four);
      first[i] = _mm512_dpbusd_epi32(first[i], a, query);
      second[i] = _mm512_dpbusd_epi32(second[i], b, query);
    }
  }
  const HalfTerms low(rows, tile * kSieveRows), high(rows, tile * kSieveRows + 16);
#pragma GCC unroll 10
  for (size_t i = 0; i < N; ++i) {
    const uint32_t upper = high.Passed(second[i], queries, q + i);
    masks[(q + i) * rows.tiles + tile] = low.Passed(first[i], queries, q + i) | upper << 16;
  }
}

void Sift(const SieveRows& rows, const SieveQueries& queries, uint32_t* masks) {
  for (size_t tile = 0; tile < rows.tiles; ++tile) {
    size_t q = 0;
    for (; q + 10 <= queries.count; q += 10) SiftTile<10>(rows, tile, queries, q, masks);
    for (; q + 4 <= queries.count; q += 4) SiftTile<4>(rows, tile, queries, q, masks);
    for (; q < queries.count; ++q) SiftTile<1>(rows, tile, queries, q, masks);
  }
}

}  // namespace

const SieveKernels kVnniSieve = {"avx512-vnni", kTop, CodeWithAvx512, Sift};

}  // namespace saker::index
