#include "index/kernels/sieve.h"

#include <cstring>

#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

#if defined(__x86_64__)
bool Supported(const char* isa) {
  const char* problem = nullptr;
  return FindKernels(isa, &problem) != nullptr;
}
#endif

const SieveKernels& Choose() {
#if defined(__x86_64__)
  const char* isa = BestKernels().isa;
  if (std::strcmp(isa, "scalar") == 0) return kScalarSieve;
  // Every table above plain AVX-512 is for machines that have VNNI.
  return std::strcmp(isa, "avx2") == 0 || std::strcmp(isa, "avx512") == 0 ? kAvx2Sieve : kVnniSieve;
#else
  return kScalarSieve;
#endif
}

}  // namespace

const SieveKernels& BestSieve() {
  static const SieveKernels& best = Choose();
  return best;
}

size_t AllSieves(const SieveKernels* out[4]) {
  size_t count = 0;
  out[count++] = &kScalarSieve;
#if defined(__x86_64__)
  if (Supported("avx2")) out[count++] = &kAvx2Sieve;
  if (Supported("avx512-vpopcnt")) out[count++] = &kVnniSieve;
#endif
  return count;
}

}  // namespace saker::index
