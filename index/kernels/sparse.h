// Kernels of the sparse index: unpack a block of rows, add its bounds into a frame of sums, look the sums through.
//
// A block holds 1 to 128 rows of one frame of 65,536. Its gaps less one are packed low bits first at `width` bits (0..16),
// the first being 0, in groups of eight: group g is the `width` bytes at g * width. 16 bytes behind the last group must be
// readable. All instruction sets give the same integers; the choice is kernels.h's. Thread-safe: tables are constants.
#pragma once

#include <cstddef>
#include <cstdint>

namespace saker::index {

struct SparseKernels {
  const char* isa;
  // rows[i] for i < count; up to 7 entries behind them are overwritten too.
  void (*unpack)(const uint8_t* packed, uint32_t width, uint32_t first, uint32_t count, uint16_t* rows);
  // sums[row of i] += table[codes[i]] for i < count.
  void (*add)(const uint8_t* packed, uint32_t width, uint32_t first, uint32_t count, const uint8_t* codes, const uint16_t* table,
              uint16_t* sums);
  // Places i < n (a multiple of 64) with sums[i] >= least and, if `allowed` is not null, bit i of it set; returns how many.
  // `places` has room for n.
  size_t (*select)(const uint16_t* sums, size_t n, const uint64_t* allowed, uint16_t least, uint16_t* places);
  // The largest of each 64 sums whose bit is set (all, when null); 0 where none is.
  void (*maxima)(const uint16_t* sums, size_t n, const uint64_t* allowed, uint16_t* out);
  // table[i] = 1 + the integer part of bounds[i] * factor, 256 of them; the products are 0 to 65,534.
  void (*make_table)(const float* bounds, float factor, uint16_t* table);
};

extern const SparseKernels kScalarSparseKernels;  // the definition of correct
#if defined(__x86_64__)
extern const SparseKernels kAvx2SparseKernels;
extern const SparseKernels kAvx512SparseKernels;
#endif

// Of the same instruction set as BestKernels().
const SparseKernels& BestSparseKernels();

}  // namespace saker::index
