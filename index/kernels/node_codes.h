// Kernels over rows of 7-bit codes (0..127) that lie `stride` bytes apart, stride a multiple of 64: what a walk through a
// graph and the building of one spend their time in.
//
// Keys are integers, smaller is nearer, exact and the same on every instruction set. Whole neighbour lists are scored by one
// call, the next rows prefetched meanwhile (kernels.h scores four at a time and leaves prefetching to the caller). The
// folder's rules hold: no allocation, any alignment, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace saker::index {

struct NodeCodeKernels {
  const char* isa;
  // keys[i] = sum over bytes of (row - query)^2, row at base + rows[i] * stride; at most 127^2 * stride.
  void (*l2)(const uint8_t* base, size_t stride, const uint32_t* rows, size_t count, const uint8_t* query, uint32_t* keys);
  // keys[i] = bias - sum over bytes of row * query, query -127..127; the caller's bias keeps it from going below 0.
  void (*ip)(const uint8_t* base, size_t stride, const uint32_t* rows, size_t count, const int8_t* query, uint32_t bias, uint32_t* keys);
  // dots[a * 16 + b] = sum over bytes of a-th row (contiguous, `stride` apart) * b-th row of a block made by PackBlock.
  void (*dots)(const uint8_t* a_rows, size_t a_count, const uint8_t* block, size_t stride, uint32_t* dots);
  // Of keys[0..count): writes the places of those below `limit`, ascending, to `places`; returns how many.
  size_t (*below)(const uint32_t* keys, size_t count, uint32_t limit, uint32_t* places);
};

extern const NodeCodeKernels kScalarNodeCodes;
#if defined(__x86_64__)
extern const NodeCodeKernels kAvx2NodeCodes;
extern const NodeCodeKernels kVnniNodeCodes;  // AVX-512 F, BW, DQ, VL, VNNI
#endif

// The table that goes with BestKernels(): chosen once, SAKER_ISA obeyed.
const NodeCodeKernels& BestNodeCodes();

// 16 rows of `stride` bytes as `dots` wants them: for every 4 bytes of a row, those of all 16 rows side by side. Missing rows
// (count < 16) are zero. `out` has 16 * stride bytes.
void PackBlock(const uint8_t* const* rows, size_t count, size_t stride, uint8_t* out);

}  // namespace saker::index
