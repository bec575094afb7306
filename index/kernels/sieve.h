// Kernels that sift rows for many queries at once: 8-bit codes, blocked integer products, one comparison a pair.
//
// A row is coded as low + scale * c, c in 0..`top`; a query as a step times k, k in -127..127. What passes is decided from
// the exact integer sum of c * k and numbers of the row and of the query; the caller chooses those so that whatever may be
// among the best passes (flat/batch_scan.h), and scores it exactly. One table of functions per instruction set, as in
// kernels.h; the scalar one is the definition of correct. Thread-safe: tables are constants.
#pragma once

#include <cstddef>
#include <cstdint>

namespace saker::index {

// Rows come in tiles of 32. In a tile dimension d of row r is byte d / 4 * 128 + r * 4 + d % 4.
constexpr size_t kSieveRows = 32;
constexpr size_t SieveGroups(size_t dim) {
  return (dim + 3) / 4;
}

// What one row's code says and loses: sums of squares are floats, each sum added in any order.
struct SieveTerms {
  float low, scale;
  float squared;  // of the row
  float error;    // squared length of what the code leaves out
};

struct SieveRows {
  const uint8_t* codes;
  size_t tiles, groups;
  const float *scale, *low, *slack, *less;  // one a row, whole tiles
};

struct SieveQueries {
  const int8_t* codes;  // groups * 4 bytes each
  size_t count;
  const float *sum, *slack, *less, *limit;  // one each; `sum` is of the k
};

struct SieveKernels {
  const char* isa;
  float top;  // 255, or 127 where products of bytes are added in 16 bits
  // Codes a row of `dim` floats as row `r` of a tile; the last group is filled up with zeros. Values that are not finite give
  // terms that are not.
  SieveTerms (*code)(const float* row, size_t dim, size_t r, uint8_t* tile);
  // masks[query * tiles + tile], bit r set unless
  //   row.scale * S + query.sum * row.low + query.slack * row.slack - query.less * row.less < query.limit
  // with S the sum of c * k; a NaN passes.
  void (*sift)(const SieveRows& rows, const SieveQueries& queries, uint32_t* masks);
};

extern const SieveKernels kScalarSieve;
#if defined(__x86_64__)
extern const SieveKernels kAvx2Sieve;
extern const SieveKernels kVnniSieve;  // AVX-512 F, BW, DQ, VL, VNNI
extern const SieveKernels kAmxSieve;   // the same and AMX INT8
#endif

// The table that goes with BestKernels(): SAKER_ISA is obeyed; "avx512" without VNNI takes the AVX2 one, AMX is
// taken where it is named or nothing is.
const SieveKernels& BestSieve();

// Every table of this build that this machine can run: for tests.
size_t AllSieves(const SieveKernels* out[4]);

}  // namespace saker::index
