// AVX-512 with VBMI and VNNI: one permute looks up four subspaces of 16 rows in a table of 64 bytes, one dot product with
// ones adds the four up in 32 bits. Seven operations for 128 look-ups where shuffles of 16 bytes need eleven, and no sums
// across lanes at the end. Two blocks at a time share the table's load and hide the sums' latency.
#include <immintrin.h>

#include "index/kernels/fastscan.h"

namespace saker::index {
namespace {

struct Sums {
  __m512i low, high;  // rows 0 to 15, rows 16 to 31
};

template <int N>
inline void BlockSums(const uint8_t* codes, size_t block_bytes, const uint8_t* tables, Sums* out) {
  const __m512i mask = _mm512_set1_epi8(15), places = _mm512_set1_epi32(0x30201000), ones = _mm512_set1_epi8(1);
  for (int b = 0; b < N; ++b) out[b].low = out[b].high = _mm512_setzero_si512();
  for (size_t at = 0; at < block_bytes; at += 64) {
    const __m512i table = _mm512_loadu_si512(tables + at);
    for (int b = 0; b < N; ++b) {
      const __m512i code = _mm512_loadu_si512(codes + static_cast<size_t>(b) * block_bytes + at);
      const __m512i low = _mm512_ternarylogic_epi32(code, mask, places, 0xea);  // (code & mask) | places
      const __m512i high = _mm512_ternarylogic_epi32(_mm512_srli_epi16(code, 4), mask, places, 0xea);
      out[b].low = _mm512_dpbusd_epi32(out[b].low, _mm512_permutexvar_epi8(low, table), ones);
      out[b].high = _mm512_dpbusd_epi32(out[b].high, _mm512_permutexvar_epi8(high, table), ones);
    }
  }
}

// What is the same for all the rows of a list.
struct Rule {
  explicit Rule(const FastScanList& list, float limit)
      : step(_mm512_set1_ps(list.step)),
        offset(_mm512_set1_ps(list.offset)),
        base(_mm512_set1_ps(list.base)),
        bound(_mm512_set1_ps(limit)),
        add(list.add),
        multiply(list.multiply) {}

  // Appends those of rows [first, first + 16) that pass; a compress into memory is microcode on some machines, so by register.
  size_t Keep(__m512i sums, size_t first, __mmask16 valid, float* keys, uint32_t* rows) const {
    __m512 key = _mm512_fmadd_ps(step, _mm512_cvtepi32_ps(sums), offset);
    const __m512 shift = add != nullptr ? _mm512_add_ps(base, _mm512_loadu_ps(add + first)) : base;
    key = multiply != nullptr ? _mm512_fmadd_ps(key, _mm512_loadu_ps(multiply + first), shift) : _mm512_add_ps(key, shift);
    const __mmask16 passed = _mm512_mask_cmp_ps_mask(valid, key, bound, _CMP_LE_OQ);
    if (passed == 0) return 0;
    const __m512i ids = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(first)),
                                         _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    _mm512_storeu_ps(keys, _mm512_maskz_compress_ps(passed, key));
    _mm512_storeu_si512(rows, _mm512_maskz_compress_epi32(passed, ids));
    return static_cast<size_t>(__builtin_popcount(passed));
  }

  __m512 step, offset, base, bound;
  const float* add;
  const float* multiply;
};

inline __mmask16 FirstRows(size_t n) {
  return static_cast<__mmask16>(n >= 16 ? 0xffffu : (1u << n) - 1);
}

template <int N>
inline size_t ScanBlocks(const FastScanList& list, const Rule& rule, size_t first, float* keys, uint32_t* rows) {
  Sums sums[N];
  BlockSums<N>(list.codes + first * list.groups * 2, list.groups * 64, list.tables, sums);
  size_t found = 0;
  for (size_t b = 0; b < N; ++b) {
    const size_t row = first + b * kFastScanRows, left = list.rows - row;
    found += rule.Keep(sums[b].low, row, FirstRows(left), keys + found, rows + found);
    found += rule.Keep(sums[b].high, row + 16, left > 16 ? FirstRows(left - 16) : __mmask16{0}, keys + found, rows + found);
  }
  return found;
}

size_t Scan(const FastScanList& list, float limit, float* keys, uint32_t* rows) {
  const Rule rule(list, limit);
  size_t found = 0, first = 0;
  for (; first + kFastScanRows < list.rows; first += 2 * kFastScanRows) {
    found += ScanBlocks<2>(list, rule, first, keys + found, rows + found);
  }
  if (first < list.rows) found += ScanBlocks<1>(list, rule, first, keys + found, rows + found);
  return found;
}

void Tables(const float* query, const float* codebook, size_t subspaces, size_t sub_dim, float* floats, uint8_t* tables, float* step,
            float* offset) {
  float widest = 0, lowest = 0;
  for (size_t s = 0; s < subspaces; ++s) {
    __m512 entries = _mm512_setzero_ps();
    for (size_t d = s * sub_dim; d < (s + 1) * sub_dim; ++d) {
      entries = _mm512_fmadd_ps(_mm512_set1_ps(query[d]), _mm512_loadu_ps(codebook + d * 16), entries);
    }
    const float low = _mm512_reduce_min_ps(entries), range = _mm512_reduce_max_ps(entries) - low;
    lowest += low;
    if (range > widest) widest = range;
    _mm512_storeu_ps(floats + s * 16, _mm512_sub_ps(entries, _mm512_set1_ps(low)));
  }
  const bool usable = widest > 1e-30f && widest < 1e30f && lowest > -1e30f && lowest < 1e30f;
  const __m512 inverse = _mm512_set1_ps(usable ? 255.0f / widest : 0), half = _mm512_set1_ps(0.5f), top = _mm512_set1_ps(255.0f);
  for (size_t s = 0; s < FastScanGroups(subspaces) * 4; ++s) {
    __m128i bytes = _mm_setzero_si128();
    if (usable && s < subspaces) {
      const __m512 value = _mm512_min_ps(_mm512_fmadd_ps(_mm512_loadu_ps(floats + s * 16), inverse, half), top);
      bytes = _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(value));
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(tables + s * 16), bytes);
  }
  *step = usable ? widest / 255.0f : 0;
  *offset = usable ? lowest : 0;
}

uint32_t SmallestSum(const float* a, const float* b, size_t n) {
  size_t i = 0, best = 0;
  float smallest = a[0] + b[0];
  if (n >= 32) {
    __m512 least = _mm512_set1_ps(smallest);
    __m512i place = _mm512_setzero_si512(), at = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (; i + 16 <= n; i += 16) {
      const __m512 sum = _mm512_add_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
      const __mmask16 less = _mm512_cmp_ps_mask(sum, least, _CMP_LT_OQ);
      least = _mm512_mask_mov_ps(least, less, sum);
      place = _mm512_mask_mov_epi32(place, less, at);
      at = _mm512_add_epi32(at, _mm512_set1_epi32(16));
    }
    alignas(64) float leasts[16];
    alignas(64) int32_t places[16];
    _mm512_store_ps(leasts, least);
    _mm512_store_si512(places, place);
    for (size_t lane = 0; lane < 16; ++lane) {
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

const FastScanKernels kAvx512FastScan = {"avx512-vbmi", FastScanLayout::kRows, Scan, Tables, SmallestSum};

}  // namespace saker::index
