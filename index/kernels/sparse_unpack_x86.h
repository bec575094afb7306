// Unpacking by byte shuffles, eight gaps at a time, shared by the x86 files: included by those only.
//
// A gap of up to 9 bits lies in two bytes whatever its first bit: a shuffle brings them into 16-bit lanes, a multiplication
// by a power of two moves the gap to bit 7. Wider ones go through 32-bit lanes and variable shifts.
#pragma once

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace {

struct UnpackTables {
  alignas(16) uint8_t narrow_bytes[10][16];
  alignas(16) uint16_t narrow_factors[10][8];
  alignas(32) uint8_t wide_bytes[17][32];
  alignas(32) uint32_t wide_shifts[17][8];
};

constexpr UnpackTables MakeUnpackTables() {
  UnpackTables t{};
  for (unsigned width = 0; width <= 16; ++width) {
    for (unsigned i = 0; i < 8; ++i) {
      const unsigned byte = i * width / 8, shift = i * width % 8;
      if (width < 10) {
        for (unsigned b = 0; b < 2; ++b) t.narrow_bytes[width][i * 2 + b] = static_cast<uint8_t>(byte + b);
        t.narrow_factors[width][i] = static_cast<uint16_t>(1u << (7 - shift));
      }
      // Bytes past 15 hold nothing of the gap: zero.
      for (unsigned b = 0; b < 4; ++b) t.wide_bytes[width][i * 4 + b] = static_cast<uint8_t>(byte + b < 16 ? byte + b : 0x80);
      t.wide_shifts[width][i] = shift;
    }
  }
  return t;
}

constexpr UnpackTables kUnpack = MakeUnpackTables();

// Eight gaps less one to eight rows: one more each, summed up, on top of the row before.
inline __m128i SumUp(__m128i gaps, __m128i* before) {
  gaps = _mm_add_epi16(gaps, _mm_set1_epi16(1));
  gaps = _mm_add_epi16(gaps, _mm_slli_si128(gaps, 2));
  gaps = _mm_add_epi16(gaps, _mm_slli_si128(gaps, 4));
  gaps = _mm_add_epi16(gaps, _mm_slli_si128(gaps, 8));
  const __m128i rows = _mm_add_epi16(gaps, *before);
  *before = _mm_shuffle_epi8(rows, _mm_set1_epi16(0x0f0e));
  return rows;
}

inline void UnpackRows(const uint8_t* packed, uint32_t width, uint32_t first, uint32_t count, uint16_t* rows) {
  __m128i before = _mm_set1_epi16(static_cast<short>(first - 1));
  if (width < 10) {
    const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(kUnpack.narrow_bytes[width]));
    const __m128i factors = _mm_load_si128(reinterpret_cast<const __m128i*>(kUnpack.narrow_factors[width]));
    const __m128i mask = _mm_set1_epi16(static_cast<short>((1u << width) - 1));
    for (uint32_t i = 0; i < count; i += 8, packed += width) {
      const __m128i in = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(packed)), bytes);
      const __m128i gaps = _mm_and_si128(_mm_srli_epi16(_mm_mullo_epi16(in, factors), 7), mask);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(rows + i), SumUp(gaps, &before));
    }
    return;
  }
  const __m256i bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(kUnpack.wide_bytes[width]));
  const __m256i shifts = _mm256_load_si256(reinterpret_cast<const __m256i*>(kUnpack.wide_shifts[width]));
  const __m256i mask = _mm256_set1_epi32(static_cast<int>((1u << width) - 1));
  for (uint32_t i = 0; i < count; i += 8, packed += width) {
    const __m256i twice = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(packed)));
    const __m256i gaps = _mm256_and_si256(_mm256_srlv_epi32(_mm256_shuffle_epi8(twice, bytes), shifts), mask);
    const __m128i narrow = _mm_packus_epi32(_mm256_castsi256_si128(gaps), _mm256_extracti128_si256(gaps, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(rows + i), SumUp(narrow, &before));
  }
}

inline void AddRows(const uint8_t* packed, uint32_t width, uint32_t first, uint32_t count, const uint8_t* codes, const uint16_t* table,
                    uint16_t* sums) {
  uint16_t rows[128];
  UnpackRows(packed, width, first, count, rows);
  uint32_t i = 0;
  // Rows of a block differ: four loads may go before four stores.
  for (; i + 4 <= count; i += 4) {
    const uint32_t a = sums[rows[i]] + table[codes[i]], b = sums[rows[i + 1]] + table[codes[i + 1]];
    const uint32_t c = sums[rows[i + 2]] + table[codes[i + 2]], d = sums[rows[i + 3]] + table[codes[i + 3]];
    sums[rows[i]] = static_cast<uint16_t>(a);
    sums[rows[i + 1]] = static_cast<uint16_t>(b);
    sums[rows[i + 2]] = static_cast<uint16_t>(c);
    sums[rows[i + 3]] = static_cast<uint16_t>(d);
  }
  for (; i < count; ++i) sums[rows[i]] = static_cast<uint16_t>(sums[rows[i]] + table[codes[i]]);
}

inline size_t WritePlaces(uint64_t bits, size_t base, uint16_t* places, size_t found) {
  for (; bits != 0; bits &= bits - 1) places[found++] = static_cast<uint16_t>(base + static_cast<size_t>(__builtin_ctzll(bits)));
  return found;
}

}  // namespace

#endif
