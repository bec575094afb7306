#include "index/kernels/sieve.h"

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

#if defined(__x86_64__)
bool Supported(const char* isa) {
  const char* problem = nullptr;
  return FindKernels(isa, &problem) != nullptr;
}

// The instructions, the kernel's care for their registers, and its leave for this process to use them (Linux 5.16).
bool AskForAmx() {
  constexpr unsigned kTile = 1u << 24, kInt8 = 1u << 25, kOsSaves = 1u << 27;  // CPUID 7 EDX, CPUID 1 ECX
  constexpr unsigned kTileState = 3u << 17;                                    // of XCR0
  constexpr long kRequestPermission = 0x1023, kTileData = 18;                  // arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!Supported("avx512-vpopcnt") || __get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kOsSaves) == 0) return false;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kTile) == 0 || (d & kInt8) == 0) return false;
  asm("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  return (a & kTileState) == kTileState && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
bool HasAmx() {
  static const bool has = AskForAmx();
  return has;
}
#endif

const SieveKernels& Choose() {
#if defined(__x86_64__)
  const char* isa = BestKernels().isa;
  if (std::strcmp(isa, "scalar") == 0) return kScalarSieve;
  // Every table above plain AVX-512 is for machines that have VNNI.
  if (std::strcmp(isa, "avx2") == 0 || std::strcmp(isa, "avx512") == 0) return kAvx2Sieve;
  const char* forced = std::getenv("SAKER_ISA");
  const bool below = forced != nullptr && *forced != '\0' && std::strcmp(forced, "amx") != 0;
  return !below && HasAmx() ? kAmxSieve : kVnniSieve;
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
  if (HasAmx()) out[count++] = &kAmxSieve;
#endif
  return count;
}

}  // namespace saker::index
