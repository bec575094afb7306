// 8-bit elements, codes and bits with NEON as every 64-bit ARM has it.
#include <arm_neon.h>

#include "index/kernels/bit_kernels.h"
#include "index/kernels/code_kernels.h"
#include "index/kernels/int_kernels.h"
#include "index/kernels/neon_sums.h"
#include "index/kernels/parts.h"

namespace saker::index {
namespace {

template <bool kSigned>
struct Ints : NeonInts {
  static constexpr size_t kElements = 8;
  static int16x8_t Widen(uint8x8_t v) { return kSigned ? vmovl_s8(vreinterpret_s8_u8(v)) : vreinterpretq_s16_u16(vmovl_u8(v)); }
  static int16x8_t Load(const uint8_t* p) { return Widen(vld1_u8(p)); }
  static int16x8_t Tail(const uint8_t* p, size_t n) { return Widen(ZeroFilled<uint8x8_t>(p, n)); }
  static int16x8_t Difference(int16x8_t a, int16x8_t b) { return vsubq_s16(a, b); }
  static Vector AddProducts(Vector sum, int16x8_t a, int16x8_t b) {
    return vmlal_high_s16(vmlal_s16(sum, vget_low_s16(a), vget_low_s16(b)), a, b);
  }
};

struct Codes : NeonCodes {
  static Vector AddProducts(Vector sum, uint8x16_t codes, uint8x16_t values) {
    const int8x16_t a = vreinterpretq_s8_u8(codes), b = vreinterpretq_s8_u8(values);
    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    return vpadalq_s16(sum, vmull_high_s8(a, b));
  }
};

struct Bits {
  using Vector = uint32x4_t;
  static constexpr size_t kBytes = 16;
  static Vector Zero() { return vdupq_n_u32(0); }
  static uint8x16_t Load(const uint8_t* p) { return vld1q_u8(p); }
  static uint8x16_t Tail(const uint8_t* p, size_t n) { return ZeroFilled<uint8x16_t>(p, n); }
  static uint8x16_t Xor(uint8x16_t a, uint8x16_t b) { return veorq_u8(a, b); }
  static uint8x16_t And(uint8x16_t a, uint8x16_t b) { return vandq_u8(a, b); }
  static Vector AddBytes(Vector sum, uint8x16_t bytes) { return vpadalq_u16(sum, vpaddlq_u8(bytes)); }
  static Vector AddCount(Vector sum, uint8x16_t v) { return AddBytes(sum, vcntq_u8(v)); }
  static uint8x16_t Shared(uint8x16_t row, uint8x16_t plane) { return vcntq_u8(vandq_u8(row, plane)); }
  static Vector AddPlanes(Vector sum, uint8x16_t row, uint8x16_t p0, uint8x16_t p1, uint8x16_t p2, uint8x16_t p3) {
    const uint8x16_t low = vaddq_u8(Shared(row, p0), vshlq_n_u8(Shared(row, p1), 1));
    const uint8x16_t high = vaddq_u8(Shared(row, p2), vshlq_n_u8(Shared(row, p3), 1));
    return AddBytes(sum, vaddq_u8(low, vshlq_n_u8(high, 2)));  // at most 120 a byte
  }
  static uint32_t Sum(Vector v) { return vaddvq_u32(v); }
  static void SumFour(const Vector* v, uint32_t* out) { vst1q_u32(out, vpaddq_u32(vpaddq_u32(v[0], v[1]), vpaddq_u32(v[2], v[3]))); }
};

}  // namespace

constinit const IntKernels kNeonInts = {.l2_i8 = IntKernel<Ints<true>, true>(),
                                        .l2_u8 = IntKernel<Ints<false>, true>(),
                                        .ip_i8 = IntKernel<Ints<true>, false>(),
                                        .ip_u8 = IntKernel<Ints<false>, false>()};
constinit const CodeKernels kNeonCodes = CodeTable<Codes>();
constinit const BitKernels kNeonBits = BitTable<Bits>();

}  // namespace saker::index
