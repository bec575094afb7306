#include "index/hnsw/row_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace saker::index {
namespace {

constexpr size_t kMinDim = 24;  // below it a row is a line or two anyway
constexpr size_t kSampleRows = 4096;
constexpr double kCutShare = 0.001;
constexpr double kMaxLoss = 0.002;  // of the energy around the mean; Gaussian data loses 0.0003
constexpr float kZero = 64;

bool HasVector(const VectorSource& source, size_t row) {
  return source.valid() == nullptr || source.valid()->Test(row);
}

// The factor that a row is coded with; 0 for one that cannot be normalised, whose key then says nothing.
float FactorOf(Metric metric, const float* inverse_norms, size_t row) {
  if (metric != Metric::kCosine) return 1;
  return std::isfinite(inverse_norms[row]) ? inverse_norms[row] : 0;
}

uint8_t CodeOf(float centred, float inverse_step) {
  return static_cast<uint8_t>(std::clamp(std::nearbyintf(centred * inverse_step) + kZero, 0.0f, 127.0f));
}

}  // namespace

Result<RowCodes> RowCodes::Make(const VectorSource& source, Metric metric, const float* inverse_norms) {
  const bool known = metric == Metric::kL2 || metric == Metric::kIp || (metric == Metric::kCosine && inverse_norms != nullptr);
  if (source.type() != VectorType::kFloat32 || !known || source.dim() < kMinDim || source.row_count() == 0) return RowCodes();
  RowCodes codes;
  codes.dim_ = source.dim();
  if (!codes.Fit(source, metric, inverse_norms)) return RowCodes();
  codes.stride_ = (codes.dim_ + 63) / 64 * 64;
  codes.memory_ = TRY(HugeMemory::Allocate(source.row_count() * codes.stride_, "the codes of a graph's rows"));
  codes.term_in_row_ = metric == Metric::kL2 && codes.stride_ - codes.dim_ >= sizeof(float);
  if (metric == Metric::kL2 && !codes.term_in_row_) codes.own_terms_.resize(source.row_count());
  codes.Encode(source, metric, inverse_norms);
  return codes;
}

bool RowCodes::Fit(const VectorSource& source, Metric metric, const float* inverse_norms) {
  std::vector<size_t> sample;
  const size_t stride = std::max<size_t>(1, source.row_count() / kSampleRows);
  for (size_t row = 0; row < source.row_count(); row += stride) {
    if (HasVector(source, row)) sample.push_back(row);
  }
  if (sample.empty()) return false;
  std::vector<double> sums(dim_);
  for (const size_t row : sample) {
    const auto* x = static_cast<const float*>(source.Row(row));
    for (size_t i = 0; i < dim_; ++i) sums[i] += static_cast<double>(x[i] * FactorOf(metric, inverse_norms, row));
  }
  mean_.resize(dim_);
  for (size_t i = 0; i < dim_; ++i) mean_[i] = static_cast<float>(sums[i] / static_cast<double>(sample.size()));
  std::vector<float> sizes;
  sizes.reserve(sample.size() * dim_);
  for (const size_t row : sample) {
    const auto* x = static_cast<const float*>(source.Row(row));
    const float factor = FactorOf(metric, inverse_norms, row);
    for (size_t i = 0; i < dim_; ++i) sizes.push_back(std::fabs(x[i] * factor - mean_[i]));
  }
  const size_t cut = sizes.size() - 1 - static_cast<size_t>(kCutShare * static_cast<double>(sizes.size()));
  std::nth_element(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(cut), sizes.end());
  const float reach = sizes[cut];
  step_ = reach / 63;
  if (!std::isfinite(reach) || !std::isnormal(step_) || !std::isnormal(1 / step_)) return false;
  double energy = 0, lost = 0;
  for (const float size : sizes) {
    const double decoded = std::min(63.0, std::round(static_cast<double>(size) / static_cast<double>(step_))) * static_cast<double>(step_);
    energy += static_cast<double>(size) * static_cast<double>(size);
    lost += (static_cast<double>(size) - decoded) * (static_cast<double>(size) - decoded);
  }
  return lost <= kMaxLoss * energy;  // false for NaN too
}

void RowCodes::Encode(const VectorSource& source, Metric metric, const float* inverse_norms) {
  const float inverse_step = 1 / step_;
  for (size_t row = 0; row < source.row_count(); ++row) {
    if (!HasVector(source, row)) continue;
    const auto* x = static_cast<const float*>(source.Row(row));
    const float factor = FactorOf(metric, inverse_norms, row);
    auto* out = reinterpret_cast<uint8_t*>(memory_.data()) + row * stride_;
    float squared = 0;
    for (size_t i = 0; i < dim_; ++i) {
      out[i] = CodeOf(x[i] * factor - mean_[i], inverse_step);
      const float decoded = (static_cast<float>(out[i]) - kZero) * step_;
      squared += decoded * decoded;
    }
    if (metric != Metric::kL2) continue;
    if (term_in_row_) {
      std::memcpy(out + stride_ - sizeof squared, &squared, sizeof squared);
    } else {
      own_terms_[row] = squared;
    }
  }
}

CodeScorer::CodeScorer(const RowCodes& codes, Metric metric)
    : codes_(codes),
      metric_(metric),
      kernel_(BestKernels().codes),
      prefetch_bytes_(std::min<size_t>(codes.stride_, 24 * 64)),
      separate_terms_(codes.own_terms_.empty() ? nullptr : codes.own_terms_.data()),
      high_(codes.stride_),
      low_(codes.stride_) {}

void CodeScorer::SetQuery(const float* query) {
  constexpr float kLimit = 127 * 128;
  const auto centred = [&](size_t i) { return metric_ == Metric::kL2 ? query[i] - codes_.mean_[i] : query[i]; };
  float largest = 0;
  for (size_t i = 0; i < codes_.dim_; ++i) largest = std::max(largest, std::fabs(centred(i)));
  // A query of zeros, or of numbers beyond a float's reach, ranks nothing here; the exact scores do.
  const float step = largest / kLimit;
  const bool usable = std::isnormal(step) && std::isnormal(1 / step);
  for (size_t i = 0; i < codes_.dim_; ++i) {
    const int value = usable ? static_cast<int>(std::nearbyintf(centred(i) / step)) : 0;
    const int high = (value + (value >= 0 ? 64 : -64)) / 128;
    high_[i] = static_cast<int8_t>(high);
    low_[i] = static_cast<int8_t>(value - 128 * high);
  }
  scale_ = -(metric_ == Metric::kL2 ? 2.0f : 1.0f) * codes_.step_ * (usable ? step : 0.0f);
}

float CodeScorer::Term(uint32_t row) const {
  if (separate_terms_ != nullptr) return separate_terms_[row];
  if (!codes_.term_in_row_) return 0;
  float term;
  std::memcpy(&term, codes_.Row(row) + codes_.stride_ - sizeof term, sizeof term);
  return term;
}

void CodeScorer::Keys(const uint32_t* rows, size_t count, float* keys) const {
  constexpr size_t kAhead = 12;
  for (size_t i = 0; i < std::min(count, kAhead); ++i) Prefetch(rows[i]);
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (size_t j = i + kAhead; j < std::min(count, i + kAhead + 4); ++j) Prefetch(rows[j]);
    const uint8_t* const addresses[4] = {codes_.Row(rows[i]), codes_.Row(rows[i + 1]), codes_.Row(rows[i + 2]), codes_.Row(rows[i + 3])};
    kernel_.four(addresses, high_.data(), low_.data(), codes_.stride_, keys + i);
    for (size_t r = i; r < i + 4; ++r) keys[r] = scale_ * keys[r] + Term(rows[r]);
  }
  for (; i < count; ++i) keys[i] = Key(rows[i]);
}

}  // namespace saker::index
