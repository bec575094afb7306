#include "index/disk/page_ranker.h"

#include <algorithm>
#include <cmath>

#include "index/disk/page_format.h"

namespace saker::index {
namespace {

constexpr float kHopeless = -6;  // deviations

// About z Phi(z) + phi(z), from a table: a search asks for it thousands of times.
class ImprovementTable {
 public:
  ImprovementTable() {
    for (size_t i = 0; i < kPlaces; ++i) {
      const double z = static_cast<double>(kHopeless) + static_cast<double>(i) / kPerDeviation;
      values_[i] = static_cast<float>(std::log1p(std::exp(kLogistic * z)) / kLogistic);
    }
  }
  float At(float z) const {  // z > kHopeless
    const float place = (z - kHopeless) * kPerDeviation;
    if (!(place < kPlaces - 1)) return z;
    const auto before = static_cast<size_t>(place);
    return values_[before] + (place - static_cast<float>(before)) * (values_[before + 1] - values_[before]);
  }

 private:
  static constexpr double kLogistic = 1.702;
  static constexpr float kPerDeviation = 16;
  static constexpr size_t kPlaces = 16 * 12 + 1;  // to six deviations
  float values_[kPlaces];
};

float Improvement(float z) {
  static const ImprovementTable table;
  return table.At(z);
}

}  // namespace

void PageRanker::Reset(Metric metric, size_t k, size_t rows) {
  metric_ = metric;
  k_ = k;
  best_.clear();
  errors_ = {};
  size_t size = 64;
  while (size < 2 * rows) size *= 2;
  if (table_.size() < size) {
    table_.assign(size, {kNoPosition, 0});
    used_.clear();
  }
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
  errors_.Add(static_cast<double>((estimate - key) / ErrorScale(metric_, key)));
}

void PageRanker::Begin() {
  for (const uint32_t slot : used_) table_[slot].page = kNoPosition;
  used_.clear();
  added_ = 0;
  if (!knows()) return;
  mean_ = static_cast<float>(errors_.mean());
  deviation_ = static_cast<float>(errors_.deviation());
}

bool PageRanker::Add(uint32_t page, float estimate) {
  float value = 1e9f / static_cast<float>(++added_);
  if (knows()) {
    const float kth = best_.front(), scale = ErrorScale(metric_, estimate);
    const float z = (kth - estimate + mean_ * scale) / (deviation_ * scale + 1e-3f * std::fabs(kth) + 1e-20f);
    if (!(z > kHopeless)) return false;
    value = Improvement(z);
  }
  const size_t mask = table_.size() - 1;
  size_t slot = page * 0x9e3779b1u & mask;
  while (table_[slot].page != kNoPosition && table_[slot].page != page) slot = (slot + 1) & mask;
  if (table_[slot].page == kNoPosition) {
    table_[slot] = {page, 0};
    used_.push_back(static_cast<uint32_t>(slot));
  }
  table_[slot].value += value;
  return true;
}

std::span<const PageRanker::Worth> PageRanker::Best(size_t count) {
  ranked_.clear();
  for (const uint32_t slot : used_) ranked_.push_back(table_[slot]);
  const size_t n = std::min(count, ranked_.size());
  std::partial_sort(ranked_.begin(), ranked_.begin() + static_cast<std::ptrdiff_t>(n), ranked_.end(),
                    [](const Worth& a, const Worth& b) { return a.value != b.value ? a.value > b.value : a.page < b.page; });
  return std::span(ranked_).first(n);
}

}  // namespace saker::index
