#include "index/ivf/row_floats.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <random>

#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

template <typename T>
bool AllZero(const void* vector, size_t dim, unsigned magnitude) {
  T value;
  for (size_t i = 0; i < dim; ++i) {
    std::memcpy(&value, static_cast<const char*>(vector) + i * sizeof value, sizeof value);
    if ((value & magnitude) != 0) return false;
  }
  return true;
}

}  // namespace

bool IsZeroVector(VectorType type, const void* vector, size_t dim) {
  if (type == VectorType::kFloat32) return AllZero<uint32_t>(vector, dim, 0x7fffffff);
  return type == VectorType::kInt8 ? AllZero<uint8_t>(vector, dim, 0xff) : AllZero<uint16_t>(vector, dim, 0x7fff);
}

void VectorToFloats(VectorType type, const void* vector, size_t dim, float* out) {
  const Kernels& kernels = BestKernels();
  switch (type) {
    case VectorType::kFloat32: std::memcpy(out, vector, dim * sizeof(float)); return;
    case VectorType::kFloat16: kernels.f16_to_f32(static_cast<const uint16_t*>(vector), out, dim); return;
    case VectorType::kBFloat16: kernels.bf16_to_f32(static_cast<const uint16_t*>(vector), out, dim); return;
    case VectorType::kBinary:
      for (size_t i = 0; i < dim; ++i) out[i] = static_cast<float>(static_cast<const uint8_t*>(vector)[i / 8] >> (i % 8) & 1);
      return;
    default:
      for (size_t i = 0; i < dim; ++i) out[i] = static_cast<float>(static_cast<const int8_t*>(vector)[i]);
  }
}

void Normalise(float* vector, size_t dim) {
  float squared = BestKernels().ip_f32.one(vector, vector, dim);
  if (!(squared >= 1e-30f && squared <= 1e30f)) {
    // Brought near 1 by a power of two first, which loses nothing.
    float largest = 0;
    for (size_t i = 0; i < dim; ++i) largest = std::max(largest, std::fabs(vector[i]));
    const int exponent = largest > 0 && std::isfinite(largest) ? std::ilogb(largest) : 0;
    for (size_t i = 0; i < dim; ++i) vector[i] = std::ldexp(vector[i], -exponent);
    squared = BestKernels().ip_f32.one(vector, vector, dim);
  }
  const float factor = squared >= 1e-30f && squared <= 1e30f ? 1 / std::sqrt(squared) : 0;
  for (size_t i = 0; i < dim; ++i) vector[i] = factor > 0 ? vector[i] * factor : 0;
}

void RowFloats::FiniteRow(size_t row, float* out) const {
  VectorToFloats(source_.type(), source_.Row(row), source_.dim(), out);
  const float limit = ByDirection(metric_) ? std::numeric_limits<float>::max() : 1e15f;
  for (size_t i = 0; i < source_.dim(); ++i) out[i] = std::isfinite(out[i]) ? std::clamp(out[i], -limit, limit) : 0.0f;
  if (ByDirection(metric_)) Normalise(out, source_.dim());
}

std::vector<uint32_t> SampleRows(std::vector<uint32_t> rows, size_t limit) {
  std::mt19937 random(20240611);
  for (size_t i = 0; i < std::min(limit, rows.size()); ++i) std::swap(rows[i], rows[i + random() % (rows.size() - i)]);
  rows.resize(std::min(limit, rows.size()));
  return rows;
}

}  // namespace saker::index
