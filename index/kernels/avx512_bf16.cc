// Inner products of bf16 rows by AVX-512 BF16. Its products are exact and its sums are floats, so that nothing is lost but
// denormals, which it takes for zero; differences would not survive it, so L2 widens (avx512.cc).
#include <immintrin.h>

#include "index/kernels/float_kernels.h"
#include "index/kernels/parts.h"
#include "index/kernels/x86_sums.h"

namespace saker::index {
namespace {

struct Pairs {
  using Vector = __m512;
  static constexpr size_t kLanes = 32;
  static const uint16_t* At(const void* p, size_t i) { return static_cast<const uint16_t*>(p) + i; }
  static __m512i Load(const void* p, size_t i) { return _mm512_loadu_si512(At(p, i)); }
  static __m512i Tail(const void* p, size_t i, size_t n) {
    return _mm512_maskz_loadu_epi16(static_cast<__mmask32>((uint64_t{1} << n) - 1), At(p, i));
  }
  static Vector Zero() { return _mm512_setzero_ps(); }
  static Vector Add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static float Sum(Vector v) { return SumFloat(v); }
  static void SumFour(const Vector* v, float* out) { SumFourFloats(v, out); }
};
struct Ip {
  static __m512 Add(__m512 sum, __m512i a, __m512i b) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }
};

}  // namespace

constinit const DistanceKernel kBf16Ip = FloatKernel<Pairs, Ip, 4>();

}  // namespace saker::index
