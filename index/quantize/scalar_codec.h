// 7-bit scalar codes, one a byte: each dimension has its own range, found on a sample.
//
// The element x of dimension i becomes c = round((x - low[i]) / step[i]), 0..127; 7 bits because products of bytes then fit
// 16 bits on machines without VNNI. A query is not rounded to that grid: its elements times the steps are numbers of 15
// bits in two halves (kernels.h, CodeKernel), so only the row's rounding counts. Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace saker::index {

class ScalarCodec {
 public:
  ScalarCodec() = default;
  ScalarCodec(std::vector<float> lows, std::vector<float> steps) : lows_(std::move(lows)), steps_(std::move(steps)) {}
  // `vectors`: count x dim finite floats.
  static ScalarCodec Train(const float* vectors, size_t count, size_t dim);

  size_t dim() const { return lows_.size(); }
  size_t stride() const { return (dim() + 63) / 64 * 64; }
  std::span<const float> lows() const { return lows_; }
  std::span<const float> steps() const { return steps_; }

  // Writes dim() bytes and returns the squared length of what they stand for; NaN for a vector that is not finite.
  float Encode(const float* vector, uint8_t* codes) const;

  // A query: the product of it with a row is about step * CodeKernel(row, high, low) + offset.
  struct Query {
    std::vector<int8_t> high, low;  // stride() each
    float step = 0;
    float offset = 0;
  };
  void SetQuery(const float* vector, Query* query) const;

 private:
  std::vector<float> lows_, steps_;
};

}  // namespace saker::index
