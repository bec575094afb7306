// What a search of pages does with bytes and tables: bytes widened to floats, tables of distances to 256 entries made and cut to
// 16 bits. One table of functions per instruction set, as in kernels.h; all give the same bits, products are not fused.
// Thread-safe: tables are constants.
#pragma once

#include <cstddef>
#include <cstdint>

namespace saker::index {

struct PageCodeKernels {
  const char* isa;
  // out[i] = in[i] + lowest
  void (*widen)(const uint8_t* in, size_t n, float lowest, float* out);
  // out[e] += (own - entries[e])^2, and out[e] -= own * entries[e]; `n` is a multiple of 16.
  void (*add_squares)(float own, const float* entries, size_t n, float* out);
  void (*subtract_products)(float own, const float* entries, size_t n, float* out);
  // Brings what is no number of at most kPageCodeLimit there, and finds the least and the largest; `n` is a multiple of 16.
  void (*limit)(float* values, size_t n, float* least, float* largest);
  // out[i] = (in[i] - least) * scale to the nearest; the caller keeps that within 0 to 65535.
  void (*cut)(const float* in, size_t n, float least, float scale, uint16_t* out);
  // The sum over parts of table[256 * part + code[part]]; at most 65,536 parts.
  uint32_t (*sum)(const uint8_t* code, const uint16_t* table, size_t parts);
};

constexpr float kPageCodeLimit = 1e37f;

extern const PageCodeKernels kScalarPageCodes;
#if defined(__x86_64__)
extern const PageCodeKernels kAvx2PageCodes, kAvx512PageCodes;
#endif

// The best for this machine, as SAKER_ISA allows.
const PageCodeKernels& BestPageCodes();
// Every table that this machine runs: for tests.
size_t AllPageCodes(const PageCodeKernels* out[3]);

}  // namespace saker::index
