#if defined(__x86_64__)
#include <immintrin.h>
#include <cstddef>
#include <cstdint>

#include "index/kernels/sparse.h"
#include "index/kernels/sparse_unpack_x86.h"

namespace saker::index {
namespace {

__m256i Load(const uint16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

// One bit a sum.
uint32_t AtLeast32(const uint16_t* sums, __m256i least) {
  const __m256i a = Load(sums), b = Load(sums + 16);
  const __m256i x = _mm256_cmpeq_epi16(_mm256_max_epu16(a, least), a), y = _mm256_cmpeq_epi16(_mm256_max_epu16(b, least), b);
  return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_permute4x64_epi64(_mm256_packs_epi16(x, y), 0xd8)));
}

size_t Select(const uint16_t* sums, size_t n, const uint64_t* allowed, uint16_t least, uint16_t* places) {
  const __m256i bound = _mm256_set1_epi16(static_cast<short>(least));
  size_t found = 0;
  for (size_t i = 0; i < n; i += 64) {
    uint64_t bits = AtLeast32(sums + i, bound) | static_cast<uint64_t>(AtLeast32(sums + i + 32, bound)) << 32;
    if (allowed != nullptr) bits &= allowed[i / 64];
    if (bits != 0) found = WritePlaces(bits, i, places, found);
  }
  return found;
}

// Sixteen sums, those whose bit is 0 as 0.
__m256i Masked(const uint16_t* sums, uint64_t bits) {
  const __m256i each = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, -32768);
  const __m256i set = _mm256_and_si256(_mm256_set1_epi16(static_cast<short>(bits)), each);
  return _mm256_and_si256(Load(sums), _mm256_cmpeq_epi16(set, each));
}

void Maxima(const uint16_t* sums, size_t n, const uint64_t* allowed, uint16_t* out) {
  for (size_t i = 0; i < n; i += 64) {
    const uint64_t bits = allowed != nullptr ? allowed[i / 64] : ~uint64_t{0};
    const __m256i a = _mm256_max_epu16(Masked(sums + i, bits), Masked(sums + i + 16, bits >> 16));
    const __m256i b = _mm256_max_epu16(Masked(sums + i + 32, bits >> 32), Masked(sums + i + 48, bits >> 48));
    const __m256i both = _mm256_max_epu16(a, b);
    const __m128i eight = _mm_max_epu16(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    // The smallest of the complements is what the machine finds at once.
    const __m128i smallest = _mm_minpos_epu16(_mm_xor_si128(eight, _mm_set1_epi16(-1)));
    out[i / 64] = static_cast<uint16_t>(~_mm_extract_epi16(smallest, 0));
  }
}

void MakeTable(const float* bounds, float factor, uint16_t* table) {
  const __m256 f = _mm256_set1_ps(factor);
  const __m256i one = _mm256_set1_epi32(1);
  for (size_t i = 0; i < 256; i += 16) {
    const __m256i a = _mm256_add_epi32(_mm256_cvttps_epi32(_mm256_mul_ps(_mm256_loadu_ps(bounds + i), f)), one);
    const __m256i b = _mm256_add_epi32(_mm256_cvttps_epi32(_mm256_mul_ps(_mm256_loadu_ps(bounds + i + 8), f)), one);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(table + i), _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xd8));
  }
}

}  // namespace

const SparseKernels kAvx2SparseKernels = {"avx2", UnpackRows, AddRows, Select, Maxima, MakeTable};

}  // namespace saker::index
#endif
