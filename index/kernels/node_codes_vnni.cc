// AVX-512 with VNNI: 64 products and their sums in one instruction.
#include <immintrin.h>

#include "index/kernels/node_codes.h"

namespace saker::index {
namespace {

constexpr size_t kAhead = 8;  // rows prefetched before they are scored

inline void Prefetch(const uint8_t* row, size_t stride) {
  for (size_t line = 0; line < stride && line < 24 * 64; line += 64) _mm_prefetch(reinterpret_cast<const char*>(row + line), _MM_HINT_T0);
}

// The sums of four registers of 32-bit lanes.
inline __m128i Sum4(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
  const __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

struct L2Step {
  static __m512i Add(__m512i sum, __m512i row, __m512i query) {
    const __m512i difference = _mm512_abs_epi8(_mm512_sub_epi8(row, query));
    return _mm512_dpbusd_epi32(sum, difference, difference);
  }
};
struct IpStep {
  static __m512i Add(__m512i sum, __m512i row, __m512i query) { return _mm512_dpbusd_epi32(sum, row, query); }
};

template <typename Step, int N>
inline __m128i ScoreRows(const uint8_t* const* rows, const void* query, size_t stride) {
  __m512i sum[4];
  for (int r = 0; r < 4; ++r) sum[r] = _mm512_setzero_si512();
  for (size_t i = 0; i < stride; i += 64) {
    const __m512i q = _mm512_loadu_si512(static_cast<const uint8_t*>(query) + i);
    for (int r = 0; r < N; ++r) sum[r] = Step::Add(sum[r], _mm512_loadu_si512(rows[r] + i), q);
  }
  return Sum4(sum[0], sum[1], sum[2], sum[3]);
}

// Four rows at a time, those after them on their way.
template <typename Step, typename Store>
inline void ScoreList(const uint8_t* base, size_t stride, const uint32_t* rows, size_t count, const void* query, Store store) {
  for (size_t i = 0; i < count && i < kAhead; ++i) Prefetch(base + rows[i] * stride, stride);
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (size_t j = i + kAhead; j < i + kAhead + 4 && j < count; ++j) Prefetch(base + rows[j] * stride, stride);
    const uint8_t* const addresses[4] = {base + rows[i] * stride, base + rows[i + 1] * stride, base + rows[i + 2] * stride,
                                         base + rows[i + 3] * stride};
    store(i, 4, ScoreRows<Step, 4>(addresses, query, stride));
  }
  for (; i < count; ++i) {
    const uint8_t* const address = base + rows[i] * stride;
    store(i, 1, ScoreRows<Step, 1>(&address, query, stride));
  }
}

inline void StoreKeys(uint32_t* keys, size_t n, __m128i value) {
  if (n == 4) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(keys), value);
  } else {
    *keys = static_cast<uint32_t>(_mm_cvtsi128_si32(value));
  }
}

void L2(const uint8_t* base, size_t stride, const uint32_t* rows, size_t count, const uint8_t* query, uint32_t* keys) {
  ScoreList<L2Step>(base, stride, rows, count, query, [&](size_t at, size_t n, __m128i sums) { StoreKeys(keys + at, n, sums); });
}

void Ip(const uint8_t* base, size_t stride, const uint32_t* rows, size_t count, const int8_t* query, uint32_t bias, uint32_t* keys) {
  const __m128i from = _mm_set1_epi32(static_cast<int>(bias));
  ScoreList<IpStep>(base, stride, rows, count, query,
                    [&](size_t at, size_t n, __m128i sums) { StoreKeys(keys + at, n, _mm_sub_epi32(from, sums)); });
}

template <int N>
inline void DotsTile(const uint8_t* a_rows, const uint8_t* block, size_t stride, uint32_t* dots) {
  __m512i sum[N];
  for (int a = 0; a < N; ++a) sum[a] = _mm512_setzero_si512();
  for (size_t i = 0; i < stride; i += 4) {
    const __m512i b = _mm512_loadu_si512(block + i * 16);
    for (int a = 0; a < N; ++a) {
      int four;
      __builtin_memcpy(&four, a_rows + static_cast<size_t>(a) * stride + i, 4);
      sum[a] = _mm512_dpbusd_epi32(sum[a], b, _mm512_set1_epi32(four));
    }
  }
  for (int a = 0; a < N; ++a) _mm512_storeu_si512(dots + a * 16, sum[a]);
}

void Dots(const uint8_t* a_rows, size_t a_count, const uint8_t* block, size_t stride, uint32_t* dots) {
  size_t a = 0;
  for (; a + 8 <= a_count; a += 8) DotsTile<8>(a_rows + a * stride, block, stride, dots + a * 16);
  for (; a < a_count; ++a) DotsTile<1>(a_rows + a * stride, block, stride, dots + a * 16);
}

size_t Below(const uint32_t* keys, size_t count, uint32_t limit, uint32_t* places) {
  const __m512i bound = _mm512_set1_epi32(static_cast<int>(limit));
  __m512i place = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  size_t n = 0;
  for (size_t i = 0; i < count; i += 16) {
    const auto present = static_cast<__mmask16>(count - i >= 16 ? 0xffff : (1u << (count - i)) - 1);
    const __mmask16 less = _mm512_mask_cmplt_epu32_mask(present, _mm512_maskz_loadu_epi32(present, keys + i), bound);
    // Through a register: storing compressed lanes straight to memory is microcode on some AMD cores.
    _mm512_mask_storeu_epi32(places + n, static_cast<__mmask16>((1u << __builtin_popcount(less)) - 1),
                             _mm512_maskz_compress_epi32(less, place));
    n += static_cast<size_t>(__builtin_popcount(less));
    place = _mm512_add_epi32(place, _mm512_set1_epi32(16));
  }
  return n;
}

}  // namespace

const NodeCodeKernels kVnniNodeCodes = {"avx512-vnni", L2, Ip, Dots, Below};

}  // namespace saker::index
