// Inner products of fp16 rows with ARM's widening multiply-add (FHM; Graviton 3 and later): products are exact, sums are floats.
#include <arm_neon.h>

#include "index/kernels/float_kernels.h"
#include "index/kernels/neon_sums.h"
#include "index/kernels/parts.h"

namespace saker::index {
namespace {

struct F16 : NeonFloats {
  static constexpr size_t kLanes = 8;
  static const uint16_t* At(const void* p, size_t i) { return static_cast<const uint16_t*>(p) + i; }
  static float16x8_t Load(const void* p, size_t i) { return vreinterpretq_f16_u16(vld1q_u16(At(p, i))); }
  static float16x8_t Tail(const void* p, size_t i, size_t n) {
    return vreinterpretq_f16_u16(ZeroFilled<uint16x8_t>(At(p, i), n * sizeof(uint16_t)));
  }
};
struct Ip {
  static float32x4_t Add(float32x4_t sum, float16x8_t a, float16x8_t b) { return vfmlalq_high_f16(vfmlalq_low_f16(sum, a, b), a, b); }
};

}  // namespace

constinit const DistanceKernel kFhmIp = FloatKernel<F16, Ip, 4>();

}  // namespace saker::index
