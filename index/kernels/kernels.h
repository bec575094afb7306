// The distance kernels: one table of functions per instruction set, chosen once per process.
//
// A kernel reads `dim` elements of its type at any alignment and never past them. `four` scores four rows against one
// query and gives bit for bit what `one` gives for each of them, so that equal vectors have equal scores wherever they
// stand. Float results differ between instruction sets by rounding only; integer results are the same. int8 sums are
// exact up to 32,768 dimensions. Thread-safe: tables are constants. This folder depends on nothing and builds alone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace saker::index {

struct DistanceKernel {
  float (*one)(const void* query, const void* row, size_t dim);
  void (*four)(const void* query, const void* const* rows, size_t dim, float* out);
};

// Inner products of 7-bit codes (0..127) with a query in two halves, its value being 128 * high + low, each -127..127.
// `bytes` is a multiple of 64. The sums are exact in 32 bits; one float at the end.
struct CodeKernel {
  float (*one)(const uint8_t* row, const int8_t* high, const int8_t* low, size_t bytes);
  void (*four)(const uint8_t* const* rows, const int8_t* high, const int8_t* low, size_t bytes, float* out);
};

// Two rows of 7-bit codes (0..127) against each other; `bytes` as above, up to 32,768. Exact.
struct CodePairKernel {
  uint32_t (*one)(const uint8_t* query, const uint8_t* row, size_t bytes);
  void (*four)(const uint8_t* query, const uint8_t* const* rows, size_t bytes, uint32_t* out);
};

struct Kernels {
  const char* isa;
  DistanceKernel l2_f32, l2_f16, l2_bf16, l2_i8;  // squared
  DistanceKernel ip_f32, ip_f16, ip_bf16, ip_i8;
  uint32_t (*hamming)(const uint8_t* a, const uint8_t* b, size_t bytes);  // differing bits
  // Bits set in both and bits set in either.
  void (*jaccard)(const uint8_t* a, const uint8_t* b, size_t bytes, uint32_t* both, uint32_t* either);
  const CodeKernel& codes;
  const CodePairKernel& codes_l2;  // sums of squared differences
  const CodePairKernel& codes_ip;
  void (*f16_to_f32)(const uint16_t* in, float* out, size_t n);
  void (*bf16_to_f32)(const uint16_t* in, float* out, size_t n);
};

extern const Kernels kScalarKernels;  // the definition of correct
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;          // AVX2, FMA, F16C
extern const Kernels kAvx512Kernels;        // AVX-512 F, BW, DQ, VL
extern const Kernels kAvx512PopcntKernels;  // the same with VPOPCNTDQ and VNNI
#endif

// The best table that this machine runs; SAKER_ISA=scalar|avx2|avx512|avx512-vpopcnt forces one (embed/'s names above
// avx512 limit nothing here). A value that is
// unknown or that the machine cannot run ends the process with a sentence: a forced choice must not be ignored.
const Kernels& BestKernels();

// The table of that name, or null and in `*problem` why not.
const Kernels* FindKernels(const char* isa, const char** problem);

// Every table of this build, the names of those that this machine cannot run included: for tests.
struct KernelChoice {
  const Kernels* kernels;
  bool supported;
};
size_t AllKernels(KernelChoice out[8]);

}  // namespace saker::index
