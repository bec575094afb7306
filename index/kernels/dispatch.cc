// Puts the tables together and chooses one.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "index/kernels/parts.h"

namespace saker::index {
namespace {

constexpr size_t kTables = 5;

#if defined(__x86_64__)
bool HasAvx2() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool f16c = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
  return f16c && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
bool HasAvx512() {
  return HasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
bool HasVpopcnt() {
  return HasAvx512() && __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vnni");
}
bool HasBf16() {
  return HasVpopcnt() && __builtin_cpu_supports("avx512bf16");
}

// Zen 4 widens fp16 into 512 bits at half the speed of twice 256: 768 products take 30 ns instead of 18.
FloatKernels WideFloats() {
  FloatKernels floats = kAvx512Floats;
  if (SplitsWideVectors()) {
    floats.l2_f16 = kAvx2Floats.l2_f16;
    floats.ip_f16 = kAvx2Floats.ip_f16;
  }
  return floats;
}

FloatKernels WithBf16(FloatKernels floats) {
  floats.ip_bf16 = kBf16Ip;
  return floats;
}
#elif defined(__aarch64__)
// Bits of Linux' <asm/hwcap.h>, which older C libraries lack.
constexpr unsigned long kDotprod = 1ul << 20;  // ASIMDDP
constexpr unsigned long kFhm = 1ul << 23;      // ASIMDFHM

bool Has(unsigned long bits) {
  return (getauxval(AT_HWCAP) & bits) == bits;
}

FloatKernels WithFhm(FloatKernels floats) {
  floats.ip_f16 = kFhmIp;
  return floats;
}
#endif

struct Tables {
  Kernels kernels[kTables];
  bool supported[kTables];
};

const Tables& AllTables() {
  static const Tables tables = {
    {
        {kScalarFloats, kScalarInts, kScalarCodes, kScalarBits, "scalar"},
#if defined(__x86_64__)
        {kAvx2Floats, kAvx2Ints, kAvx2Codes, kAvx2Bits, "avx2"},
        {WideFloats(), kAvx512Ints, kAvx512Codes, kAvx512Bits, "avx512"},
        {WideFloats(), kVnniInts, kVnniCodes, kVpopcntBits, "avx512-vpopcnt"},
        {WithBf16(WideFloats()), kVnniInts, kVnniCodes, kVpopcntBits, "avx512_bf16"},
#elif defined(__aarch64__)
        {kNeonFloats, kNeonInts, kNeonCodes, kNeonBits, "neon"},
        {kNeonFloats, kDotprodInts, kDotprodCodes, kNeonBits, "neon-dotprod"},
        {WithFhm(kNeonFloats), kDotprodInts, kDotprodCodes, kNeonBits, "neon-fhm"},
#endif
    },
#if defined(__x86_64__)
    {true, HasAvx2(), HasAvx512(), HasVpopcnt(), HasBf16()},
#elif defined(__aarch64__)
    {true, true, Has(kDotprod), Has(kDotprod | kFhm)},
#else
    {true},
#endif
  };
  return tables;
}

const Kernels& Choose() {
  KernelChoice all[8];
  const size_t count = AllKernels(all);
  const char* forced = std::getenv("SAKER_ISA");
  const bool above = forced != nullptr && (std::strcmp(forced, "avx512_bf16") == 0 || std::strcmp(forced, "amx") == 0);
  if (forced != nullptr && *forced != '\0' && !above) {
    const char* problem = "";
    const Kernels* kernels = FindKernels(forced, &problem);
    if (kernels != nullptr) return *kernels;
    std::fprintf(stderr, "SAKER_ISA=%s: %s; choose one of:", forced, problem);
    for (size_t i = 0; i < count; ++i) {
      if (all[i].supported) std::fprintf(stderr, " %s", all[i].kernels->isa);
    }
    std::fprintf(stderr, "\n");
    std::exit(2);
  }
  size_t best = count - 1;
  while (!all[best].supported) --best;
  return *all[best].kernels;
}

}  // namespace

const Kernels& ScalarKernels() {
  return AllTables().kernels[0];
}

size_t AllKernels(KernelChoice out[8]) {
  const Tables& tables = AllTables();
  size_t count = 0;
  for (; count < kTables && tables.kernels[count].isa != nullptr; ++count) out[count] = {&tables.kernels[count], tables.supported[count]};
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

bool SplitsWideVectors() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return false;
  const unsigned family = ((a >> 8) & 15) + ((a >> 20) & 255);
  return __builtin_cpu_is("amd") && HasAvx512() && family == 0x19;
#else
  return false;
#endif
}

}  // namespace saker::index
