#include "index/kernels/page_codes.h"

#include <cstring>

#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

const PageCodeKernels& Choose() {
#if defined(__x86_64__)
  const char* isa = BestKernels().isa;
  if (std::strcmp(isa, "scalar") == 0) return kScalarPageCodes;
  return std::strcmp(isa, "avx2") == 0 ? kAvx2PageCodes : kAvx512PageCodes;
#else
  return kScalarPageCodes;
#endif
}

}  // namespace

const PageCodeKernels& BestPageCodes() {
  static const PageCodeKernels& best = Choose();
  return best;
}

size_t AllPageCodes(const PageCodeKernels* out[3]) {
  size_t count = 0;
  out[count++] = &kScalarPageCodes;
#if defined(__x86_64__)
  const char* problem = nullptr;
  if (FindKernels("avx2", &problem) != nullptr) out[count++] = &kAvx2PageCodes;
  if (FindKernels("avx512", &problem) != nullptr) out[count++] = &kAvx512PageCodes;
#endif
  return count;
}

}  // namespace saker::index
