#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <cpuid.h>

#include "common/log.h"
#include "embed/kernels/kernels.h"

namespace saker::embed {
namespace {

bool HasAmxBf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d >> 22 & 1) != 0 && (d >> 24 & 1) != 0;
}

Isa CpuIsa() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Isa::kScalar;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq");
  if (!avx512) return Isa::kAvx2;
  if (!__builtin_cpu_supports("avx512bf16")) return Isa::kAvx512;
  return HasAmxBf16() ? Isa::kAmx : Isa::kAvx512Bf16;
}

Isa ReadBestIsa() {
  const Isa cpu = CpuIsa();
  const char* forced = std::getenv("SAKER_ISA");
  if (forced == nullptr || *forced == '\0') return cpu;
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16, Isa::kAmx}) {
    if (std::string_view(forced) == IsaName(isa)) return std::min(isa, cpu);
  }
  Log(kWarning, "SAKER_ISA is not a known level; ignored", {{"value", forced}, {"used", IsaName(cpu)}});
  return cpu;
}

}  // namespace

const char* IsaName(Isa isa) {
  constexpr const char* kNames[] = {"scalar", "avx2", "avx512", "avx512_bf16", "amx"};
  return kNames[static_cast<int>(isa)];
}

Isa BestIsa() {
  static const Isa isa = ReadBestIsa();
  return isa;
}

const Kernels& KernelsFor(Isa isa) {
  if (isa >= Isa::kAvx512Bf16) return kAvx512Bf16Kernels;
  if (isa == Isa::kAvx512) return kAvx512Kernels;
  return isa == Isa::kAvx2 ? kAvx2Kernels : kScalarKernels;
}

std::vector<const Kernels*> RunnableKernels() {
  std::vector<const Kernels*> tables = {&kScalarKernels};
  if (CpuIsa() >= Isa::kAvx2) tables.push_back(&kAvx2Kernels);
  if (CpuIsa() >= Isa::kAvx512) tables.push_back(&kAvx512Kernels);
  if (CpuIsa() >= Isa::kAvx512Bf16) tables.push_back(&kAvx512Bf16Kernels);
  return tables;
}

// Keys transposed (and, as bf16, values in pairs), and one block of query rows' scores; all padded to whole vectors.
size_t AttentionScratchFloats(size_t tokens, size_t head_dim) {
  constexpr size_t kMaxBlockRows = 8;
  const size_t padded = (tokens + 31) / 32 * 32;
  return padded * (head_dim + kMaxBlockRows + kMaxBlockRows / 2);
}

}  // namespace saker::embed
