// The distance kernels: one table of functions per instruction set, chosen once per process.
//
// A kernel reads `dim` elements (or `bytes` bytes) of its type at any alignment and never past them. `four` scores four rows
// against one query and gives bit for bit what `one` gives for each of them, so that equal vectors have equal scores wherever
// they stand. Float results differ between instruction sets by rounding only; integer results are the same, and exact up to
// 32,768 dimensions. Thread-safe: tables are constants. This folder depends on nothing and builds alone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace saker::index {

struct DistanceKernel {
  float (*one)(const void* query, const void* row, size_t dim);
  void (*four)(const void* query, const void* const* rows, size_t dim, float* out);
};

struct FloatKernels {
  DistanceKernel l2_f32, l2_f16, l2_bf16;  // squared
  DistanceKernel ip_f32, ip_f16, ip_bf16;  // the table avx512_bf16 takes denormal bf16 (below 1.2e-38) for zero
  void (*f16_to_f32)(const uint16_t* in, float* out, size_t n);
  void (*bf16_to_f32)(const uint16_t* in, float* out, size_t n);
};

struct IntKernels {
  DistanceKernel l2_i8, l2_u8;
  DistanceKernel ip_i8, ip_u8;
};

// Inner products of 7-bit codes (0..127) with a query in two halves, its value being 128 * high + low, each -127..127.
// `bytes` is a multiple of 64. The sums are exact in 32 bits; one float at the end.
struct CodeKernel {
  float (*one)(const uint8_t* row, const int8_t* high, const int8_t* low, size_t bytes);
  void (*four)(const uint8_t* const* rows, const int8_t* high, const int8_t* low, size_t bytes, float* out);
};

// Two rows of codes against each other; `bytes` as above. Exact.
struct CodePairKernel {
  uint32_t (*one)(const uint8_t* query, const uint8_t* row, size_t bytes);
  void (*four)(const uint8_t* query, const uint8_t* const* rows, size_t bytes, uint32_t* out);
};

// Inner products of 4-bit codes with a query of one value -127..127 a dimension. Byte i of a row holds dimension i in its low
// half and dimension bytes + i in its high half; the query has 2 * bytes values, `bytes` is a multiple of 64.
struct Code4Kernel {
  int32_t (*one)(const uint8_t* row, const int8_t* query, size_t bytes);
  void (*four)(const uint8_t* const* rows, const int8_t* query, size_t bytes, int32_t* out);
};

struct CodeKernels {
  CodeKernel codes;
  CodePairKernel codes_l2, codes_ip;  // 7-bit; l2: sums of squared differences
  Code4Kernel codes4;
  CodePairKernel codes4_l2, codes4_ip;  // two rows of 4-bit codes
};

// Counts of bits. `block`: `count` rows that stand one after the other, for exact scans.
struct CountKernel {
  uint32_t (*one)(const uint8_t* query, const uint8_t* row, size_t bytes);
  void (*four)(const uint8_t* query, const uint8_t* const* rows, size_t bytes, uint32_t* out);
  void (*block)(const uint8_t* query, const uint8_t* rows, size_t count, size_t bytes, uint32_t* out);
};

// Inner products of 1-bit rows with a query of 4-bit values given as four planes of `bytes` bytes, the lowest bits first.
struct PlaneKernel {
  uint32_t (*one)(const uint8_t* row, const uint8_t* planes, size_t bytes);
  void (*four)(const uint8_t* const* rows, const uint8_t* planes, size_t bytes, uint32_t* out);
};

struct BitKernels {
  CountKernel hamming;  // differing bits
  CountKernel common;   // bits set in both; differing and common ones together are those set in either
  PlaneKernel planes;
};

struct Kernels : FloatKernels, IntKernels, CodeKernels, BitKernels {
  const char* isa;
};

const Kernels& ScalarKernels();  // the definition of correct

// The best table that this machine runs; SAKER_ISA forces one: scalar, avx2, avx512, avx512-vpopcnt (with VNNI), avx512_bf16
// (which embed/ knows too, as it does amx: neither limits anything here); on ARM scalar, neon, neon-dotprod, neon-fhm. A value
// that is unknown or that the machine cannot run ends the process with a sentence: a forced choice must not be ignored.
const Kernels& BestKernels();

// The table of that name, or null and in `*problem` why not.
const Kernels* FindKernels(const char* isa, const char** problem);

// Every table of this build, those that this machine cannot run included: for tests.
struct KernelChoice {
  const Kernels* kernels;
  bool supported;
};
size_t AllKernels(KernelChoice out[8]);

// Whether 512-bit instructions run as two halves here (AMD's Zen 4), so that the flags promise more than there is: what shuffles
// or looks up is then no faster, and in FAISS' and our measurements slower, than with 256 bits.
bool SplitsWideVectors();

}  // namespace saker::index
