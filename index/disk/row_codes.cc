#include "index/disk/row_codes.h"

#include <algorithm>
#include <cmath>

#include "index/ivf/kmeans.h"
#include "index/ivf/row_floats.h"
#include "index/parallel.h"

namespace saker::index {
namespace {

constexpr size_t kGrain = 2048;
constexpr float kMostSteps = 65500;    // of a table's numbers: what rounding adds still fits into 16 bits
constexpr float kLeastRange = 1e-30f;  // of a table that says anything

}  // namespace

Result<RowCodes> RowCodes::Train(const VectorSource& source, Metric metric, const std::vector<uint32_t>& rows, size_t parts,
                                 size_t sample_rows, const BuildOptions& options) {
  RowCodes codes;
  codes.metric_ = metric;
  codes.dim_ = source.dim();
  codes.parts_ = std::clamp<size_t>(parts, 1, codes.dim_);
  codes.codebook_.resize(codes.dim_ * kEntries);
  std::vector<uint32_t> sample = SampleRows(rows, sample_rows);
  if (sample.empty()) return codes;
  const size_t known = sample.size();
  for (size_t i = 0; sample.size() < kEntries; ++i) sample.push_back(sample[i % known]);
  const RowFloats floats(source, metric);
  std::vector<float> vectors(sample.size() * codes.dim_);
  for (size_t i = 0; i < sample.size(); ++i) floats.FiniteRow(sample[i], vectors.data() + i * codes.dim_);
  const Status trained = ForRanges(codes.parts_, 1, options, {0, 0}, [&](size_t, size_t part, size_t) {
    const size_t first = codes.First(part), width = codes.Width(part);
    std::vector<float> columns(sample.size() * width);
    for (size_t i = 0; i < sample.size(); ++i) std::copy_n(vectors.data() + i * codes.dim_ + first, width, columns.data() + i * width);
    const std::vector<float> centroids = ClusterVectors(columns.data(), sample.size(), {width, kEntries, false, 1, options.context});
    for (size_t i = 0; i < width; ++i) {
      for (size_t e = 0; e < kEntries; ++e) codes.codebook_[(first + i) * kEntries + e] = centroids[e * width + i];
    }
  });
  TRY(trained);
  return codes;
}

Result<RowCodes> RowCodes::Load(Metric metric, size_t dim, size_t parts, std::vector<float> codebook, std::span<const uint8_t> stored) {
  RowCodes codes;
  codes.metric_ = metric;
  codes.dim_ = dim;
  codes.parts_ = parts;
  codes.codebook_ = std::move(codebook);
  codes.codes_ = TRY(HugeMemory::Allocate(stored.size(), "the codes of a disk graph"));
  std::copy(stored.begin(), stored.end(), reinterpret_cast<uint8_t*>(codes.codes_.data()));
  return codes;
}

Status RowCodes::EncodeAll(const VectorSource& source, const std::vector<uint32_t>& rows, const BuildOptions& options) {
  codes_ = TRY(HugeMemory::Allocate(rows.size() * parts_, "the codes of a disk graph"));
  auto* const out = reinterpret_cast<uint8_t*>(codes_.data());
  const RowFloats floats(source, metric_);
  std::vector<std::vector<float>> books;
  for (size_t part = 0; part < parts_; ++part) {
    const size_t width = Width(part);
    std::vector<float>& book = books.emplace_back(width * kEntries);
    for (size_t i = 0; i < width; ++i) {
      for (size_t e = 0; e < kEntries; ++e) book[e * width + i] = codebook_[(First(part) + i) * kEntries + e];
    }
  }
  std::vector<Assigner> assigners;
  for (size_t part = 0; part < parts_; ++part) assigners.emplace_back(books[part], Clustering{Width(part), kEntries, false, 1, nullptr});
  return ForRanges(rows.size(), kGrain, options, {0, 0}, [&](size_t, size_t begin, size_t end) {
    std::vector<float> vectors(Assigner::kRows * dim_), columns;
    std::vector<uint32_t> nearest(Assigner::kRows);
    for (size_t first = begin; first < end; first += Assigner::kRows) {
      const size_t n = std::min(Assigner::kRows, end - first);
      for (size_t i = 0; i < n; ++i) floats.FiniteRow(rows[first + i], vectors.data() + i * dim_);
      for (size_t part = 0; part < parts_; ++part) {
        const size_t from = First(part), width = Width(part);
        columns.resize(n * width);
        for (size_t i = 0; i < n; ++i) std::copy_n(vectors.data() + i * dim_ + from, width, columns.data() + i * width);
        assigners[part].Nearest(columns.data(), n, nearest.data());
        for (size_t i = 0; i < n; ++i) out[(first + i) * parts_ + part] = static_cast<uint8_t>(nearest[i]);
      }
    }
  });
}

void CodeTable::Set(const float* query) {
  const auto add = codes_.metric_ == Metric::kIp ? kernels_.subtract_products : kernels_.add_squares;
  std::fill(floats_.begin(), floats_.end(), 0.0f);
  double base = 0;
  float widest = 0;
  for (size_t part = 0; part < codes_.parts_; ++part) {
    float* const floats = floats_.data() + part * RowCodes::kEntries;
    for (size_t d = codes_.First(part); d < codes_.First(part + 1); ++d) {
      add(query[d], codes_.codebook_.data() + d * RowCodes::kEntries, RowCodes::kEntries, floats);
    }
    float largest = 0;
    kernels_.limit(floats, RowCodes::kEntries, &least_[part], &largest);
    base += static_cast<double>(least_[part]);
    widest = std::max(widest, largest - least_[part]);
  }
  base_ = static_cast<float>(base);
  step_ = widest / kMostSteps;
  const float scale = widest > kLeastRange ? kMostSteps / widest : 0;
  for (size_t part = 0; part < codes_.parts_; ++part) {
    const size_t first = part * RowCodes::kEntries;
    kernels_.cut(floats_.data() + first, RowCodes::kEntries, least_[part], scale, table_.data() + first);
  }
}

float CodeTable::Key(uint32_t position) const {
  return base_ + step_ * static_cast<float>(kernels_.sum(codes_.Row(position), table_.data(), codes_.parts_));
}

void CodeTable::Keys(const uint32_t* positions, size_t count, float* keys) const {
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* const code = codes_.Row(positions[i]);
    __builtin_prefetch(code);
    __builtin_prefetch(code + codes_.parts_ - 1);
  }
  for (size_t i = 0; i < count; ++i) keys[i] = Key(positions[i]);
}

void CodeTable::PrefetchRun(uint32_t first, size_t count) const {
  const uint8_t* const end = codes_.Row(first) + count * codes_.parts_;
  for (const uint8_t* line = codes_.Row(first); line < end; line += 64) __builtin_prefetch(line);
}

}  // namespace saker::index
