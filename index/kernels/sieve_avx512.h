// What the sieves of AVX-512 machines share. For files compiled for AVX-512 F, BW, DQ and VL only.
#pragma once

#include <immintrin.h>

#include "index/kernels/sieve.h"

namespace saker::index {

SieveTerms CodeWithAvx512(const float* row, size_t dim, size_t r, uint8_t* tile);

namespace {  // a file of its own instruction set has its own copy

// What the rows of half a tile bring to the comparison.
struct HalfTerms {
  HalfTerms(const SieveRows& rows, size_t row)
      : scale(_mm512_loadu_ps(rows.scale + row)),
        low(_mm512_loadu_ps(rows.low + row)),
        slack(_mm512_loadu_ps(rows.slack + row)),
        less(_mm512_loadu_ps(rows.less + row)) {}

  __mmask16 Passed(__m512i sums, const SieveQueries& queries, size_t q) const {
    __m512 value = _mm512_mul_ps(_mm512_set1_ps(queries.sum[q]), low);
    value = _mm512_fmadd_ps(_mm512_set1_ps(queries.slack[q]), slack, value);
    value = _mm512_fnmadd_ps(_mm512_set1_ps(queries.less[q]), less, value);
    value = _mm512_fmadd_ps(scale, _mm512_cvtepi32_ps(sums), value);
    return _mm512_cmp_ps_mask(value, _mm512_set1_ps(queries.limit[q]), _CMP_NLT_UQ);
  }

  __m512 scale, low, slack, less;
};

}  // namespace
}  // namespace saker::index
