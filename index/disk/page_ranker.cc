#include "index/disk/page_ranker.h"

#include <algorithm>
#include <cmath>

#include "index/disk/page_format.h"

namespace saker::index {
namespace {

constexpr float kHopeless = -6;  // deviations

// About z Phi(z) + phi(z).
float Improvement(float z) {
  constexpr float kLogistic = 1.702f;
  return z > 15 ? z : std::log1p(std::exp(kLogistic * z)) / kLogistic;
}

}  // namespace

void PageRanker::Reset(Metric metric, size_t k, size_t rows) {
  metric_ = metric;
  k_ = k;
  best_.clear();
  count_ = sum_ = squares_ = 0;
  size_t size = 64;
  while (size < 2 * rows) size *= 2;
  table_.resize(size);
}

// A squared distance is off in proportion to the distance.
float PageRanker::ScaleOf(float key) const {
  return metric_ == Metric::kIp ? 1 : std::sqrt(std::max(key, 1e-20f));
}

void PageRanker::Found(float key) {
  if (std::isnan(key)) return;
  if (best_.size() == k_) {
    if (key >= best_.front()) return;
    std::pop_heap(best_.begin(), best_.end());
    best_.pop_back();
  }
  best_.push_back(key);
  std::push_heap(best_.begin(), best_.end());
}

void PageRanker::Learn(float estimate, float key) {
  const auto error = static_cast<double>((estimate - key) / ScaleOf(key));
  if (!std::isfinite(error)) return;
  count_ += 1;
  sum_ += error;
  squares_ += error * error;
}

void PageRanker::Begin() {
  for (Worth& worth : table_) worth.page = kNoPosition;
  added_ = 0;
  if (!knows()) return;
  const double mean = sum_ / count_;
  mean_ = static_cast<float>(mean);
  deviation_ = static_cast<float>(std::sqrt(std::max(0.0, squares_ / count_ - mean * mean)));
}

bool PageRanker::Add(uint32_t page, float estimate) {
  float value = 1e9f / static_cast<float>(++added_);
  if (knows()) {
    const float kth = best_.front(), scale = ScaleOf(estimate);
    const float z = (kth - estimate + mean_ * scale) / (deviation_ * scale + 1e-3f * std::fabs(kth) + 1e-20f);
    if (!(z > kHopeless)) return false;
    value = Improvement(z);
  }
  const size_t mask = table_.size() - 1;
  size_t slot = page * 0x9e3779b1u & mask;
  while (table_[slot].page != kNoPosition && table_[slot].page != page) slot = (slot + 1) & mask;
  if (table_[slot].page == kNoPosition) table_[slot] = {page, 0};
  table_[slot].value += value;
  return true;
}

std::span<const PageRanker::Worth> PageRanker::Best(size_t count) {
  ranked_.clear();
  for (const Worth& worth : table_) {
    if (worth.page != kNoPosition) ranked_.push_back(worth);
  }
  const size_t n = std::min(count, ranked_.size());
  std::partial_sort(ranked_.begin(), ranked_.begin() + static_cast<std::ptrdiff_t>(n), ranked_.end(),
                    [](const Worth& a, const Worth& b) { return a.value != b.value ? a.value > b.value : a.page < b.page; });
  return std::span(ranked_).first(n);
}

}  // namespace saker::index
