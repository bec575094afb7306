#include "index/ivf/list_ranker.h"

#include <algorithm>
#include <cmath>

#include "index/ivf/list_codes.h"
#include "index/kernels/kernels.h"
#include "index/topk.h"

namespace saker::index {
namespace {

constexpr size_t kMinLists = 256;   // below it all of them exactly
constexpr size_t kChunkRows = 512;  // between two looks at how near one must be
constexpr float kLevels = 15;

}  // namespace

Result<ListRanker> ListRanker::Make(const IvfLists& lists, Metric metric, size_t dim) {
  ListRanker ranker;
  ranker.lists_ = &lists;
  ranker.metric_ = metric;
  ranker.dim_ = dim;
  ranker.coded_ = lists.count() >= kMinLists;
  if (!ranker.coded_) return ranker;
  ranker.mean_ = CentroidMean(lists, metric, dim);
  ranker.codebook_.resize(dim * 16);
  std::vector<float> lows(dim), steps(dim);
  for (size_t d = 0; d < dim; ++d) {
    float low = lists.centroids[d], high = low;
    for (size_t c = 1; c < lists.count(); ++c) {
      low = std::min(low, lists.centroids[c * dim + d]);
      high = std::max(high, lists.centroids[c * dim + d]);
    }
    lows[d] = low - ranker.mean_[d];
    steps[d] = (high - low) / kLevels;
    for (size_t e = 0; e < 16; ++e) ranker.codebook_[d * 16 + e] = lows[d] + steps[d] * static_cast<float>(e);
  }
  const uint32_t whole[2] = {0, static_cast<uint32_t>(lists.count())};
  const auto terms = metric == Metric::kIp ? NibbleLists::Terms::kNone : NibbleLists::Terms::kAdd;
  ranker.codes_ = TRY(NibbleLists::Allocate(whole, dim, terms));
  std::vector<uint8_t> codes(dim);
  for (size_t c = 0; c < lists.count(); ++c) {
    float squared = 0;
    for (size_t d = 0; d < dim; ++d) {
      const float place = steps[d] > 0 ? (lists.centroids[c * dim + d] - ranker.mean_[d] - lows[d]) / steps[d] : 0;
      codes[d] = static_cast<uint8_t>(std::clamp(place > 0 ? std::nearbyintf(place) : 0.0f, 0.0f, kLevels));
      const float level = ranker.codebook_[d * 16 + codes[d]];
      squared += level * level;
    }
    ranker.codes_.Set(0, c, codes.data());
    ranker.codes_.SetTerms(0, c, squared, 1);
  }
  return ranker;
}

void ListRanker::All(const float* query, std::vector<float>* keys, std::vector<uint64_t>* order) const {
  keys->resize(lists_->count());
  CentroidKeys(*lists_, metric_, query, dim_, keys->data());
  order->resize(lists_->count());
  for (size_t i = 0; i < order->size(); ++i) (*order)[i] = PackKey((*keys)[i], static_cast<uint32_t>(i));
}

// `order` holds lists; gives each its true key.
void ListRanker::ExactKeys(const float* query, std::vector<uint64_t>* order) const {
  const DistanceKernel& kernel = metric_ == Metric::kIp ? BestKernels().ip_f32 : BestKernels().l2_f32;
  const auto centroid = [&](size_t i) { return lists_->centroids.data() + size_t{RowOf((*order)[i])} * dim_; };
  const float sign = metric_ == Metric::kIp ? -1.0f : 1.0f;
  constexpr size_t kAhead = 8;
  const auto prefetch = [&](size_t i) {
    const auto* address = reinterpret_cast<const char*>(centroid(i));
    for (size_t byte = 0; byte < dim_ * 4; byte += 64) __builtin_prefetch(address + byte);
  };
  const size_t n = order->size();
  for (size_t i = 0; i < std::min(n, kAhead); ++i) prefetch(i);
  float keys[4];
  for (size_t i = 0; i < n; i += 4) {
    for (size_t j = i + kAhead; j < std::min(n, i + kAhead + 4); ++j) prefetch(j);
    const void* rows[4];
    for (size_t j = 0; j < 4; ++j) rows[j] = centroid(std::min(i + j, n - 1));
    kernel.four(query, rows, dim_, keys);
    for (size_t j = i; j < std::min(n, i + 4); ++j) (*order)[j] = PackKey(sign * keys[j - i], RowOf((*order)[j]));
  }
}

size_t ListRanker::NearestExactly(const float* query, size_t probes, Scratch* scratch, std::vector<uint64_t>* order) const {
  All(query, &scratch->keys, order);
  const size_t count = order->size();
  if (probes < count) std::nth_element(order->begin(), order->begin() + static_cast<std::ptrdiff_t>(probes), order->end());
  order->resize(probes);
  std::sort(order->begin(), order->end());
  return count;
}

size_t ListRanker::Nearest(const float* query, size_t probes, Scratch* scratch, std::vector<uint64_t>* order) const {
  const size_t count = lists_->count(), wanted = probes + probes / 2 + 24;
  if (!coded_ || wanted * 3 > count) return NearestExactly(query, probes, scratch, order);
  scratch->vector.resize(dim_);
  const float factor = metric_ == Metric::kIp ? -1.0f : -2.0f;
  for (size_t d = 0; d < dim_; ++d) scratch->vector[d] = factor * (query[d] - mean_[d]);
  scratch->floats.resize(dim_ * 16);
  scratch->tables.resize(FastScanGroups(dim_) * 64);
  scratch->keys.resize(kChunkRows + 64);
  scratch->places.resize(kChunkRows + 64);
  const FastScanKernels& kernels = BestFastScan();
  FastScanList chunk = codes_.List(0);
  kernels.tables(scratch->vector.data(), codebook_.data(), dim_, 1, scratch->floats.data(), scratch->tables.data(), &chunk.step,
                 &chunk.offset);
  chunk.tables = scratch->tables.data();
  TopK best(wanted);
  for (size_t first = 0; first < count; first += kChunkRows) {
    chunk.rows = std::min(kChunkRows, count - first);
    const size_t found = kernels.scan(chunk, best.worst(), scratch->keys.data(), scratch->places.data());
    for (size_t i = 0; i < found; ++i) best.Offer(scratch->keys[i], static_cast<uint32_t>(first) + scratch->places[i]);
    chunk.codes += kChunkRows * chunk.groups * 2;
    if (chunk.add != nullptr) chunk.add += kChunkRows;
  }
  best.TakeRows(&scratch->places);
  if (scratch->places.size() < probes) return NearestExactly(query, probes, scratch, order);  // not a number everywhere
  order->assign(scratch->places.begin(), scratch->places.end());
  ExactKeys(query, order);
  std::sort(order->begin(), order->end());
  order->resize(probes);
  return count + scratch->places.size();
}

}  // namespace saker::index
