#include <arm_neon.h>

#include "index/kernels/machine_limits.h"

namespace saker::index {
namespace {

constexpr int kChains = 12;

size_t Load(const void* buffer, size_t bytes) {
  const auto* p = static_cast<const uint8_t*>(buffer);
  for (size_t i = 0; i + 128 <= bytes; i += 128) {
#pragma GCC unroll 16
    for (size_t j = 0; j < 128; j += 16) {
      uint8x16_t v = vld1q_u8(p + i + j);
      asm volatile("" : "+w"(v));
    }
  }
  return bytes / 128 * 128;
}

size_t Fma(size_t repeats) {
  float32x4_t sum[kChains], x = vdupq_n_f32(0.5f);
#pragma GCC unroll 16
  for (auto& s : sum) s = x;
  for (size_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 16
    for (auto& s : sum) {
      s = vfmaq_f32(s, x, x);
      asm volatile("" : "+w"(s));
    }
  }
  return repeats * kChains * 4;
}

size_t Widen(size_t repeats) {
  uint16x4_t x = vdup_n_u16(0x3800);
  for (size_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) {
      float32x4_t v = vcvt_f32_f16(vreinterpret_f16_u16(x));
      asm volatile("" : "+w"(v), "+w"(x));
    }
  }
  return repeats * kChains * 4;
}

template <int32x4_t (*Add)(int32x4_t, int8x16_t)>
size_t Repeat(size_t repeats) {
  int32x4_t sum[kChains];
  int8x16_t x = vdupq_n_s8(1);
#pragma GCC unroll 16
  for (auto& s : sum) s = vdupq_n_s32(0);
  for (size_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 16
    for (auto& s : sum) {
      asm volatile("" : "+w"(x));
      s = Add(s, x);
      asm volatile("" : "+w"(s));
    }
  }
  return repeats * kChains * 16;
}

inline int32x4_t AddProducts(int32x4_t s, int8x16_t x) {
  return vpadalq_s16(vpadalq_s16(s, vmull_s8(vget_low_s8(x), vget_low_s8(x))), vmull_high_s8(x, x));
}
inline int32x4_t AddDot(int32x4_t s, int8x16_t x) {
  return vdotq_s32(s, x, x);
}
inline int32x4_t AddCount(int32x4_t s, int8x16_t x) {
  return vpadalq_s16(s, vpaddlq_s8(vcntq_s8(x)));
}

}  // namespace

constinit const MachineLimits kNeonLimits = {"neon", Load, Fma, Widen, Repeat<AddProducts>, Repeat<AddCount>};
constinit const MachineLimits kDotprodLimits = {"neon-dotprod", Load, Fma, Widen, Repeat<AddDot>, Repeat<AddCount>};

}  // namespace saker::index
