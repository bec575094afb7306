#include "index/kernels/fastscan.h"

#include <cstring>

#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

#if defined(__x86_64__)
bool Supported(const char* isa) {
  KernelChoice all[8];
  const size_t count = AllKernels(all);
  for (size_t i = 0; i < count; ++i) {
    if (std::strcmp(all[i].kernels->isa, isa) == 0) return all[i].supported;
  }
  return false;
}
bool HasVbmi() {
  return Supported("avx512-vpopcnt") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
}
#endif

const FastScanKernels& Choose() {
#if defined(__x86_64__)
  const char* isa = BestKernels().isa;
  if (std::strcmp(isa, "scalar") == 0) return kScalarFastScan;
  // Every table above plain AVX-512 is for machines that can do all of it.
  if (std::strcmp(isa, "avx2") != 0 && std::strcmp(isa, "avx512") != 0 && HasVbmi()) return kAvx512FastScan;
  if (Supported("avx2")) return kAvx2FastScan;
#endif
  return kScalarFastScan;
}

}  // namespace

const FastScanKernels& BestFastScan() {
  static const FastScanKernels& best = Choose();
  return best;
}

size_t AllFastScan(const FastScanKernels* out[4]) {
  size_t count = 0;
  out[count++] = &kScalarFastScan;
#if defined(__x86_64__)
  if (Supported("avx2")) out[count++] = &kAvx2FastScan;
  if (HasVbmi()) out[count++] = &kAvx512FastScan;
#endif
  return count;
}

}  // namespace saker::index
