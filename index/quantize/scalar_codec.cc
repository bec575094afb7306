#include "index/quantize/scalar_codec.h"

#include <algorithm>
#include <cmath>

namespace saker::index {
namespace {
constexpr float kTop = 127;
constexpr float kMargin = 0.02f;  // beyond the sample's ends, on each side
}  // namespace

ScalarCodec ScalarCodec::Train(const float* vectors, size_t count, size_t dim) {
  std::vector<float> lows(dim, 0.0f), highs(dim, 0.0f);
  for (size_t i = 0; i < count; ++i) {
    const float* vector = vectors + i * dim;
    for (size_t d = 0; d < dim; ++d) {
      lows[d] = i == 0 ? vector[d] : std::min(lows[d], vector[d]);
      highs[d] = i == 0 ? vector[d] : std::max(highs[d], vector[d]);
    }
  }
  std::vector<float> steps(dim);
  for (size_t d = 0; d < dim; ++d) {
    const float range = highs[d] - lows[d];
    lows[d] -= range * kMargin;
    steps[d] = range * (1 + 2 * kMargin) / kTop;
    if (!std::isnormal(steps[d]) || !std::isnormal(1 / steps[d])) steps[d] = 0;  // a constant
  }
  return {std::move(lows), std::move(steps)};
}

float ScalarCodec::Encode(const float* vector, uint8_t* codes) const {
  float squared = 0;
  bool finite = true;
  for (size_t d = 0; d < lows_.size(); ++d) {
    finite = finite && std::isfinite(vector[d]);
    const float place = steps_[d] > 0 ? (vector[d] - lows_[d]) / steps_[d] : 0.0f;
    const float code = place > 0 ? std::min(std::nearbyintf(place), kTop) : 0.0f;
    codes[d] = static_cast<uint8_t>(code);
    const float decoded = lows_[d] + steps_[d] * code;
    squared += decoded * decoded;
  }
  return finite ? squared : std::nanf("");
}

void ScalarCodec::SetQuery(const float* vector, Query* query) const {
  constexpr float kLimit = 127 * 128;
  query->high.assign(stride(), 0);
  query->low.assign(stride(), 0);
  float largest = 0, offset = 0;
  for (size_t d = 0; d < lows_.size(); ++d) {
    largest = std::max(largest, std::fabs(vector[d] * steps_[d]));
    offset += vector[d] * lows_[d];
  }
  // A query of zeros, or of numbers beyond a float's reach, ranks nothing here; the exact scores do.
  const float step = largest / kLimit;
  const bool usable = std::isnormal(step) && std::isnormal(1 / step) && std::isfinite(offset);
  query->step = usable ? step : 0;
  query->offset = std::isfinite(offset) ? offset : 0;
  for (size_t d = 0; usable && d < lows_.size(); ++d) {
    const int value = static_cast<int>(std::nearbyintf(vector[d] * steps_[d] / step));
    const int high = (value + (value >= 0 ? 64 : -64)) / 128;
    query->high[d] = static_cast<int8_t>(high);
    query->low[d] = static_cast<int8_t>(value - 128 * high);
  }
}

}  // namespace saker::index
