#include "embed/weights/tensor.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace saker::embed {

const char* DTypeName(DType type) {
  switch (type) {
    case DType::kFloat32: return "F32";
    case DType::kFloat16: return "F16";
    case DType::kBFloat16: return "BF16";
    default: return "not a float";
  }
}

size_t DTypeBytes(DType type) {
  return type == DType::kFloat32 ? 4 : type == DType::kOther ? 0 : 2;
}

std::string Tensor::ShapeText() const {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

float HalfToFloat(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t exponent = bits >> 10 & 0x1F;
  const uint32_t fraction = bits & 0x3FF;
  if (exponent == 0) {  // zero or subnormal: fraction x 2^-24 is exact in float
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | fraction << 13);
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

void ReadAsFloat(const Tensor& tensor, uint64_t first, uint64_t count, float* out) {
  const size_t width = DTypeBytes(tensor.dtype);
  CHECK(width != 0 && (first + count) * width <= tensor.bytes.size());
  if (count == 0) return;
  const std::byte* source = tensor.bytes.data() + first * width;
  if (tensor.dtype == DType::kFloat32) {
    std::memcpy(out, source, count * sizeof(float));
    return;
  }
  for (uint64_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, source + i * 2, sizeof bits);
    out[i] = tensor.dtype == DType::kFloat16 ? HalfToFloat(bits) : BFloat16ToFloat(bits);
  }
}

}  // namespace saker::embed
