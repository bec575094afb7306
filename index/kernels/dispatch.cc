#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

#if defined(__x86_64__)
bool HasF16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
bool HasAvx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && HasF16c();
}
bool HasAvx512() {
  return HasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
bool HasVpopcnt() {
  return HasAvx512() && __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vnni");
}
#endif

const Kernels& Choose() {
  const char* forced = std::getenv("SAKER_ISA");
  const bool above = forced != nullptr && (std::strcmp(forced, "avx512_bf16") == 0 || std::strcmp(forced, "amx") == 0);
  if (forced != nullptr && *forced != '\0' && !above) {
    const char* problem = "";
    const Kernels* kernels = FindKernels(forced, &problem);
    if (kernels != nullptr) return *kernels;
    std::fprintf(stderr, "SAKER_ISA=%s: %s; choose one of:", forced, problem);
    KernelChoice all[8];
    const size_t count = AllKernels(all);
    for (size_t i = 0; i < count; ++i) {
      if (all[i].supported) std::fprintf(stderr, " %s", all[i].kernels->isa);
    }
    std::fprintf(stderr, "\n");
    std::exit(2);
  }
  KernelChoice all[8];
  size_t best = AllKernels(all) - 1;
  while (!all[best].supported) --best;
  return *all[best].kernels;
}

}  // namespace

size_t AllKernels(KernelChoice out[8]) {
  size_t count = 0;
  out[count++] = {&kScalarKernels, true};
#if defined(__x86_64__)
  out[count++] = {&kAvx2Kernels, HasAvx2()};
  out[count++] = {&kAvx512Kernels, HasAvx512()};
  out[count++] = {&kAvx512PopcntKernels, HasVpopcnt()};
#endif
  return count;
}

const Kernels* FindKernels(const char* isa, const char** problem) {
  KernelChoice all[8];
  const size_t count = AllKernels(all);
  for (size_t i = 0; i < count; ++i) {
    if (std::strcmp(all[i].kernels->isa, isa) != 0) continue;
    if (all[i].supported) return all[i].kernels;
    *problem = "this machine does not have that instruction set";
    return nullptr;
  }
  *problem = "no such instruction set is known";
  return nullptr;
}

const Kernels& BestKernels() {
  static const Kernels& best = Choose();
  return best;
}

}  // namespace saker::index
