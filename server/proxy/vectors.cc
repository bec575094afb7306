#include "server/proxy/vectors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "server/proxy/refusal.h"
#include "server/schema/column.h"

namespace saker::proxy {
namespace {

template <typename T>
std::optional<size_t> FindExponentFull(std::string_view bytes, T mask) {
  const size_t count = bytes.size() / sizeof(T);
  // Whole blocks first: the inner loop has no branch and vectorises.
  constexpr size_t kBlock = 1024;
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t end = std::min(count, begin + kBlock);
    unsigned bad = 0;
    for (size_t i = begin; i < end; ++i) {
      T value;
      std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
      bad |= static_cast<unsigned>((value & mask) == mask);
    }
    if (bad == 0) continue;
    for (size_t i = begin; i < end; ++i) {
      T value;
      std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
      if ((value & mask) == mask) return i;
    }
  }
  return std::nullopt;
}

template <typename T>
std::string NameOf(std::string_view bytes, size_t element, T exponent) {
  T value;
  std::memcpy(&value, bytes.data() + element * sizeof(T), sizeof(T));
  const T mantissa = static_cast<T>(exponent & (~exponent + 1)) - 1;  // the bits below the exponent
  if ((value & mantissa) != 0) return "NaN";
  return value >> (sizeof(T) * 8 - 1) != 0 ? "-Inf" : "+Inf";
}

}  // namespace

std::optional<index::VectorType> VectorTypeOf(DataType type) {
  switch (type) {
    case DataType::kFloatVector: return index::VectorType::kFloat32;
    case DataType::kFloat16Vector: return index::VectorType::kFloat16;
    case DataType::kBFloat16Vector: return index::VectorType::kBFloat16;
    case DataType::kInt8Vector: return index::VectorType::kInt8;
    case DataType::kBinaryVector: return index::VectorType::kBinary;
    case DataType::kSparseFloatVector: return index::VectorType::kSparse;
    default: return std::nullopt;
  }
}

size_t VectorBytes(const FieldSchema& field) {
  return field.type == DataType::kSparseFloatVector ? 0 : FixedWidth(field.type, field.dim);
}

std::optional<size_t> FindNotFinite(DataType type, std::string_view bytes) {
  switch (type) {
    case DataType::kFloatVector: return FindExponentFull<uint32_t>(bytes, 0x7f800000u);
    case DataType::kFloat16Vector: return FindExponentFull<uint16_t>(bytes, 0x7c00);
    case DataType::kBFloat16Vector: return FindExponentFull<uint16_t>(bytes, 0x7f80);
    default: return std::nullopt;
  }
}

std::string NotFiniteText(DataType type, std::string_view bytes, size_t element) {
  if (type == DataType::kFloatVector) return NameOf<uint32_t>(bytes, element, 0x7f800000u);
  return NameOf<uint16_t>(bytes, element, type == DataType::kFloat16Vector ? 0x7c00 : 0x7f80);
}

uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return static_cast<uint16_t>(sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00));
  if (magnitude >= 0x47800000) return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 0x38800000) {
    // Subnormal: adding 2^-1 leaves the rounded mantissa in the low bits.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1) - (112u << 23);
  return static_cast<uint16_t>(sign | rounded >> 13);
}

uint16_t FloatToBFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

Result<std::string> ConvertFloats(std::string_view floats, DataType to, std::string_view field_name) {
  const size_t count = floats.size() / sizeof(float);
  std::string out(count * (to == DataType::kInt8Vector ? 1 : 2), '\0');
  for (size_t i = 0; i < count; ++i) {
    float value;
    std::memcpy(&value, floats.data() + i * sizeof value, sizeof value);
    if (to == DataType::kInt8Vector) {
      if (!(value >= -128 && value <= 127) || value != std::trunc(value)) {
        return Invalid("value ", value, " of field ", field_name, " is no whole number in [-128, 127], as an Int8Vector needs");
      }
      out[i] = static_cast<char>(static_cast<int8_t>(value));
      continue;
    }
    const uint16_t half = to == DataType::kFloat16Vector ? FloatToHalf(value) : FloatToBFloat16(value);
    const uint16_t mask = to == DataType::kFloat16Vector ? 0x7c00 : 0x7f80;
    if ((half & mask) == mask) return Invalid("value ", value, " of field ", field_name, " does not fit a ", DataTypeName(to));
    std::memcpy(out.data() + i * sizeof half, &half, sizeof half);
  }
  return out;
}

Result<std::string> NormalizeSparse(std::string_view pairs, std::string_view field_name) {
  if (pairs.size() % 8 != 0) {
    return Invalid("sparse vector of field ", field_name, ": ", pairs.size(), " bytes are no whole number of 8-byte pairs");
  }
  struct Pair {
    uint32_t index;
    float value;
  };
  std::vector<Pair> sorted(pairs.size() / 8);
  if (!sorted.empty()) std::memcpy(sorted.data(), pairs.data(), pairs.size());
  const auto before = [](const Pair& a, const Pair& b) { return a.index < b.index; };
  if (!std::is_sorted(sorted.begin(), sorted.end(), before)) std::sort(sorted.begin(), sorted.end(), before);
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (!std::isfinite(sorted[i].value)) {
      return Invalid("value '", std::isnan(sorted[i].value) ? "NaN" : "Inf", "' is not a number or infinity: sparse vector of field ",
                     field_name);
    }
    if (sorted[i].index == UINT32_MAX) return Invalid("sparse vector of field ", field_name, ": index ", sorted[i].index, " is too large");
    if (i > 0 && sorted[i].index == sorted[i - 1].index) {
      return Invalid("sparse vector of field ", field_name, ": index ", sorted[i].index, " occurs twice");
    }
  }
  return std::string(reinterpret_cast<const char*>(sorted.data()), pairs.size());
}

}  // namespace saker::proxy
