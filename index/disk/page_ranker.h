// What reading a page is worth to a search: how much nearer than the k-th best found so far the rows on it that are in view are
// expected to be.
//
// A code says a row's key up to an error; how large those are is learnt during the search itself, from the rows of the pages that
// have come, whose true keys are known: queries unlike the rows have larger errors, and get more reads. With z the number of
// standard deviations by which a row is expected below the k-th best, its worth is about that of a normal variable's part
// above zero, (z Phi(z) + phi(z)): "expected improvement" (Mockus 1975). One thread; cheap to keep, reset for each query.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/code_errors.h"
#include "index/metric.h"

namespace saker::index {

// By which errors of codes grow: a squared distance is off in proportion to the distance.
inline float ErrorScale(Metric metric, float key) {
  return metric == Metric::kIp ? 1 : std::sqrt(std::max(key, 1e-20f));
}

class PageRanker {
 public:
  struct Worth {
    uint32_t page;
    float value;
  };

  // `rows`: in view at most.
  void Reset(Metric metric, size_t k, size_t rows);
  // The true key of a row that may be returned, on the scale of RowCodes' keys.
  void Found(float key);
  // What the code of a row said, and its true key.
  void Learn(float estimate, float key);

  // Until k rows are known nothing can be expected: then the nearest are worth most.
  bool knows() const { return best_.size() == k_ && errors_.count() >= kLeastLearnt; }
  void Begin();
  // A row in view on a page that was not read; nearest first. False: neither this one nor farther ones are worth anything.
  bool Add(uint32_t page, float estimate);
  // The `count` pages that are worth most, best first.
  std::span<const Worth> Best(size_t count);

 private:
  static constexpr double kLeastLearnt = 5;
  Metric metric_ = Metric::kL2;
  size_t k_ = 0;
  std::vector<float> best_;         // max-heap of the k best keys
  CodeErrors errors_;               // in scales
  float mean_ = 0, deviation_ = 0;  // of the errors, while pages are ranked
  size_t added_ = 0;
  std::vector<Worth> table_;  // by page, a power of two; of the page kNoPosition where nothing is
  std::vector<uint32_t> used_;
  std::vector<Worth> ranked_;
};

}  // namespace saker::index
