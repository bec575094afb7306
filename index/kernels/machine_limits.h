// What the vectors of an instruction set can do at most on this machine, for kernels_bench: each function repeats one thing,
// independent of itself, and says how many bytes or operations that were.
#pragma once

#include <cstddef>

namespace saker::index {

struct MachineLimits {
  const char* isa;
  size_t (*load)(const void* buffer, size_t bytes);  // bytes loaded; the buffer stays in the first cache
  size_t (*fma)(size_t repeats);                     // floats multiplied and added
  size_t (*widen)(size_t repeats);                   // fp16 elements made floats
  size_t (*dot)(size_t repeats);                     // 8-bit products summed into 32 bits
  size_t (*count)(size_t repeats);                   // bytes whose bits are counted, without the sums across lanes
};

#if defined(__x86_64__)
extern const MachineLimits kAvx2Limits, kAvx512Limits, kVnniLimits;
#elif defined(__aarch64__)
extern const MachineLimits kNeonLimits, kDotprodLimits;
#endif

}  // namespace saker::index
