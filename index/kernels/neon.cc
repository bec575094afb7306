// Floats with NEON as every 64-bit ARM has it.
#include <arm_neon.h>

#include "index/kernels/float_kernels.h"
#include "index/kernels/neon_sums.h"
#include "index/kernels/parts.h"

namespace saker::index {
namespace {

struct F32 : NeonFloats {
  static constexpr size_t kLanes = 4;
  static const float* At(const void* p, size_t i) { return static_cast<const float*>(p) + i; }
  static Vector Load(const void* p, size_t i) { return vld1q_f32(At(p, i)); }
  static Vector Tail(const void* p, size_t i, size_t n) { return ZeroFilled<Vector>(At(p, i), n * sizeof(float)); }
};
template <typename T>
struct Halves : NeonFloats {
  static constexpr size_t kLanes = 4;
  static const uint16_t* At(const void* p, size_t i) { return static_cast<const uint16_t*>(p) + i; }
  static Vector Load(const void* p, size_t i) { return T::Widen(vld1_u16(At(p, i))); }
  static Vector Tail(const void* p, size_t i, size_t n) { return T::Widen(ZeroFilled<uint16x4_t>(At(p, i), n * sizeof(uint16_t))); }
};
struct F16 : Halves<F16> {
  static Vector Widen(uint16x4_t half) { return vcvt_f32_f16(vreinterpret_f16_u16(half)); }
};
struct Bf16 : Halves<Bf16> {
  static Vector Widen(uint16x4_t half) { return vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(half), 16)); }
};

struct L2 {
  static float32x4_t Add(float32x4_t sum, float32x4_t a, float32x4_t b) {
    const float32x4_t difference = vsubq_f32(a, b);
    return vfmaq_f32(sum, difference, difference);
  }
};
struct Ip {
  static float32x4_t Add(float32x4_t sum, float32x4_t a, float32x4_t b) { return vfmaq_f32(sum, a, b); }
};

template <typename T>
void ToF32(const uint16_t* in, float* out, size_t n) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) vst1q_f32(out + i, T::Load(in, i));
  if (i == n) return;
  const float32x4_t tail = T::Tail(in, i, n - i);
  __builtin_memcpy(out + i, &tail, (n - i) * sizeof(float));
}

}  // namespace

constinit const FloatKernels kNeonFloats = {
    .l2_f32 = FloatKernel<F32, L2, 4>(),
    .l2_f16 = FloatKernel<F16, L2, 4>(),
    .l2_bf16 = FloatKernel<Bf16, L2, 4>(),
    .ip_f32 = FloatKernel<F32, Ip, 4>(),
    .ip_f16 = FloatKernel<F16, Ip, 4>(),
    .ip_bf16 = FloatKernel<Bf16, Ip, 4>(),
    .f16_to_f32 = ToF32<F16>,
    .bf16_to_f32 = ToF32<Bf16>,
};

}  // namespace saker::index
