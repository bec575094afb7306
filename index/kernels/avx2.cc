// Floats with AVX2, FMA and F16C.
#include <immintrin.h>

#include "index/kernels/float_kernels.h"
#include "index/kernels/parts.h"
#include "index/kernels/x86_sums.h"

namespace saker::index {
namespace {

struct Floats {
  using Vector = __m256;
  static constexpr size_t kLanes = 8;
  static Vector Zero() { return _mm256_setzero_ps(); }
  static Vector Add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static float Sum(Vector v) { return SumFloat(v); }
  static void SumFour(const Vector* v, float* out) { SumFourFloats(v, out); }
};
struct F32 : Floats {
  static const float* At(const void* p, size_t i) { return static_cast<const float*>(p) + i; }
  static Vector Load(const void* p, size_t i) { return _mm256_loadu_ps(At(p, i)); }
  static Vector Tail(const void* p, size_t i, size_t n) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(At(p, i), _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lanes));
  }
};
struct F16 : Floats {
  static const uint16_t* At(const void* p, size_t i) { return static_cast<const uint16_t*>(p) + i; }
  static Vector Load(const void* p, size_t i) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(At(p, i)))); }
  static Vector Tail(const void* p, size_t i, size_t n) { return _mm256_cvtph_ps(ZeroFilled<__m128i>(At(p, i), n * sizeof(uint16_t))); }
};
// The even and the odd elements of 16: the upper half of a float is a bf16, so each takes one instruction.
struct Bf16 : Floats {
  static constexpr size_t kLanes = 16;
  struct Pair {
    __m256 even, odd;
  };
  static Pair Split(__m256i v) {
    const __m256i odd = _mm256_and_si256(v, _mm256_set1_epi32(static_cast<int>(0xffff0000u)));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(v, 16)), _mm256_castsi256_ps(odd)};
  }
  static Pair Load(const void* p, size_t i) { return Split(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(F16::At(p, i)))); }
  static Pair Tail(const void* p, size_t i, size_t n) { return Split(ZeroFilled<__m256i>(F16::At(p, i), n * sizeof(uint16_t))); }
};

template <typename Op>
struct Pairwise {
  static __m256 Add(__m256 sum, Bf16::Pair a, Bf16::Pair b) { return Op::Add(Op::Add(sum, a.even, b.even), a.odd, b.odd); }
};
struct L2 {
  static __m256 Add(__m256 sum, __m256 a, __m256 b) {
    const __m256 difference = _mm256_sub_ps(a, b);
    return _mm256_fmadd_ps(difference, difference, sum);
  }
};
struct Ip {
  static __m256 Add(__m256 sum, __m256 a, __m256 b) { return _mm256_fmadd_ps(a, b, sum); }
};

void F16ToF32(const uint16_t* in, float* out, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(out + i, F16::Load(in, i));
  if (i == n) return;
  const __m256 tail = F16::Tail(in, i, n - i);
  __builtin_memcpy(out + i, &tail, (n - i) * sizeof(float));
}

void Bf16ToF32(const uint16_t* in, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) {  // the compiler makes vectors of it
    const uint32_t bits = static_cast<uint32_t>(in[i]) << 16;
    __builtin_memcpy(out + i, &bits, sizeof bits);
  }
}

}  // namespace

constinit const FloatKernels kAvx2Floats = {
    // 16 registers hold two chains for each of four rows
    .l2_f32 = FloatKernel<F32, L2, 2>(),
    .l2_f16 = FloatKernel<F16, L2, 2>(),
    .l2_bf16 = FloatKernel<Bf16, Pairwise<L2>, 2>(),
    .ip_f32 = FloatKernel<F32, Ip, 2>(),
    .ip_f16 = FloatKernel<F16, Ip, 2>(),
    .ip_bf16 = FloatKernel<Bf16, Pairwise<Ip>, 2>(),
    .f16_to_f32 = F16ToF32,
    .bf16_to_f32 = Bf16ToF32,
};

}  // namespace saker::index
