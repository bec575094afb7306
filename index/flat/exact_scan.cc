#include "index/flat/exact_scan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "index/flat/batch_scan.h"
#include "index/scorer.h"
#include "index/sparse/bm25.h"
#include "index/topk.h"

namespace saker::index {
namespace {

constexpr size_t kBlockBytes = 128 * 1024;
constexpr size_t kBlockRows = 1024;
constexpr size_t kMaxK = 1u << 20;              // Milvus allows 16,384; the iterator asks for a little more
constexpr size_t kCollectorEntries = 4u << 20;  // packed hits of all the queries that share one pass: 32 MiB

bool IsStructure(Metric metric) {
  return metric == Metric::kSubstructure || metric == Metric::kSuperstructure;
}

// No key above it is in the request's range.
float LargestKey(Metric metric, const SearchRequest& request) {
  if (!request.radius.has_value()) return std::numeric_limits<float>::infinity();
  return SmallerIsBetter(metric) ? *request.radius : 0.0f - *request.radius;
}

// One pass over the rows for queries [0, count) of `queries`.
Status ScanGroup(const VectorSource& source, Metric metric, const float* inverse_norms, const char* queries, size_t count,
                 const SearchRequest& request, const AllowedRows& allowed, const Context& context, std::vector<TopK>* best) {
  const size_t stride = RowBytes(source.type(), source.dim());
  const size_t block_rows = std::clamp<size_t>(kBlockBytes / std::max<size_t>(stride, 1), 64, kBlockRows);
  const bool ranged = request.radius.has_value() || request.range_filter.has_value();
  // Without norms one query computes them as it goes; many share an array whose entries are right for the current block.
  std::vector<float> own_norms;
  if (metric == Metric::kCosine && inverse_norms == nullptr && count > 1) {
    own_norms.resize(source.row_count());
    inverse_norms = own_norms.data();
  }
  std::vector<Scorer> scorers(count, Scorer(source, metric, inverse_norms));
  for (size_t q = 0; q < count; ++q) scorers[q].SetQuery(queries + q * stride);

  std::optional<BatchScan> batch;
  if (BatchScan::Pays(source.type(), count)) batch.emplace(source, metric, queries, count, LargestKey(metric, request));

  uint32_t rows[kBlockRows], likely[kBlockRows];
  float keys[kBlockRows];
  size_t next = 0, limit = batch.has_value() ? 64 : block_rows;
  while (const size_t n = allowed.NextBlock(&next, rows, limit)) {
    TRY(context.Check());
    if (!own_norms.empty()) {
      for (size_t i = 0; i < n; ++i) own_norms[rows[i]] = scorers[0].InverseNorm(scorers[0].Address(rows[i]));
    }
    // While nothing has an end yet every row is scored anyway.
    const bool sift = batch.has_value() && (best->front().worst() < INFINITY || request.radius.has_value());
    if (sift) batch->Sift(scorers[0], inverse_norms, rows, n, *best);
    for (size_t q = 0; q < count; ++q) {
      const size_t scored = sift ? batch->Rows(q, rows, n, likely) : n;
      if (scored == 0) continue;
      const uint32_t* const scored_rows = sift ? likely : rows;
      scorers[q].Keys(scored_rows, scored, keys);
      TopK& top = (*best)[q];
      for (size_t i = 0; i < scored; ++i) {
        if (keys[i] > top.worst()) continue;
        if (IsStructure(metric) && keys[i] != 0) continue;
        if (ranged && !InRange(metric, request, KeyToScore(metric, keys[i]))) continue;
        top.Offer(keys[i], scored_rows[i]);
      }
      if (batch.has_value()) top.Settle();
    }
    if (batch.has_value()) limit = std::min(2 * limit, batch->block_rows());  // small ones first: soon there is a k-th best
  }
  return OkStatus();
}

}  // namespace

Status CheckRequest(const SearchRequest& request, VectorType type, size_t row_count) {
  if (request.k == 0 || request.k > kMaxK) return InvalidArgument("k is ", request.k, ", it should be in range [1, ", kMaxK, "]");
  if (request.allowed != nullptr && request.allowed->size() != row_count) {
    return InvalidArgument("the bitset has ", request.allowed->size(), " bits, the index ", row_count, " rows");
  }
  if (request.range_filter.has_value() && !request.radius.has_value()) {
    return InvalidArgument("range_filter requires radius to be set; range_filter alone is not a valid range search parameter");
  }
  if (type == VectorType::kSparse) return OkStatus();
  if (request.query_count > 0 && request.queries == nullptr) return InvalidArgument(request.query_count, " queries, but no vectors");
  return OkStatus();
}

Result<std::vector<std::vector<Hit>>> ScanRows(const VectorSource& source, Metric metric, const float* inverse_norms, const void* queries,
                                               size_t query_count, const SearchRequest& request, const AllowedRows& allowed,
                                               const Context& context, SearchStats* stats) {
  const size_t stride = RowBytes(source.type(), source.dim());
  const size_t k = std::min(request.k, allowed.count());
  std::vector<std::vector<Hit>> results(query_count);
  if (k == 0) return results;
  const size_t group = std::clamp<size_t>(kCollectorEntries / (2 * k + 64), 1, 1024);
  for (size_t begin = 0; begin < query_count; begin += group) {
    const size_t count = std::min(group, query_count - begin);
    std::vector<TopK> best(count, TopK(k));
    const char* first = static_cast<const char*>(queries) + begin * stride;
    TRY(ScanGroup(source, metric, inverse_norms, first, count, request, allowed, context, &best));
    for (size_t q = 0; q < count; ++q) results[begin + q] = best[q].Finish(metric);
    if (stats != nullptr) stats->distances += count * allowed.count();
  }
  return results;
}

Result<std::vector<std::vector<Hit>>> ExactSearch(const VectorSource& source, Metric metric, const SearchRequest& request,
                                                  const Context& context, SearchStats* stats) {
  TRY(CheckRequest(request, source.type(), source.row_count()));
  const AllowedRows allowed(request.allowed, source.valid(), source.row_count());
  if (source.type() == VectorType::kSparse) {
    if (metric == Metric::kBm25) return ScanBm25Rows(source, request, allowed, context, stats);
    if (metric != Metric::kIp) return InvalidArgument("only IP&BM25 is the supported metric type for sparse index");
    return ScanSparseRows(source, request, allowed, context, stats);
  }
  if ((source.type() == VectorType::kBinary) != IsBinaryMetric(metric) || metric == Metric::kBm25) {
    return InvalidArgument(source.type() == VectorType::kBinary ? "binary" : "float",
                           " vector index does not support metric type: ", MetricName(metric));
  }
  return ScanRows(source, metric, nullptr, request.queries, request.query_count, request, allowed, context, stats);
}

}  // namespace saker::index
