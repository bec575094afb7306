// A VectorSource in memory, random vectors of every type, a brute force in double: for tests only.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "index/half.h"
#include "index/index.h"
#include "index/sparse/sparse.h"

namespace saker::index {

class MemorySource final : public VectorSource {
 public:
  MemorySource(VectorType type, size_t dim) : type_(type), dim_(dim) {}
  VectorType type() const override { return type_; }
  size_t dim() const override { return dim_; }
  size_t row_count() const override { return rows_; }
  const void* Row(size_t row) const override { return bytes_.data() + row * RowBytes(type_, dim_); }
  SparseRowView SparseRow(size_t row) const override {
    return {pairs_.data() + starts_[row], static_cast<size_t>(starts_[row + 1] - starts_[row])};
  }
  const void* Contiguous() const override { return contiguous ? bytes_.data() : nullptr; }
  const Bitset* valid() const override { return validity.has_value() ? &*validity : nullptr; }

  void Add(const void* row) {
    const char* p = static_cast<const char*>(row);
    bytes_.insert(bytes_.end(), p, p + RowBytes(type_, dim_));
    ++rows_;
  }
  void AddFloats(const std::vector<float>& values) { Add(Encode(type_, values).data()); }
  void AddSparse(const std::vector<SparsePair>& pairs) {
    pairs_.insert(pairs_.end(), pairs.begin(), pairs.end());
    starts_.push_back(pairs_.size());
    ++rows_;
  }
  // Values as a row of a dense type; floats lose what does not fit.
  static std::string Encode(VectorType type, const std::vector<float>& values) {
    std::string out;
    for (const float value : values) {
      const auto bits = std::bit_cast<uint32_t>(value);
      uint16_t half = static_cast<uint16_t>(bits >> 16);  // bfloat16 by cutting
      if (type == VectorType::kFloat16) half = FloatToHalf(value);
      const auto byte = static_cast<int8_t>(std::isnan(value) ? 0.0f : std::clamp(value * 40.0f, -127.0f, 127.0f));
      if (type == VectorType::kFloat32) out.append(reinterpret_cast<const char*>(&bits), 4);
      if (type == VectorType::kFloat16 || type == VectorType::kBFloat16) out.append(reinterpret_cast<const char*>(&half), 2);
      if (type == VectorType::kInt8) out.push_back(static_cast<char>(byte));
    }
    return out;
  }

  bool contiguous = true;
  std::optional<Bitset> validity;

 private:
  const VectorType type_;
  const size_t dim_;
  size_t rows_ = 0;
  std::vector<char> bytes_;
  std::vector<SparsePair> pairs_;
  std::vector<size_t> starts_ = {0};
};

inline double ElementAsDouble(VectorType type, const void* row, size_t i) {
  const char* p = static_cast<const char*>(row);
  float value = 0;
  uint16_t half = 0;
  if (type == VectorType::kInt8) return static_cast<double>(static_cast<const int8_t*>(row)[i]);
  if (type == VectorType::kFloat32) {
    std::memcpy(&value, p + i * 4, 4);
    return value;
  }
  std::memcpy(&half, p + i * 2, 2);
  if (type == VectorType::kFloat16) return static_cast<double>(HalfToFloat(half));
  return std::bit_cast<float>(static_cast<uint32_t>(half) << 16);
}

// The score by the book, in double; nothing of the index's own code. NaN: not a result.
inline double TrueScore(const VectorSource& source, Metric metric, const void* query, size_t row) {
  const void* x = source.Row(row);
  if (source.type() == VectorType::kBinary) {
    const auto* a = static_cast<const uint8_t*>(query);
    const auto* b = static_cast<const uint8_t*>(x);
    int differ = 0, both = 0, either = 0, only_a = 0, only_b = 0;
    for (size_t i = 0; i < source.dim(); ++i) {
      const int p = a[i / 8] >> (i % 8) & 1, q = b[i / 8] >> (i % 8) & 1;
      differ += p != q;
      both += p & q;
      either += p | q;
      only_a += p & ~q;
      only_b += q & ~p;
    }
    if (metric == Metric::kHamming) return differ;
    if (metric == Metric::kJaccard) return either == 0 ? 0 : 1.0 - static_cast<double>(both) / either;
    return (metric == Metric::kSubstructure ? only_a : only_b) == 0 ? 0 : NAN;
  }
  double squared = 0, product = 0, norm_a = 0, norm_b = 0;
  for (size_t i = 0; i < source.dim(); ++i) {
    const double p = ElementAsDouble(source.type(), query, i), q = ElementAsDouble(source.type(), x, i);
    squared += (p - q) * (p - q);
    product += p * q;
    norm_a += p * p;
    norm_b += q * q;
  }
  if (metric == Metric::kL2) return squared;
  if (metric == Metric::kIp) return product;
  return norm_a == 0 || norm_b == 0 ? 0 : product / std::sqrt(norm_a * norm_b);
}

inline std::vector<float> RandomFloats(std::mt19937& random, size_t dim) {
  std::normal_distribution<float> normal;
  std::vector<float> values(dim);
  for (float& value : values) value = normal(random);
  return values;
}

// `rows` random vectors; binary ones of random bytes.
inline std::shared_ptr<MemorySource> RandomSource(std::mt19937& random, VectorType type, size_t dim, size_t rows) {
  auto source = std::make_shared<MemorySource>(type, dim);
  for (size_t row = 0; row < rows; ++row) {
    if (type == VectorType::kBinary) {
      std::string bytes(dim / 8, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      source->Add(bytes.data());
    } else {
      source->AddFloats(RandomFloats(random, dim));
    }
  }
  return source;
}

inline Bitset RandomBits(std::mt19937& random, size_t size, double share) {
  Bitset bits(size);
  for (size_t i = 0; i < size; ++i) {
    if (std::uniform_real_distribution<double>()(random) < share) bits.Set(i);
  }
  return bits;
}

}  // namespace saker::index
