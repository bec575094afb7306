// Plain C++: the definition of correct. Sums run in double, so that rounding is never this file's.
#include <bit>
#include <cstring>

#include "index/kernels/parts.h"

namespace saker::index {
namespace {

float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  uint32_t mantissa = half & 0x3ffu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 31) {
    if (mantissa != 0) mantissa |= 0x200u;  // a quiet NaN, as the hardware makes it
    return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

struct F32 {
  static double At(const void* p, size_t i) {
    float value;
    std::memcpy(&value, static_cast<const char*>(p) + i * 4, 4);
    return value;
  }
};
struct F16 {
  static double At(const void* p, size_t i) {
    uint16_t value;
    std::memcpy(&value, static_cast<const char*>(p) + i * 2, 2);
    return HalfToFloat(value);
  }
};
struct Bf16 {
  static double At(const void* p, size_t i) {
    uint16_t value;
    std::memcpy(&value, static_cast<const char*>(p) + i * 2, 2);
    return std::bit_cast<float>(static_cast<uint32_t>(value) << 16);
  }
};
struct I8 {
  static double At(const void* p, size_t i) { return static_cast<const int8_t*>(p)[i]; }
};
struct U8 {
  static double At(const void* p, size_t i) { return static_cast<const uint8_t*>(p)[i]; }
};

template <typename T>
float L2(const void* a, const void* b, size_t dim) {
  double sum = 0;
  for (size_t i = 0; i < dim; ++i) {
    const double difference = T::At(a, i) - T::At(b, i);
    sum += difference * difference;
  }
  return static_cast<float>(sum);
}

template <typename T>
float Ip(const void* a, const void* b, size_t dim) {
  double sum = 0;
  for (size_t i = 0; i < dim; ++i) sum += T::At(a, i) * T::At(b, i);
  return static_cast<float>(sum);
}

template <float (*One)(const void*, const void*, size_t)>
void Four(const void* query, const void* const* rows, size_t dim, float* out) {
  for (int r = 0; r < 4; ++r) out[r] = One(query, rows[r], dim);
}

template <float (*One)(const void*, const void*, size_t)>
constexpr DistanceKernel Both() {
  return {One, Four<One>};
}

void F16ToF32(const uint16_t* in, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = HalfToFloat(in[i]);
}

void Bf16ToF32(const uint16_t* in, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = std::bit_cast<float>(static_cast<uint32_t>(in[i]) << 16);
}

}  // namespace

constinit const FloatKernels kScalarFloats = {
    .l2_f32 = Both<L2<F32>>(),
    .l2_f16 = Both<L2<F16>>(),
    .l2_bf16 = Both<L2<Bf16>>(),
    .ip_f32 = Both<Ip<F32>>(),
    .ip_f16 = Both<Ip<F16>>(),
    .ip_bf16 = Both<Ip<Bf16>>(),
    .f16_to_f32 = F16ToF32,
    .bf16_to_f32 = Bf16ToF32,
};
constinit const IntKernels kScalarInts = {
    .l2_i8 = Both<L2<I8>>(), .l2_u8 = Both<L2<U8>>(), .ip_i8 = Both<Ip<I8>>(), .ip_u8 = Both<Ip<U8>>()};

}  // namespace saker::index
