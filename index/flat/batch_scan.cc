#include "index/flat/batch_scan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "index/ivf/row_floats.h"

namespace saker::index {
namespace {

constexpr size_t kBlockBytes = 64 * 1024;  // of codes: with the rows they come from in the second cache
constexpr size_t kAhead = 6;               // rows fetched before they are coded: those of a list stand anywhere
constexpr double kLeastSquared = 1e-24, kMostSquared = 1e24;
constexpr float kLoose = 1.002f;  // a float sum of up to 32,768 squares, and its root

bool Tame(double squared) {
  return squared >= kLeastSquared && squared <= kMostSquared;
}

// The largest float that is not above `value`.
float RoundedDown(double value) {
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(rounded) > value ? std::nextafterf(rounded, -INFINITY) : rounded;
}

float RoundedUp(double value) {
  return -RoundedDown(-value);
}

}  // namespace

bool BatchScan::Pays(VectorType type, size_t query_count) {
  return query_count >= kBatchQueries && type != VectorType::kBinary && type != VectorType::kSparse && &BestSieve() != &kScalarSieve;
}

BatchScan::BatchScan(const VectorSource& source, Metric metric, const char* queries, size_t count, float limit)
    : source_(source),
      metric_(metric),
      kernels_(BestSieve()),
      bytes_(source.type() == VectorType::kInt8 && kernels_.top == 255),
      dim_(source.dim()),
      groups_(SieveGroups(source.dim())),
      limit_(limit),
      rounding_(static_cast<double>(4 * source.dim() + 64) * 0x1p-24),
      queries_(count),
      query_codes_(count * groups_ * 4),
      query_sums_(count),
      query_slacks_(count),
      query_less_(count),
      limits_(count),
      floats_(source.dim()) {
  block_rows_ = std::clamp<size_t>(kBlockBytes / std::max<size_t>(dim_, 1) / kSieveRows * kSieveRows, 2 * kSieveRows, 512);
  codes_.resize(block_rows_ / kSieveRows * groups_ * 128);
  for (std::vector<float>* terms : {&scales_, &lows_, &slacks_, &less_}) terms->resize(block_rows_);
  masks_.resize(count * block_rows_ / kSieveRows);
  const Scorer scorer(source, metric, nullptr);
  for (size_t q = 0; q < count; ++q) CodeQuery(scorer, queries + q * RowBytes(source.type(), dim_), q, &floats_);
}

void BatchScan::CodeQuery(const Scorer& scorer, const void* vector, size_t q, std::vector<float>* floats) {
  VectorToFloats(source_.type(), vector, dim_, floats->data());
  double squared = 0;
  float largest = 0;
  for (const float x : *floats) {
    squared += static_cast<double>(x) * static_cast<double>(x);
    largest = std::max(largest, std::fabs(x));
  }
  Query& query = queries_[q];
  query = {std::sqrt(squared), squared, 0, metric_ == Metric::kCosine ? scorer.InverseNorm(vector) : 1.0f};
  if (!Tame(squared)) return;
  query.step = bytes_ ? 1 : static_cast<double>(largest) / 127;
  double lost = 0;
  int sum = 0;
  for (size_t d = 0; d < dim_; ++d) {
    const double x = static_cast<double>((*floats)[d]);
    const double code = std::clamp(std::nearbyint(x / query.step), bytes_ ? -128.0 : -127.0, 127.0);
    query_codes_[q * groups_ * 4 + d] = static_cast<int8_t>(code);
    sum += static_cast<int>(code);
    lost += (x - query.step * code) * (x - query.step * code);
  }
  query_sums_[q] = static_cast<float>(sum);
  query_slacks_[q] = RoundedUp(query.length / query.step);
  query_less_[q] = metric_ == Metric::kL2 ? static_cast<float>(0.5 / query.step) : 0.0f;
  query_error_ = std::max(query_error_, std::sqrt(lost) / query.length * 1.0001);
}

// Bytes are their own codes.
SieveTerms BatchScan::CodeBytes(const void* row, uint8_t* tile, size_t r) const {
  const auto* values = static_cast<const uint8_t*>(row);
  for (size_t d = 0; d < dim_; d += 4) {
    uint32_t four = 0;  // so that what stands behind the last dimension counts nothing
    std::memcpy(&four, values + d, std::min<size_t>(4, dim_ - d));
    if (dim_ - d >= 4) {
      four ^= 0x80808080u;
    } else {
      for (size_t i = 0; i < dim_ - d; ++i) four ^= 0x80u << 8 * i;
    }
    std::memcpy(tile + d / 4 * 128 + r * 4, &four, 4);
  }
  return {-128.0f, 1.0f, BestKernels().ip_i8.one(row, row, dim_), 0.0f};
}

// Everything in units of the query's step, so that a row's numbers serve all queries.
void BatchScan::CodeRow(const Scorer& scorer, const float* inverse_norms, uint32_t row, size_t at) {
  const void* const address = scorer.Address(row);
  uint8_t* const tile = codes_.data() + at / kSieveRows * groups_ * 128;
  SieveTerms terms{};
  if (bytes_) {
    terms = CodeBytes(address, tile, at % kSieveRows);
  } else if (source_.type() == VectorType::kFloat32) {
    terms = kernels_.code(static_cast<const float*>(address), dim_, at % kSieveRows, tile);
  } else {
    VectorToFloats(source_.type(), address, dim_, floats_.data());
    terms = kernels_.code(floats_.data(), dim_, at % kSieveRows, tile);
  }
  const float factor = metric_ == Metric::kCosine ? inverse_norms[row] : 1.0f;
  const auto error = static_cast<double>(std::sqrt(terms.error) * kLoose);
  const auto length = static_cast<double>(std::sqrt(terms.squared) * kLoose);
  double slack = error * (1 + query_error_) + (query_error_ + rounding_) * length;
  // -128 may be far from every element: terms of up to 256 sqrt(dim), rounded a few times, cancel out.
  if (bytes_) slack += 2048 * 0x1p-24 * std::sqrt(static_cast<double>(dim_));
  const bool tame = Tame(static_cast<double>(terms.squared)) || terms.squared == 0;
  scales_[at] = terms.scale * factor;
  lows_[at] = terms.low * factor;
  constexpr float kMore = 1 + 0x1p-20f;  // than a rounding or two
  slacks_[at] = tame ? static_cast<float>(slack * static_cast<double>(factor)) * kMore : INFINITY;
  less_[at] = static_cast<float>(static_cast<double>(terms.squared) * (1 - rounding_)) * (2 - kMore);
  // A row of denormals squares to nothing without being a row of zeros.
  if (!bytes_ && terms.squared == 0 && (terms.low != 0 || terms.scale != 0)) slacks_[at] = INFINITY;
}

// The least value (kernels/sieve.h) of a row whose key may be `worst` or less.
float BatchScan::LimitOf(const Query& query, float worst) const {
  if (query.step == 0 || !(worst < INFINITY)) return -INFINITY;
  const double key = static_cast<double>(worst);
  if (metric_ == Metric::kL2) return RoundedDown((query.squared * (1 - rounding_) - key) / (2 * query.step));
  return RoundedDown(-key / (query.step * static_cast<double>(query.inverse_norm)));
}

void BatchScan::Mark(const Scorer& scorer, const float* inverse_norms, const uint32_t* rows, size_t count, const std::vector<TopK>& best,
                     const uint32_t* queries, size_t query_count) {
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) scorer.Prefetch(rows[i + kAhead]);
    CodeRow(scorer, inverse_norms, rows[i], i);
  }
  tiles_ = (count + kSieveRows - 1) / kSieveRows;
  SieveQueries asked = {query_codes_.data(), query_count, query_sums_.data(), query_slacks_.data(), query_less_.data(), limits_.data()};
  if (queries != nullptr) {
    some_codes_.resize(query_codes_.size());
    for (std::vector<float>* terms : {&some_sums_, &some_slacks_, &some_less_}) terms->resize(queries_.size());
    const size_t bytes = groups_ * 4;
    for (size_t i = 0; i < query_count; ++i) {
      std::memcpy(some_codes_.data() + i * bytes, query_codes_.data() + queries[i] * bytes, bytes);
      some_sums_[i] = query_sums_[queries[i]];
      some_slacks_[i] = query_slacks_[queries[i]];
      some_less_[i] = query_less_[queries[i]];
    }
    asked = {some_codes_.data(), query_count, some_sums_.data(), some_slacks_.data(), some_less_.data(), limits_.data()};
  }
  for (size_t i = 0; i < query_count; ++i) {
    const size_t q = queries != nullptr ? queries[i] : i;
    limits_[i] = LimitOf(queries_[q], std::min(best[q].worst(), limit_));
  }
  kernels_.sift({codes_.data(), tiles_, groups_, scales_.data(), lows_.data(), slacks_.data(), less_.data()}, asked, masks_.data());
}

size_t BatchScan::Rows(size_t query, const uint32_t* rows, size_t count, uint32_t* out) const {
  size_t n = 0;
  for (size_t tile = 0; tile < tiles_; ++tile) {
    const size_t left = count - tile * kSieveRows;
    uint32_t mask = masks_[query * tiles_ + tile];
    if (left < kSieveRows) mask &= (1u << left) - 1;
    for (; mask != 0; mask &= mask - 1) out[n++] = rows[tile * kSieveRows + static_cast<size_t>(std::countr_zero(mask))];
  }
  return n;
}

}  // namespace saker::index
