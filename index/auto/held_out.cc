#include "index/auto/held_out.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "index/flat/exact_scan.h"
#include "index/graph/node_codes.h"
#include "index/half.h"
#include "index/parallel.h"
#include "index/scorer.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 20250302;
constexpr float kMove = 0.6f;
constexpr size_t kFewestQueries = 100, kMostQueries = 320;
constexpr double kScanWork = 2e11;  // multiply-adds that the truth may cost
constexpr size_t kBlock = 32;       // queries scanned for at once

uint16_t BFloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

void Encode(VectorType type, const std::vector<float>& values, std::vector<char>* out) {
  for (size_t i = 0; i < values.size(); ++i) {
    const float value = std::isfinite(values[i]) ? values[i] : 0;
    switch (type) {
      case VectorType::kFloat16: {
        const uint16_t half = FloatToHalf(std::clamp(value, -65504.0f, 65504.0f));
        std::memcpy(out->data() + 2 * i, &half, 2);
        break;
      }
      case VectorType::kBFloat16: {
        const uint16_t half = BFloat16(value);
        std::memcpy(out->data() + 2 * i, &half, 2);
        break;
      }
      case VectorType::kInt8: (*out)[i] = static_cast<char>(static_cast<int8_t>(std::clamp(std::nearbyint(value), -128.0f, 127.0f))); break;
      default: std::memcpy(out->data() + 4 * i, &value, 4);
    }
  }
}

class Drawer {
 public:
  Drawer(const VectorSource& source, Metric metric, std::vector<uint32_t> rows, uint32_t seed)
      : source_(source), metric_(metric), scorer_(source, metric, nullptr), rows_(std::move(rows)), random_(seed) {}

  HeldOutQuery Row() {
    HeldOutQuery query;
    query.self = Any();
    const char* bytes = static_cast<const char*>(source_.Row(query.self));
    query.vector.assign(bytes, bytes + RowBytes(source_.type(), source_.dim()));
    return query;
  }

  HeldOutQuery Moved() {
    HeldOutQuery query;
    std::vector<float> values = Floats(), to = Floats(), from = Floats();
    for (size_t i = 0; i < values.size(); ++i) values[i] += kMove * (to[i] - from[i]);
    query.vector.resize(RowBytes(source_.type(), source_.dim()));
    Encode(source_.type(), values, &query.vector);
    return query;
  }

 private:
  uint32_t Any() { return rows_[random_() % rows_.size()]; }
  std::vector<float> Floats() {
    const uint32_t row = Any();
    float factor = 1;
    // Directions are what COSINE compares; as bytes they would all be 0.
    if (metric_ == Metric::kCosine && source_.type() != VectorType::kInt8) factor = scorer_.InverseNorm(source_.Row(row));
    std::vector<float> values(source_.dim());
    ReadFloats(source_, row, std::isfinite(factor) ? factor : 0, values.data());
    return values;
  }

  const VectorSource& source_;
  const Metric metric_;
  const Scorer scorer_;
  const std::vector<uint32_t> rows_;
  std::mt19937 random_;
};

}  // namespace

Result<std::vector<HeldOutQuery>> DrawHeldOut(const VectorSource& source, Metric metric, const BuildOptions& options) {
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < source.row_count(); ++row) {
    if (source.valid() == nullptr || source.valid()->Test(row)) rows.push_back(row);
  }
  std::vector<HeldOutQuery> queries;
  if (rows.size() < 2) return queries;
  const double row_work = static_cast<double>(rows.size()) * static_cast<double>(std::max<size_t>(source.dim(), 1));
  const size_t count = std::clamp(static_cast<size_t>(kScanWork / row_work), kFewestQueries, kMostQueries);
  Drawer drawer(source, metric, std::move(rows), kSeed);
  for (size_t i = 0; i < count; ++i) queries.push_back(i % 2 == 0 ? drawer.Row() : drawer.Moved());

  const size_t stride = RowBytes(source.type(), source.dim());
  std::vector<Status> problems(queries.size(), OkStatus());
  TRY(ForRanges(queries.size(), kBlock, options, {0, 0}, [&](size_t, size_t begin, size_t end) {
    std::vector<char> block((end - begin) * stride);
    for (size_t q = begin; q < end; ++q) std::copy_n(queries[q].vector.data(), stride, block.data() + (q - begin) * stride);
    SearchRequest request;
    request.queries = block.data();
    request.query_count = end - begin;
    request.k = kHeldOutDepth + 1;
    const Context context;
    auto hits = ExactSearch(source, metric, request, options.context != nullptr ? *options.context : context);
    if (!hits.ok()) {
      problems[begin] = hits.status();
      return;
    }
    for (size_t q = begin; q < end; ++q) {
      for (const Hit& hit : (*hits)[q - begin]) {
        if (hit.row != queries[q].self && queries[q].truth.size() < kHeldOutDepth) queries[q].truth.push_back(hit.score);
      }
    }
  }));
  for (const Status& problem : problems) TRY(problem);
  return queries;
}

}  // namespace saker::index
