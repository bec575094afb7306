#include "index/graph/node_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "index/ivf/row_floats.h"
#include "index/kernels/kernels.h"
#include "index/parallel.h"

namespace saker::index {
namespace {

constexpr size_t kSampleRows = 4096;
constexpr double kCutShare = 0.001;
constexpr double kMaxLoss = 0.004;       // of the energy around the mean; Gaussian data loses 0.0003
constexpr double kMaxQueryLoss = 0.004;  // the same for one query
constexpr float kZero = 64;
constexpr float kMaxCut = 4;  // squared steps that a row may lose at the ends before it counts as cut: what rounding loses in 48 elements
constexpr size_t kGrain = 4096;
static_assert(kGrain % 64 == 0, "threads write whole words of a bitset");

bool HasVector(const VectorSource& source, size_t row) {
  return source.valid() == nullptr || source.valid()->Test(row);
}

// What is coded of a row: for COSINE its direction, also where a float cannot hold its length (norm NaN).
void ReadCoded(const VectorSource& source, Metric metric, const float* inverse_norms, size_t row, float* out) {
  const float factor = metric == Metric::kCosine ? inverse_norms[row] : 1;
  ReadFloats(source, row, std::isfinite(factor) ? factor : 1, out);
  if (!std::isfinite(factor)) Normalise(out, source.dim());
}

float CodeOf(float steps) {
  return std::clamp(std::nearbyintf(steps) + kZero, 0.0f, 127.0f);
}

}  // namespace

void ToFloats(VectorType type, const void* vector, size_t dim, float factor, float* out) {
  switch (type) {
    case VectorType::kFloat32: std::memcpy(out, vector, dim * sizeof(float)); break;
    case VectorType::kFloat16: BestKernels().f16_to_f32(static_cast<const uint16_t*>(vector), out, dim); break;
    case VectorType::kBFloat16: BestKernels().bf16_to_f32(static_cast<const uint16_t*>(vector), out, dim); break;
    default: std::copy_n(static_cast<const int8_t*>(vector), dim, out); break;
  }
  if (factor == 1) return;
  for (size_t i = 0; i < dim; ++i) out[i] *= factor;
}

void ReadFloats(const VectorSource& source, size_t row, float factor, float* out) {
  ToFloats(source.type(), source.Row(row), source.dim(), factor, out);
}

Result<NodeCodes> NodeCodes::Make(const VectorSource& source, Metric metric, const float* inverse_norms, const BuildOptions& options) {
  const bool known = metric == Metric::kL2 || metric == Metric::kIp || (metric == Metric::kCosine && inverse_norms != nullptr);
  if (source.type() == VectorType::kBinary || !known || source.row_count() == 0) return NodeCodes();
  NodeCodes codes;
  codes.metric_ = metric;
  codes.inverse_norms_ = inverse_norms;
  codes.dim_ = source.dim();
  if (!codes.Fit(source)) return NodeCodes();
  codes.stride_ = (codes.dim_ + 63) / 64 * 64;
  codes.memory_ = TRY(HugeMemory::Allocate(source.row_count() * codes.stride_, "the codes of a graph's rows"));
  codes.cut_ = Bitset(source.row_count());
  TRY(ForRanges(source.row_count(), kGrain, options, {0, 0}, [&](size_t, size_t begin, size_t end) {
    std::vector<float> values(codes.dim_);
    for (size_t row = begin; row < end; ++row) {
      if (HasVector(source, row)) codes.EncodeRow(source, row, values);
    }
  }));
  if (metric == Metric::kIp) TRY(codes.Lift(source, options));
  codes.inverse_norms_ = nullptr;
  return codes;
}

bool NodeCodes::Fit(const VectorSource& source) {
  std::vector<size_t> sample;
  const size_t every = std::max<size_t>(1, source.row_count() / kSampleRows);
  for (size_t row = 0; row < source.row_count(); row += every) {
    if (HasVector(source, row)) sample.push_back(row);
  }
  mean_.assign(dim_, 0);
  if (sample.empty()) return false;
  std::vector<float> values(dim_);
  std::vector<double> sums(dim_);
  for (const size_t row : sample) {
    ReadCoded(source, metric_, inverse_norms_, row, values.data());
    for (size_t i = 0; i < dim_; ++i) sums[i] += static_cast<double>(values[i]);
  }
  for (size_t i = 0; i < dim_; ++i) mean_[i] = static_cast<float>(sums[i] / static_cast<double>(sample.size()));
  std::vector<float> sizes;
  sizes.reserve(sample.size() * dim_);
  for (const size_t row : sample) {
    ReadCoded(source, metric_, inverse_norms_, row, values.data());
    for (size_t i = 0; i < dim_; ++i) sizes.push_back(std::fabs(values[i] - mean_[i]));
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

void NodeCodes::EncodeRow(const VectorSource& source, size_t row, std::vector<float>& values) {
  ReadCoded(source, metric_, inverse_norms_, row, values.data());
  const float inverse_step = 1 / step_;
  auto* out = reinterpret_cast<uint8_t*>(memory_.data()) + row * stride_;
  float cut = 0;
  for (size_t i = 0; i < dim_; ++i) {
    const float steps = (values[i] - mean_[i]) * inverse_step;
    out[i] = static_cast<uint8_t>(CodeOf(steps));
    const float beyond = std::max(std::fabs(steps) - 63, 0.0f);
    cut += beyond * beyond;
  }
  if (!(cut <= kMaxCut)) cut_.Set(row);  // NaN too
}

// Norms are measured from the origin, not from the mean: the product is what they have to correct.
Status NodeCodes::Lift(const VectorSource& source, const BuildOptions& options) {
  std::vector<float> squared(source.row_count());
  TRY(ForRanges(source.row_count(), kGrain, options, {0, 0}, [&](size_t, size_t begin, size_t end) {
    std::vector<float> values(dim_);
    for (size_t row = begin; row < end; ++row) {
      if (!HasVector(source, row)) continue;
      ReadFloats(source, row, 1, values.data());
      for (const float value : values) squared[row] += value * value;
    }
  }));
  const float largest = *std::max_element(squared.begin(), squared.end());
  max_norm_ = std::sqrt(largest);
  lifts_.resize(source.row_count());
  for (size_t row = 0; row < lifts_.size(); ++row) {
    lifts_[row] = static_cast<int32_t>(std::min(1e6f, std::sqrt(std::max(0.0f, largest - squared[row])) / step_));
  }
  return OkStatus();
}

bool CodeQuery::Set(const float* query) {
  if (codes_.metric_ == Metric::kCosine) {
    const float squared = BestKernels().ip_f32.one(query, query, codes_.dim_);
    if (!(squared >= 1e-30f && squared <= 1e30f)) {
      std::vector<float> direction(query, query + codes_.dim_);
      Normalise(direction.data(), codes_.dim_);
      return SetProduct(direction.data());
    }
  }
  return codes_.metric_ == Metric::kL2 ? SetL2(query) : SetProduct(query);
}

bool CodeQuery::SetL2(const float* query) {
  const float inverse_step = 1 / codes_.step_;
  float energy = 0, lost = 0;
  for (size_t i = 0; i < codes_.dim_; ++i) {
    const float steps = (query[i] - codes_.mean_[i]) * inverse_step;
    const float code = CodeOf(steps);
    bytes_[i] = static_cast<uint8_t>(code);
    const float error = steps - (code - kZero);
    energy += steps * steps;
    lost += error * error;
  }
  slope_ = static_cast<double>(codes_.step_) * static_cast<double>(codes_.step_);
  offset_ = 0;
  // A query near the mean loses nothing that matters: half a step a dimension is what every row loses too.
  return lost <= static_cast<float>(kMaxQueryLoss) * energy || lost <= 0.25f * static_cast<float>(codes_.dim_);
}

bool CodeQuery::SetProduct(const float* query) {
  constexpr float kReach = 127;
  float largest = 0, energy = 0;
  for (size_t i = 0; i < codes_.dim_; ++i) {
    largest = std::max(largest, std::fabs(query[i]));
    energy += query[i] * query[i];
  }
  const float step = largest / kReach;
  if (!std::isnormal(step) || !std::isnormal(1 / step) || !std::isnormal(energy)) return false;
  auto* out = reinterpret_cast<int8_t*>(bytes_.data());
  int64_t sum = 0, positive = 0;
  double mean_product = 0;
  float lost = 0;
  for (size_t i = 0; i < codes_.dim_; ++i) {
    const float rounded = std::nearbyintf(query[i] / step);
    out[i] = static_cast<int8_t>(rounded);
    sum += out[i];
    positive += std::max<int64_t>(out[i], 0);
    mean_product += static_cast<double>(query[i]) * static_cast<double>(codes_.mean_[i]);
    const float error = query[i] - rounded * step;
    lost += error * error;
  }
  bias_ = static_cast<uint32_t>(positive * 127);
  const double norm = std::sqrt(static_cast<double>(energy));
  query_norm_ = norm;
  query_step_ = static_cast<double>(step);
  const double reach = codes_.metric_ == Metric::kCosine ? 1.0 : static_cast<double>(codes_.max_norm_);
  const double unit = static_cast<double>(codes_.step_) * static_cast<double>(step);
  slope_ = 2 * reach * unit / norm;
  offset_ = 2 * reach * (reach - (mean_product + unit * static_cast<double>(int64_t{bias_} - 64 * sum)) / norm);
  return lost <= static_cast<float>(kMaxQueryLoss) * energy && slope_ > 0 && std::isfinite(offset_);
}

KeyRange CodeQuery::KeysOf(std::optional<float> inner, std::optional<float> outer) const {
  // The length of a rounding error on both sides, on average; along any one direction it is far shorter.
  const double error = static_cast<double>(codes_.step_) * std::sqrt(static_cast<double>(codes_.dim_) / 6);
  const auto moved = [&](float score, double by) {
    const double distance = std::max(0.0, std::sqrt(SquaredDistance(score)) + by);
    return KeyAt(distance * distance);
  };
  KeyRange keys;
  if (inner) keys.lowest = moved(*inner, -error);
  if (outer) keys.highest = moved(*outer, error);
  return keys;
}

// Elements are rounded by up to half a step, evenly: 0.29 steps on average, times three.
uint32_t CodeQuery::KeyWithin(float score) const {
  const auto step = static_cast<double>(codes_.step_);
  const double squared = SquaredDistance(score);
  if (codes_.metric_ == Metric::kL2) {
    const double distance = std::sqrt(squared) + 1.25 * step;  // both sides are rounded
    return KeyAt(distance * distance + static_cast<double>(codes_.dim_) * step * step / 6);
  }
  const double reach = codes_.metric_ == Metric::kCosine ? 1.0 : static_cast<double>(codes_.max_norm_);
  return KeyAt(squared + 2 * reach * 0.9 * (step + reach * query_step_ / query_norm_));
}

double CodeQuery::SquaredDistance(float score) const {
  double squared = static_cast<double>(score);
  if (codes_.metric_ != Metric::kL2) {
    const double reach = codes_.metric_ == Metric::kCosine ? 1.0 : static_cast<double>(codes_.max_norm_);
    const double product = codes_.metric_ == Metric::kCosine ? static_cast<double>(score) : static_cast<double>(score) / query_norm_;
    squared = 2 * reach * (reach - product);
  }
  return squared > 0 ? squared : 0;
}

uint32_t CodeQuery::KeyAt(double squared) const {
  const double key = (squared - offset_) / slope_;
  return key >= 4294967295.0 ? 0xffffffffu : key > 0 ? static_cast<uint32_t>(key) : 0;
}

}  // namespace saker::index
