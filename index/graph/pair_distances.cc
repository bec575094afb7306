#include "index/graph/pair_distances.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace saker::index {
namespace {

// The `width` least of what it is offered, unsorted; `worst` is the largest of them once it is full.
class Shortlist {
 public:
  Shortlist(uint32_t* places, float* distances, size_t width) : places_(places), distances_(distances), width_(width) {
    std::fill_n(places_, width_, NearestRows::kNone);
    std::fill_n(distances_, width_, std::numeric_limits<float>::infinity());
  }
  float worst() const { return worst_; }
  void Offer(uint32_t place, float distance) {
    if (!(distance < worst_)) return;
    if (size_ < width_) {
      places_[size_] = place;
      distances_[size_++] = distance;
      if (size_ < width_) return;
    } else {
      places_[at_] = place;
      distances_[at_] = distance;
    }
    at_ = static_cast<size_t>(std::max_element(distances_, distances_ + width_) - distances_);
    worst_ = distances_[at_];
  }

 private:
  uint32_t* const places_;
  float* const distances_;
  const size_t width_;
  size_t size_ = 0;
  size_t at_ = 0;
  float worst_ = std::numeric_limits<float>::infinity();
};

class CodePairs final : public PairDistances {
 public:
  explicit CodePairs(const NodeCodes& codes) : codes_(codes), kernels_(BestNodeCodes()) {}

  void From(uint32_t row, const uint32_t* rows, size_t count, float* distances) override {
    if (keys_.size() < count) keys_.resize(count);
    kernels_.l2(codes_.base(), codes_.stride(), rows, count, codes_.Row(row), keys_.data());
    for (size_t i = 0; i < count; ++i) distances[i] = static_cast<float>(keys_[i]);
    const int32_t* lifts = codes_.lifts();
    if (lifts == nullptr) return;
    for (size_t i = 0; i < count; ++i) {
      const auto difference = static_cast<float>(lifts[row] - lifts[rows[i]]);
      distances[i] += difference * difference;
    }
  }

  void Nearest(const uint32_t* rows, size_t count, const uint32_t* others, size_t other_count, size_t width, NearestRows* out) override {
    out->width = width;
    out->places.resize(count * width);
    out->distances.resize(count * width);
    Pack(others, other_count);
    const size_t padded = (other_count + 15) / 16 * 16;
    const size_t stride = codes_.stride();
    if (keys_.size() < kTile * padded) keys_.resize(kTile * padded);
    if (places_.size() < kChunk) places_.resize(kChunk);
    tile_.resize(kTile * stride);
    uint32_t dots[kTile * 16];
    for (size_t first = 0; first < count; first += kTile) {
      const size_t n = std::min(kTile, count - first);
      uint32_t own[kTile];
      for (size_t a = 0; a < n; ++a) {
        std::copy_n(codes_.Row(rows[first + a]), stride, tile_.data() + a * stride);
        own[a] = Squared(codes_.Row(rows[first + a]));
      }
      for (size_t block = 0; block < padded; block += 16) {
        kernels_.dots(tile_.data(), n, packed_.data() + block * stride, stride, dots);
        for (size_t a = 0; a < n; ++a) {
          uint32_t* keys = keys_.data() + a * padded + block;
          for (size_t b = 0; b < 16; ++b) keys[b] = own[a] + terms_[block + b] - 2 * dots[a * 16 + b];
        }
      }
      for (size_t a = 0; a < n; ++a) Select(rows[first + a], keys_.data() + a * padded, others, other_count, out, first + a);
    }
  }

 private:
  static constexpr size_t kTile = 8;
  static constexpr size_t kChunk = 128;

  uint32_t Squared(const uint8_t* row) const {
    uint32_t sum = 0;
    for (size_t i = 0; i < codes_.stride(); ++i) sum += uint32_t{row[i]} * row[i];
    return sum;
  }

  void Pack(const uint32_t* others, size_t count) {
    const size_t stride = codes_.stride(), padded = (count + 15) / 16 * 16;
    packed_.resize(padded * stride);
    terms_.assign(padded, 0);
    const uint8_t* rows[16];
    for (size_t block = 0; block < count; block += 16) {
      const size_t n = std::min<size_t>(16, count - block);
      for (size_t b = 0; b < n; ++b) {
        rows[b] = codes_.Row(others[block + b]);
        terms_[block + b] = Squared(rows[b]);
      }
      PackBlock(rows, n, stride, packed_.data() + block * stride);
    }
  }

  void Select(uint32_t row, const uint32_t* keys, const uint32_t* others, size_t count, NearestRows* out, size_t at) {
    Shortlist nearest(out->places.data() + at * out->width, out->distances.data() + at * out->width, out->width);
    const int32_t* lifts = codes_.lifts();
    for (size_t first = 0; first < count; first += kChunk) {
      const size_t n = std::min(kChunk, count - first);
      const float worst = nearest.worst();
      const uint32_t limit = worst < 4294967040.0f ? static_cast<uint32_t>(worst) + 1 : 0xffffffffu;
      const size_t found = kernels_.below(keys + first, n, limit, places_.data());
      for (size_t i = 0; i < found; ++i) {
        const auto place = static_cast<uint32_t>(first + places_[i]);
        if (others[place] == row) continue;
        auto distance = static_cast<float>(keys[place]);
        if (lifts != nullptr) {
          const auto difference = static_cast<float>(lifts[row] - lifts[others[place]]);
          distance += difference * difference;
        }
        nearest.Offer(place, distance);
      }
    }
  }

  const NodeCodes& codes_;
  const NodeCodeKernels& kernels_;
  std::vector<uint8_t> packed_, tile_;
  std::vector<uint32_t> terms_, keys_, places_;
};

class VectorPairs final : public PairDistances {
 public:
  VectorPairs(const VectorSource& source, Metric metric, const float* inverse_norms)
      : source_(source), metric_(metric == Metric::kIp ? Metric::kL2 : metric), scorer_(source, metric_, inverse_norms) {}

  void From(uint32_t row, const uint32_t* rows, size_t count, float* distances) override {
    scorer_.SetQueryRow(row);
    scorer_.Keys(rows, count, distances);
    for (size_t i = 0; i < count; ++i) {
      const float distance = metric_ == Metric::kCosine ? 2 + 2 * distances[i] : distances[i];
      distances[i] = distance >= 0 ? distance : (distance < 0 ? 0 : std::numeric_limits<float>::infinity());
    }
  }

 private:
  const VectorSource& source_;
  const Metric metric_;
  Scorer scorer_;
};

}  // namespace

void PairDistances::Nearest(const uint32_t* rows, size_t count, const uint32_t* others, size_t other_count, size_t width,
                            NearestRows* out) {
  out->width = width;
  out->places.resize(count * width);
  out->distances.resize(count * width);
  std::vector<float> distances(other_count);
  for (size_t a = 0; a < count; ++a) {
    From(rows[a], others, other_count, distances.data());
    Shortlist nearest(out->places.data() + a * width, out->distances.data() + a * width, width);
    for (size_t b = 0; b < other_count; ++b) {
      if (others[b] != rows[a]) nearest.Offer(static_cast<uint32_t>(b), distances[b]);
    }
  }
}

std::unique_ptr<PairDistances> MakePairDistances(const VectorSource& source, Metric metric, const float* inverse_norms,
                                                 const NodeCodes& codes) {
  if (!codes.empty()) return std::make_unique<CodePairs>(codes);
  return std::make_unique<VectorPairs>(source, metric, inverse_norms);
}

}  // namespace saker::index
