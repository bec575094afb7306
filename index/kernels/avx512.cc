// Floats with AVX-512 (F, BW, DQ, VL), tails by mask.
#include <immintrin.h>

#include "index/kernels/float_kernels.h"
#include "index/kernels/parts.h"
#include "index/kernels/x86_sums.h"

namespace saker::index {
namespace {

inline __mmask16 Mask16(size_t n) {
  return static_cast<__mmask16>((1u << n) - 1);
}

struct Floats {
  using Vector = __m512;
  static constexpr size_t kLanes = 16;
  static Vector Zero() { return _mm512_setzero_ps(); }
  static Vector Add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static float Sum(Vector v) { return SumFloat(v); }
  static void SumFour(const Vector* v, float* out) { SumFourFloats(v, out); }
};
struct F32 : Floats {
  static const float* At(const void* p, size_t i) { return static_cast<const float*>(p) + i; }
  static Vector Load(const void* p, size_t i) { return _mm512_loadu_ps(At(p, i)); }
  static Vector Tail(const void* p, size_t i, size_t n) { return _mm512_maskz_loadu_ps(Mask16(n), At(p, i)); }
};
struct F16 : Floats {
  static const uint16_t* At(const void* p, size_t i) { return static_cast<const uint16_t*>(p) + i; }
  static Vector Load(const void* p, size_t i) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(At(p, i)))); }
  static Vector Tail(const void* p, size_t i, size_t n) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(Mask16(n), At(p, i))); }
};
// The even and the odd elements of 32: the upper half of a float is a bf16, so each takes one instruction.
struct Bf16 : Floats {
  static constexpr size_t kLanes = 32;
  struct Pair {
    __m512 even, odd;
  };
  static Pair Split(__m512i v) {
    const __m512i odd = _mm512_and_si512(v, _mm512_set1_epi32(static_cast<int>(0xffff0000u)));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(v, 16)), _mm512_castsi512_ps(odd)};
  }
  static Pair Load(const void* p, size_t i) { return Split(_mm512_loadu_si512(F16::At(p, i))); }
  static Pair Tail(const void* p, size_t i, size_t n) {
    return Split(_mm512_maskz_loadu_epi16(static_cast<__mmask32>((uint64_t{1} << n) - 1), F16::At(p, i)));
  }
};

template <typename Op>
struct Pairwise {
  static __m512 Add(__m512 sum, Bf16::Pair a, Bf16::Pair b) { return Op::Add(Op::Add(sum, a.even, b.even), a.odd, b.odd); }
};
struct L2 {
  static __m512 Add(__m512 sum, __m512 a, __m512 b) {
    const __m512 difference = _mm512_sub_ps(a, b);
    return _mm512_fmadd_ps(difference, difference, sum);
  }
};
struct Ip {
  static __m512 Add(__m512 sum, __m512 a, __m512 b) { return _mm512_fmadd_ps(a, b, sum); }
};

void F16ToF32(const uint16_t* in, float* out, size_t n) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) _mm512_storeu_ps(out + i, F16::Load(in, i));
  if (i < n) _mm512_mask_storeu_ps(out + i, Mask16(n - i), F16::Tail(in, i, n - i));
}

void Bf16ToF32(const uint16_t* in, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) {  // the compiler makes vectors of it
    const uint32_t bits = static_cast<uint32_t>(in[i]) << 16;
    __builtin_memcpy(out + i, &bits, sizeof bits);
  }
}

}  // namespace

constinit const FloatKernels kAvx512Floats = {
    .l2_f32 = FloatKernel<F32, L2, 4>(),
    .l2_f16 = FloatKernel<F16, L2, 4>(),
    .l2_bf16 = FloatKernel<Bf16, Pairwise<L2>, 4>(),
    .ip_f32 = FloatKernel<F32, Ip, 4>(),
    .ip_f16 = FloatKernel<F16, Ip, 4>(),
    .ip_bf16 = FloatKernel<Bf16, Pairwise<Ip>, 4>(),
    .f16_to_f32 = F16ToF32,
    .bf16_to_f32 = Bf16ToF32,
};

}  // namespace saker::index
