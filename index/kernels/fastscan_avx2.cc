// AVX2: a byte shuffle looks up 16 rows of two subspaces; even and odd bytes are summed apart in 16 bits.
#include <immintrin.h>

#include "index/kernels/fastscan.h"

namespace saker::index {
namespace {

// Entries of 255: 256 of them a lane stay below 2^16.
constexpr size_t kGroupsPerFlush = 128;

struct Sums {
  __m256i even, odd;
  void Clear() { even = odd = _mm256_setzero_si256(); }
  void Add(__m256i entries) {
    even = _mm256_add_epi16(even, entries);
    odd = _mm256_add_epi16(odd, _mm256_srli_epi16(entries, 8));
  }
  // The two lanes together, rows in order: [0] rows 0 to 7, [1] rows 8 to 15.
  void Take(__m256i* out) const {
    const __m256i pure = _mm256_sub_epi16(even, _mm256_slli_epi16(odd, 8));
    const __m256i low = _mm256_unpacklo_epi16(pure, odd), high = _mm256_unpackhi_epi16(pure, odd);
    out[0] = _mm256_add_epi32(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(low)), _mm256_cvtepu16_epi32(_mm256_extracti128_si256(low, 1)));
    out[1] =
        _mm256_add_epi32(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(high)), _mm256_cvtepu16_epi32(_mm256_extracti128_si256(high, 1)));
  }
};

inline void BlockSums(const uint8_t* codes, const uint8_t* tables, size_t groups, __m256i* out) {
  const __m256i mask = _mm256_set1_epi8(15);
  for (int i = 0; i < 4; ++i) out[i] = _mm256_setzero_si256();
  for (size_t begin = 0; begin < groups; begin += kGroupsPerFlush) {
    const size_t end = groups - begin < kGroupsPerFlush ? groups : begin + kGroupsPerFlush;
    Sums low, high;
    low.Clear();
    high.Clear();
    for (size_t half = begin * 2; half < end * 2; ++half) {
      const __m256i code = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + half * 32));
      const __m256i table = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(tables + half * 32));
      low.Add(_mm256_shuffle_epi8(table, _mm256_and_si256(code, mask)));
      high.Add(_mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(code, 4), mask)));
    }
    __m256i part[4];
    low.Take(part);
    high.Take(part + 2);
    for (int i = 0; i < 4; ++i) out[i] = _mm256_add_epi32(out[i], part[i]);
  }
}

size_t Scan(const FastScanList& list, float limit, float* keys, uint32_t* rows) {
  const __m256 step = _mm256_set1_ps(list.step), bound = _mm256_set1_ps(limit);
  const __m256 offset = _mm256_set1_ps(list.offset), base = _mm256_set1_ps(list.base);
  size_t found = 0;
  for (size_t first = 0; first < list.rows; first += kFastScanRows) {
    __m256i sums[4];
    BlockSums(list.codes + first * list.groups * 2, list.tables, list.groups, sums);
    alignas(32) float block[kFastScanRows];
    uint32_t passed = 0;
    for (size_t i = 0; i < 4; ++i) {
      __m256 key = _mm256_fmadd_ps(step, _mm256_cvtepi32_ps(sums[i]), offset);
      __m256 shift = base;
      if (list.add != nullptr) shift = _mm256_add_ps(base, _mm256_loadu_ps(list.add + first + i * 8));
      key = list.multiply != nullptr ? _mm256_fmadd_ps(key, _mm256_loadu_ps(list.multiply + first + i * 8), shift)
                                     : _mm256_add_ps(key, shift);
      _mm256_store_ps(block + i * 8, key);
      passed |= static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(key, bound, _CMP_LE_OQ))) << (i * 8);
    }
    if (list.rows - first < kFastScanRows) passed &= (1u << (list.rows - first)) - 1;
    for (; passed != 0; passed &= passed - 1) {
      const auto i = static_cast<uint32_t>(__builtin_ctz(passed));
      keys[found] = block[i];
      rows[found++] = static_cast<uint32_t>(first) + i;
    }
  }
  return found;
}

template <bool kMin>
inline float Extreme(__m256 a, __m256 b) {
  const __m256 eight = kMin ? _mm256_min_ps(a, b) : _mm256_max_ps(a, b);
  const __m128 low = _mm256_castps256_ps128(eight), high = _mm256_extractf128_ps(eight, 1);
  const __m128 four = kMin ? _mm_min_ps(low, high) : _mm_max_ps(low, high);
  const __m128 swapped = _mm_movehl_ps(four, four);
  const __m128 two = kMin ? _mm_min_ps(four, swapped) : _mm_max_ps(four, swapped);
  const __m128 other = _mm_shuffle_ps(two, two, 1);
  return _mm_cvtss_f32(kMin ? _mm_min_ss(two, other) : _mm_max_ss(two, other));
}

void Tables(const float* query, const float* codebook, size_t subspaces, size_t sub_dim, float* floats, uint8_t* tables, float* step,
            float* offset) {
  float widest = 0, lowest = 0;
  for (size_t s = 0; s < subspaces; ++s) {
    __m256 a = _mm256_setzero_ps(), b = a;
    for (size_t d = s * sub_dim; d < (s + 1) * sub_dim; ++d) {
      const __m256 q = _mm256_set1_ps(query[d]);
      a = _mm256_fmadd_ps(q, _mm256_loadu_ps(codebook + d * 16), a);
      b = _mm256_fmadd_ps(q, _mm256_loadu_ps(codebook + d * 16 + 8), b);
    }
    const float low = Extreme<true>(a, b), range = Extreme<false>(a, b) - low;
    lowest += low;
    if (range > widest) widest = range;
    _mm256_storeu_ps(floats + s * 16, _mm256_sub_ps(a, _mm256_set1_ps(low)));
    _mm256_storeu_ps(floats + s * 16 + 8, _mm256_sub_ps(b, _mm256_set1_ps(low)));
  }
  const bool usable = widest > 1e-30f && widest < 1e30f && lowest > -1e30f && lowest < 1e30f;
  const __m256 inverse = _mm256_set1_ps(usable ? 255.0f / widest : 0), half = _mm256_set1_ps(0.5f), top = _mm256_set1_ps(255.0f);
  for (size_t s = 0; s < FastScanGroups(subspaces) * 4; ++s) {
    __m128i bytes = _mm_setzero_si128();
    if (usable && s < subspaces) {
      const __m256 a = _mm256_min_ps(_mm256_fmadd_ps(_mm256_loadu_ps(floats + s * 16), inverse, half), top);
      const __m256 b = _mm256_min_ps(_mm256_fmadd_ps(_mm256_loadu_ps(floats + s * 16 + 8), inverse, half), top);
      const __m256i wide = _mm256_packus_epi32(_mm256_cvttps_epi32(a), _mm256_cvttps_epi32(b));
      const __m256i ordered = _mm256_permute4x64_epi64(wide, 0xd8);
      bytes = _mm_packus_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1));
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(tables + s * 16), bytes);
  }
  *step = usable ? widest / 255.0f : 0;
  *offset = usable ? lowest : 0;
}

uint32_t SmallestSum(const float* a, const float* b, size_t n) {
  size_t i = 0, best = 0;
  float smallest = a[0] + b[0];
  if (n >= 16) {
    __m256 least = _mm256_set1_ps(smallest);
    __m256i place = _mm256_setzero_si256(), at = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (; i + 8 <= n; i += 8) {
      const __m256 sum = _mm256_add_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
      const __m256 less = _mm256_cmp_ps(sum, least, _CMP_LT_OQ);
      least = _mm256_blendv_ps(least, sum, less);
      place = _mm256_blendv_epi8(place, at, _mm256_castps_si256(less));
      at = _mm256_add_epi32(at, _mm256_set1_epi32(8));
    }
    alignas(32) float leasts[8];
    alignas(32) int32_t places[8];
    _mm256_store_ps(leasts, least);
    _mm256_store_si256(reinterpret_cast<__m256i*>(places), place);
    for (size_t lane = 0; lane < 8; ++lane) {
      const auto candidate = static_cast<size_t>(places[lane]);
      if (leasts[lane] < smallest || (leasts[lane] == smallest && candidate < best)) {
        smallest = leasts[lane];
        best = candidate;
      }
    }
  }
  for (; i < n; ++i) {
    const float sum = a[i] + b[i];
    if (!(sum < smallest)) continue;
    smallest = sum;
    best = i;
  }
  return static_cast<uint32_t>(best);
}

}  // namespace

const FastScanKernels kAvx2FastScan = {"avx2", FastScanLayout::kLanes, Scan, Tables, SmallestSum};

}  // namespace saker::index
