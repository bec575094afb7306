// AVX2. Products of 7-bit codes add up in pairs within 16 bits: 2 * 127 * 127 < 2^15.
#include <immintrin.h>

#include "index/kernels/node_codes.h"

namespace saker::index {
namespace {

constexpr size_t kAhead = 8;  // rows prefetched before they are scored

inline void Prefetch(const uint8_t* row, size_t stride) {
  for (size_t line = 0; line < stride && line < 24 * 64; line += 64) _mm_prefetch(reinterpret_cast<const char*>(row + line), _MM_HINT_T0);
}

inline __m256i Load(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

// The sums of four registers of 32-bit lanes.
inline __m128i Sum4(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i s = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
  return _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
}

struct L2Step {
  static __m256i Products(__m256i row, __m256i query) {
    const __m256i difference = _mm256_abs_epi8(_mm256_sub_epi8(row, query));
    return _mm256_maddubs_epi16(difference, difference);
  }
};
struct IpStep {
  static __m256i Products(__m256i row, __m256i query) { return _mm256_maddubs_epi16(row, query); }
};

template <typename Step, int N>
inline __m128i ScoreRows(const uint8_t* const* rows, const void* query, size_t stride) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum[4];
  for (int r = 0; r < 4; ++r) sum[r] = _mm256_setzero_si256();
  for (size_t i = 0; i < stride; i += 32) {
    const __m256i q = Load(static_cast<const uint8_t*>(query) + i);
    for (int r = 0; r < N; ++r) sum[r] = _mm256_add_epi32(sum[r], _mm256_madd_epi16(Step::Products(Load(rows[r] + i), q), ones));
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
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i low[N], high[N];
  for (int a = 0; a < N; ++a) low[a] = high[a] = _mm256_setzero_si256();
  for (size_t i = 0; i < stride; i += 4) {
    const __m256i b0 = Load(block + i * 16), b1 = Load(block + i * 16 + 32);
    for (int a = 0; a < N; ++a) {
      int four;
      __builtin_memcpy(&four, a_rows + static_cast<size_t>(a) * stride + i, 4);
      const __m256i x = _mm256_set1_epi32(four);
      low[a] = _mm256_add_epi32(low[a], _mm256_madd_epi16(_mm256_maddubs_epi16(b0, x), ones));
      high[a] = _mm256_add_epi32(high[a], _mm256_madd_epi16(_mm256_maddubs_epi16(b1, x), ones));
    }
  }
  for (int a = 0; a < N; ++a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(dots + a * 16), low[a]);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(dots + a * 16 + 8), high[a]);
  }
}

void Dots(const uint8_t* a_rows, size_t a_count, const uint8_t* block, size_t stride, uint32_t* dots) {
  size_t a = 0;
  for (; a + 4 <= a_count; a += 4) DotsTile<4>(a_rows + a * stride, block, stride, dots + a * 16);
  for (; a < a_count; ++a) DotsTile<1>(a_rows + a * stride, block, stride, dots + a * 16);
}

size_t Below(const uint32_t* keys, size_t count, uint32_t limit, uint32_t* places) {
  size_t n = 0, i = 0;
  const __m256i flip = _mm256_set1_epi32(static_cast<int>(0x80000000u));
  const __m256i bound = _mm256_xor_si256(_mm256_set1_epi32(static_cast<int>(limit)), flip);
  for (; i + 8 <= count; i += 8) {
    const __m256i less = _mm256_cmpgt_epi32(bound, _mm256_xor_si256(Load(keys + i), flip));
    for (auto mask = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(less))); mask != 0; mask &= mask - 1) {
      places[n++] = static_cast<uint32_t>(i) + static_cast<uint32_t>(__builtin_ctz(mask));
    }
  }
  for (; i < count; ++i) {
    if (keys[i] < limit) places[n++] = static_cast<uint32_t>(i);
  }
  return n;
}

}  // namespace

const NodeCodeKernels kAvx2NodeCodes = {"avx2", L2, Ip, Dots, Below};

}  // namespace saker::index
