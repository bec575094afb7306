// 8-bit elements and codes with the dot product instructions of ARMv8.2 (Graviton 2, Jetson Orin and later).
#include <arm_neon.h>

#include "index/kernels/code_kernels.h"
#include "index/kernels/int_kernels.h"
#include "index/kernels/neon_sums.h"
#include "index/kernels/parts.h"

namespace saker::index {
namespace {

// Differences are taken without sign, 0 to 255, and squared as such.
struct Unsigned : NeonInts {
  static constexpr size_t kElements = 16;
  static uint8x16_t Load(const uint8_t* p) { return vld1q_u8(p); }
  static uint8x16_t Tail(const uint8_t* p, size_t n) { return ZeroFilled<uint8x16_t>(p, n); }
  static uint8x16_t Difference(uint8x16_t a, uint8x16_t b) { return vabdq_u8(a, b); }
  static Vector AddProducts(Vector sum, uint8x16_t a, uint8x16_t b) {
    return vreinterpretq_s32_u32(vdotq_u32(vreinterpretq_u32_s32(sum), a, b));
  }
};
struct Signed : Unsigned {
  static int8x16_t Load(const uint8_t* p) { return vreinterpretq_s8_u8(vld1q_u8(p)); }
  static int8x16_t Tail(const uint8_t* p, size_t n) { return vreinterpretq_s8_u8(ZeroFilled<uint8x16_t>(p, n)); }
  static uint8x16_t Difference(int8x16_t a, int8x16_t b) { return vreinterpretq_u8_s8(vabdq_s8(a, b)); }
  static Vector AddProducts(Vector sum, int8x16_t a, int8x16_t b) { return vdotq_s32(sum, a, b); }
  static Vector AddProducts(Vector sum, uint8x16_t a, uint8x16_t b) { return Unsigned::AddProducts(sum, a, b); }
};

struct Codes : NeonCodes {
  static Vector AddProducts(Vector sum, uint8x16_t codes, uint8x16_t values) {
    return vdotq_s32(sum, vreinterpretq_s8_u8(codes), vreinterpretq_s8_u8(values));
  }
};

}  // namespace

constinit const IntKernels kDotprodInts = {.l2_i8 = IntKernel<Signed, true>(),
                                           .l2_u8 = IntKernel<Unsigned, true>(),
                                           .ip_i8 = IntKernel<Signed, false>(),
                                           .ip_u8 = IntKernel<Unsigned, false>()};
constinit const CodeKernels kDotprodCodes = CodeTable<Codes>();

}  // namespace saker::index
