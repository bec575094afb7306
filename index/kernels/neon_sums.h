// What the ARM files of this folder share: sums across lanes, in the same order for one vector and four.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__aarch64__)
#include <arm_neon.h>

namespace saker::index {

// The first n bytes at p, zero beyond.
template <typename T>
static inline T ZeroFilled(const void* p, size_t n) {
  T value = {};
  __builtin_memcpy(&value, p, n);
  return value;
}

struct NeonFloats {
  using Vector = float32x4_t;
  static inline Vector Zero() { return vdupq_n_f32(0); }
  static inline Vector Add(Vector a, Vector b) { return vaddq_f32(a, b); }
  static inline float Sum(Vector v) { return vgetq_lane_f32(vpaddq_f32(vpaddq_f32(v, v), vpaddq_f32(v, v)), 0); }
  static inline void SumFour(const Vector* v, float* out) { vst1q_f32(out, vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3]))); }
};

struct NeonInts {
  using Vector = int32x4_t;
  static constexpr size_t kBytes = 16;
  static inline Vector Zero() { return vdupq_n_s32(0); }
  static inline int32_t Sum(Vector v) { return vaddvq_s32(v); }
  static inline void SumFour(const Vector* v, int32_t* out) { vst1q_s32(out, vpaddq_s32(vpaddq_s32(v[0], v[1]), vpaddq_s32(v[2], v[3]))); }
};

// Codes of 7 bits are the same signed or not.
struct NeonCodes : NeonInts {
  static inline uint8x16_t Load(const void* p) { return vld1q_u8(static_cast<const uint8_t*>(p)); }
  static inline uint8x16_t Difference(uint8x16_t a, uint8x16_t b) { return vabdq_u8(a, b); }
  static inline uint8x16_t Low(uint8x16_t v) { return vandq_u8(v, vdupq_n_u8(15)); }
  static inline uint8x16_t High(uint8x16_t v) { return vshrq_n_u8(v, 4); }
};

}  // namespace saker::index
#endif
