// A random rotation that costs d log d and stores nothing: rounds of sign flips and Walsh-Hadamard transforms.
//
// Any dimension: a transform spans the largest power of two that fits, by turns from the front and from the back, so that
// after four rounds every element depends on every other. Lengths and products are kept. The signs come from a fixed seed and
// are part of the file format (FORMAT.md). Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace saker::index {

class Rotation {
 public:
  explicit Rotation(size_t dim);
  // In place.
  void Apply(float* vector) const;

 private:
  static constexpr size_t kRounds = 4;
  size_t dim_;
  size_t span_ = 1;
  std::vector<float> signs_;  // kRounds x dim
};

}  // namespace saker::index
