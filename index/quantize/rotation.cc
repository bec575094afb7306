#include "index/quantize/rotation.h"

#include <cmath>

namespace saker::index {
namespace {

constexpr uint64_t kSeed = 0x5eed0f516e5;

// SplitMix64 (Steele, Lea, Flood 2014).
uint64_t Mix(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

// Hadamard's matrix times `v`, of `span` elements, a power of two.
void Transform(float* v, size_t span) {
  for (size_t half = 1; half < span; half *= 2) {
    for (size_t begin = 0; begin < span; begin += 2 * half) {
      for (size_t i = begin; i < begin + half; ++i) {
        const float a = v[i], b = v[i + half];
        v[i] = a + b;
        v[i + half] = a - b;
      }
    }
  }
}

}  // namespace

Rotation::Rotation(size_t dim) : dim_(dim), signs_(kRounds * dim) {
  while (span_ * 2 <= dim) span_ *= 2;
  // The transform multiplies lengths by the root of its span; the signs take that back where it works.
  const float share = 1 / std::sqrt(static_cast<float>(span_));
  uint64_t state = kSeed;
  for (size_t round = 0; round < kRounds; ++round) {
    const size_t from = round % 2 == 0 ? 0 : dim_ - span_;
    for (size_t d = 0; d < dim; ++d) {
      const float sign = (Mix(state) & 1) != 0 ? 1.0f : -1.0f;
      signs_[round * dim + d] = d >= from && d < from + span_ ? sign * share : sign;
    }
  }
}

void Rotation::Apply(float* vector) const {
  for (size_t round = 0; round < kRounds; ++round) {
    const float* const signs = signs_.data() + round * dim_;
    for (size_t d = 0; d < dim_; ++d) vector[d] *= signs[d];
    Transform(vector + (round % 2 == 0 ? 0 : dim_ - span_), span_);
  }
}

}  // namespace saker::index
