// One tensor of a checkpoint: a checked view of bytes that somebody else keeps alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"

namespace saker::embed {

enum class DType : uint8_t { kFloat32, kFloat16, kBFloat16, kOther };  // kOther: integers and the like, carried but never read

const char* DTypeName(DType type);
size_t DTypeBytes(DType type);  // 0 for kOther

struct Tensor {
  std::string name;
  DType dtype = DType::kOther;
  std::vector<uint64_t> shape;       // row-major; empty for a scalar
  std::span<const std::byte> bytes;  // any alignment, little-endian

  uint64_t element_count() const {
    uint64_t count = 1;
    for (const uint64_t extent : shape) count *= extent;  // checked by the reader that made this
    return count;
  }
  std::string ShapeText() const;  // "[384, 1536]"
};

// Elements [first, first + count) as float. The tensor must be of a float type.
void ReadAsFloat(const Tensor& tensor, uint64_t first, uint64_t count, float* out);

float HalfToFloat(uint16_t bits);
inline float BFloat16ToFloat(uint16_t bits) {
  const uint32_t wide = uint32_t{bits} << 16;
  float value;
  __builtin_memcpy(&value, &wide, sizeof value);
  return value;
}
// Rounds to nearest, ties to even; NaN stays NaN.
inline uint16_t FloatToBFloat16(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

}  // namespace saker::embed
