// How far codes are off: mean and standard deviation of the differences between what codes say and what vectors say. One thread.
#pragma once

#include <algorithm>
#include <cmath>

namespace saker::index {

class CodeErrors {
 public:
  // What is not finite says nothing.
  void Add(double error) {
    if (!std::isfinite(error)) return;
    count_ += 1;
    sum_ += error;
    squares_ += error * error;
  }
  double count() const { return count_; }
  // 0 where there were none.
  double mean() const { return count_ > 0 ? sum_ / count_ : 0; }
  double deviation() const { return count_ > 0 ? std::sqrt(std::max(0.0, squares_ / count_ - mean() * mean())) : 0; }

 private:
  double count_ = 0, sum_ = 0, squares_ = 0;
};

}  // namespace saker::index
