#if defined(__x86_64__)
#include <immintrin.h>
#include <cstddef>
#include <cstdint>

#include "index/kernels/sparse.h"
#include "index/kernels/sparse_unpack_x86.h"

namespace saker::index {
namespace {

size_t Select(const uint16_t* sums, size_t n, const uint64_t* allowed, uint16_t least, uint16_t* places) {
  const __m512i bound = _mm512_set1_epi16(static_cast<short>(least));
  size_t found = 0;
  for (size_t i = 0; i < n; i += 64) {
    const uint64_t low = _mm512_cmpge_epu16_mask(_mm512_loadu_si512(sums + i), bound);
    const uint64_t high = _mm512_cmpge_epu16_mask(_mm512_loadu_si512(sums + i + 32), bound);
    uint64_t bits = low | high << 32;
    if (allowed != nullptr) bits &= allowed[i / 64];
    if (bits != 0) found = WritePlaces(bits, i, places, found);
  }
  return found;
}

void Maxima(const uint16_t* sums, size_t n, const uint64_t* allowed, uint16_t* out) {
  for (size_t i = 0; i < n; i += 64) {
    const uint64_t bits = allowed != nullptr ? allowed[i / 64] : ~uint64_t{0};
    const __m512i a = _mm512_maskz_loadu_epi16(static_cast<__mmask32>(bits), sums + i);
    const __m512i b = _mm512_maskz_loadu_epi16(static_cast<__mmask32>(bits >> 32), sums + i + 32);
    const __m512i both = _mm512_max_epu16(a, b);
    const __m256i sixteen = _mm256_max_epu16(_mm512_castsi512_si256(both), _mm512_extracti64x4_epi64(both, 1));
    const __m128i eight = _mm_max_epu16(_mm256_castsi256_si128(sixteen), _mm256_extracti128_si256(sixteen, 1));
    const __m128i smallest = _mm_minpos_epu16(_mm_xor_si128(eight, _mm_set1_epi16(-1)));
    out[i / 64] = static_cast<uint16_t>(~_mm_extract_epi16(smallest, 0));
  }
}

void MakeTable(const float* bounds, float factor, uint16_t* table) {
  const __m512 f = _mm512_set1_ps(factor);
  const __m512i one = _mm512_set1_epi32(1);
  for (size_t i = 0; i < 256; i += 16) {
    const __m512i x = _mm512_add_epi32(_mm512_cvttps_epi32(_mm512_mul_ps(_mm512_loadu_ps(bounds + i), f)), one);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(table + i), _mm512_cvtepi32_epi16(x));
  }
}

}  // namespace

const SparseKernels kAvx512SparseKernels = {"avx512", UnpackRows, AddRows, Select, Maxima, MakeTable};

}  // namespace saker::index
#endif
