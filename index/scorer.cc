#include "index/scorer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "common/check.h"

namespace saker::index {
namespace {

DistanceKernel ProductKernel(const Kernels& kernels, VectorType type) {
  switch (type) {
    case VectorType::kFloat32: return kernels.ip_f32;
    case VectorType::kFloat16: return kernels.ip_f16;
    case VectorType::kBFloat16: return kernels.ip_bf16;
    case VectorType::kInt8: return kernels.ip_i8;
    default: return {nullptr, nullptr};
  }
}

DistanceKernel SquaredKernel(const Kernels& kernels, VectorType type) {
  switch (type) {
    case VectorType::kFloat32: return kernels.l2_f32;
    case VectorType::kFloat16: return kernels.l2_f16;
    case VectorType::kBFloat16: return kernels.l2_bf16;
    case VectorType::kInt8: return kernels.l2_i8;
    default: return {nullptr, nullptr};
  }
}

float JaccardKey(uint32_t differing, uint32_t common) {
  return differing == 0 ? 0.0f : static_cast<float>(1.0 - static_cast<double>(common) / static_cast<double>(differing + common));
}

}  // namespace

Scorer::Scorer(const VectorSource& source, Metric metric, const float* inverse_norms)
    : source_(source),
      metric_(metric),
      type_(source.type()),
      dim_(source.dim()),
      stride_(RowBytes(source.type(), source.dim())),
      base_(static_cast<const char*>(source.Contiguous())),
      inverse_norms_(inverse_norms),
      kernels_(BestKernels()) {
  CHECK(type_ != VectorType::kSparse);
  product_ = ProductKernel(kernels_, type_);
  kernel_ = metric == Metric::kL2 ? SquaredKernel(kernels_, type_) : product_;
  prefetch_lines_ = std::clamp<size_t>((stride_ + 127) / 64, 1, 24);
}

void Scorer::SetQuery(const void* query) {
  query_ = query;
  if (metric_ == Metric::kCosine) query_norm_ = InverseNorm(query);
}

void Scorer::Keys(const uint32_t* rows, size_t count, float* keys) const {
  constexpr size_t kAhead = 8;
  for (size_t i = 0; i < std::min(count, kAhead); ++i) Prefetch(rows[i]);
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (size_t j = i + kAhead; j < std::min(count, i + kAhead + 4); ++j) Prefetch(rows[j]);
    Key4(rows + i, keys + i);
  }
  for (; i < count; ++i) keys[i] = Key(rows[i]);
}

float Scorer::KeyOf(const void* query, float query_norm, size_t row) const {
  const void* address = Address(row);
  if (kernel_.one == nullptr) return BinaryKey(query, address);
  const float value = kernel_.one(query, address, dim_);
  if (metric_ != Metric::kL2) return FromProduct(value, query, query_norm, row, address);
  return std::isnan(value) ? Careful(query, address) : value;
}

float Scorer::BinaryKey(const void* query, const void* row) const {
  const auto* a = static_cast<const uint8_t*>(query);
  const auto* b = static_cast<const uint8_t*>(row);
  const uint32_t differing = kernels_.hamming.one(a, b, stride_);
  if (metric_ == Metric::kHamming) return static_cast<float>(differing);
  const uint32_t common = kernels_.common.one(a, b, stride_);
  if (metric_ == Metric::kJaccard) return JaccardKey(differing, common);
  // SUBSTRUCTURE: the query's bits are all in the row; SUPERSTRUCTURE: the row's bits are all in the query.
  const uint8_t* inner = metric_ == Metric::kSubstructure ? a : b;
  return common == kernels_.common.one(inner, inner, stride_) ? 0.0f : 1.0f;
}

void Scorer::BinaryKeys4(const void* const* rows, float* keys) const {
  if (metric_ != Metric::kHamming && metric_ != Metric::kJaccard) {
    for (int r = 0; r < 4; ++r) keys[r] = BinaryKey(query_, rows[r]);
    return;
  }
  const auto* query = static_cast<const uint8_t*>(query_);
  const uint8_t* bytes[4];
  for (int r = 0; r < 4; ++r) bytes[r] = static_cast<const uint8_t*>(rows[r]);
  uint32_t differing[4], common[4];
  kernels_.hamming.four(query, bytes, stride_, differing);
  if (metric_ == Metric::kHamming) {
    for (int r = 0; r < 4; ++r) keys[r] = static_cast<float>(differing[r]);
    return;
  }
  kernels_.common.four(query, bytes, stride_, common);
  for (int r = 0; r < 4; ++r) keys[r] = JaccardKey(differing[r], common[r]);
}

float Scorer::InverseNorm(const void* vector) const {
  const float squared = product_.one(vector, vector, dim_);
  if (squared >= 1e-30f && squared <= 1e30f) return 1.0f / std::sqrt(squared);
  for (size_t i = 0; i < dim_; ++i) {
    if (Element(vector, i) != 0) return std::numeric_limits<float>::quiet_NaN();
  }
  return 0;
}

double Scorer::Element(const void* vector, size_t i) const {
  const char* p = static_cast<const char*>(vector);
  if (type_ == VectorType::kInt8) return static_cast<double>(static_cast<signed char>(p[i]));
  float value = 0;
  if (type_ == VectorType::kFloat32) {
    std::memcpy(&value, p + i * 4, 4);
    return value;
  }
  uint16_t half;
  std::memcpy(&half, p + i * 2, 2);
  if (type_ == VectorType::kFloat16) {
    kernels_.f16_to_f32(&half, &value, 1);
  } else {
    kernels_.bf16_to_f32(&half, &value, 1);
  }
  return value;
}

float Scorer::Careful(const void* a, const void* b) const {
  double squared = 0, product = 0, norm_a = 0, norm_b = 0;
  for (size_t i = 0; i < dim_; ++i) {
    const double x = Element(a, i), y = Element(b, i);
    squared += (x - y) * (x - y);
    product += x * y;
    norm_a += x * x;
    norm_b += y * y;
  }
  double key = metric_ == Metric::kL2 ? squared : -product;
  if (metric_ == Metric::kCosine) {
    key = norm_a == 0 || norm_b == 0 ? 0 : std::clamp(-product / (std::sqrt(norm_a) * std::sqrt(norm_b)), -1.0, 1.0);
  }
  const auto limit = static_cast<double>(std::numeric_limits<float>::max());
  if (key > limit) return std::numeric_limits<float>::infinity();
  if (key < -limit) return -std::numeric_limits<float>::infinity();
  return static_cast<float>(key) + 0.0f;
}

std::vector<float> InverseNorms(const VectorSource& source) {
  const Scorer scorer(source, Metric::kCosine, nullptr);
  std::vector<float> norms(source.row_count());
  for (size_t row = 0; row < norms.size(); ++row) {
    if (source.valid() == nullptr || source.valid()->Test(row)) norms[row] = scorer.InverseNorm(scorer.Address(row));
  }
  return norms;
}

}  // namespace saker::index
