// A query without codes, as a walk wants it: exact scores, as integers of the same order. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "index/graph/node_codes.h"
#include "index/scorer.h"
#include "index/topk.h"

namespace saker::index {

class ExactQuery {
 public:
  ExactQuery(const Scorer& scorer, Metric metric, std::vector<float>& scratch) : scorer_(scorer), metric_(metric), scratch_(scratch) {}
  void Keys(const uint32_t* rows, size_t count, uint32_t* keys) const {
    if (scratch_.size() < count) scratch_.resize(count);
    scorer_.Keys(rows, count, scratch_.data());
    for (size_t i = 0; i < count; ++i) keys[i] = OrderedBits(scratch_[i]);
  }
  void Prefetch(uint32_t row) const { scorer_.Prefetch(row); }
  KeyRange KeysOf(std::optional<float> inner, std::optional<float> outer) const {
    const auto key = [&](float score) { return OrderedBits(SmallerIsBetter(metric_) ? score : -score); };
    return {inner ? key(*inner) : 0, outer ? key(*outer) : 0xffffffffu};
  }
  uint32_t Stretch(uint32_t key, float gamma_squared) const {
    const float score = FromOrderedBits(key);
    uint32_t stretched = 0xffffffffu;  // IP: no distance without the largest norm
    if (metric_ == Metric::kCosine) {
      stretched = OrderedBits((2 + 2 * score) * gamma_squared / 2 - 1);
    } else if (metric_ != Metric::kIp) {
      stretched = OrderedBits(score * gamma_squared);
    }
    return gamma_squared >= 1 ? std::max(key, stretched) : stretched;  // rounding
  }

 private:
  const Scorer& scorer_;
  const Metric metric_;
  std::vector<float>& scratch_;
};

}  // namespace saker::index
