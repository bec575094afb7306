// ExactSearch against a brute force in double: every type, metric, bitset, range, k.
#include "index/test_source.h"
#include "index/topk.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 7;

std::vector<Metric> MetricsOf(VectorType type) {
  if (type == VectorType::kBinary) return {Metric::kHamming, Metric::kJaccard, Metric::kSubstructure, Metric::kSuperstructure};
  return {Metric::kL2, Metric::kIp, Metric::kCosine};
}

constexpr VectorType kDenseAndBinary[] = {VectorType::kFloat32, VectorType::kFloat16, VectorType::kBFloat16, VectorType::kInt8,
                                          VectorType::kBinary};

// The hits are the k best by the true scores, up to rounding; sorted, each row once, all allowed.
void ExpectExact(const VectorSource& source, Metric metric, const SearchRequest& request, const void* query, const std::vector<Hit>& hits) {
  std::vector<double> truth;
  for (size_t row = 0; row < source.row_count(); ++row) {
    if (request.allowed != nullptr && !request.allowed->Test(row)) continue;
    if (source.valid() != nullptr && !source.valid()->Test(row)) continue;
    const double score = TrueScore(source, metric, query, row);
    if (!std::isnan(score)) truth.push_back(score);
  }
  const bool smaller = SmallerIsBetter(metric);
  std::sort(truth.begin(), truth.end(), [&](double a, double b) { return smaller ? a < b : a > b; });
  ASSERT_EQ(hits.size(), std::min(request.k, truth.size()));
  for (size_t i = 0; i < hits.size(); ++i) {
    const double tolerance = 1e-5 * (std::fabs(truth[i]) + std::sqrt(static_cast<double>(source.dim())));
    EXPECT_NEAR(hits[i].score, truth[i], tolerance) << MetricName(metric) << " hit " << i;
    EXPECT_NEAR(hits[i].score, TrueScore(source, metric, query, hits[i].row), tolerance) << MetricName(metric) << " hit " << i;
    EXPECT_TRUE(request.allowed == nullptr || request.allowed->Test(hits[i].row));
    if (i == 0) continue;
    const bool ordered = smaller ? hits[i - 1].score < hits[i].score : hits[i - 1].score > hits[i].score;
    EXPECT_TRUE(ordered || (hits[i - 1].score == hits[i].score && hits[i - 1].row < hits[i].row)) << "hit " << i;
  }
}

TEST(ExactSearchTest, EqualsBruteForceForEveryTypeMetricAndBitset) {
  std::mt19937 random(kSeed);
  for (const VectorType type : kDenseAndBinary) {
    for (const size_t dim : {size_t{8}, size_t{24}, size_t{128}}) {
      const auto source = RandomSource(random, type, dim, 300);
      const auto queries = RandomSource(random, type, dim, 3);
      source->contiguous = dim != 24;
      if (dim == 128) source->validity = RandomBits(random, 300, 0.8);
      for (const Metric metric : MetricsOf(type)) {
        for (const double share : {0.0, 0.02, 0.5, 1.0}) {
          const Bitset allowed = RandomBits(random, 300, share);
          for (const size_t k : {size_t{1}, size_t{10}, size_t{299}, size_t{301}}) {
            SearchRequest request;
            request.queries = queries->Row(0);
            request.query_count = 3;
            request.k = k;
            request.allowed = share == 1.0 ? nullptr : &allowed;
            const auto results = ExactSearch(*source, metric, request, Context());
            ASSERT_TRUE(results.ok()) << results.status().ToString();
            ASSERT_EQ(results->size(), 3u);
            for (size_t q = 0; q < 3; ++q) ExpectExact(*source, metric, request, queries->Row(q), (*results)[q]);
          }
        }
      }
    }
  }
}

TEST(ExactSearchTest, EqualScoresComeBySmallerRowWhateverTheirPlace) {
  std::mt19937 random(kSeed);
  for (const size_t dim : {1, 3, 17, 100}) {
    const std::vector<float> one = RandomFloats(random, dim), other = RandomFloats(random, dim);
    MemorySource source(VectorType::kFloat32, dim);
    for (size_t row = 0; row < 203; ++row) source.AddFloats(row % 5 == 2 ? one : other);
    for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
      SearchRequest request;
      request.queries = one.data();
      request.k = 20;
      const auto hits = ExactSearch(source, metric, request, Context()).value()[0];
      ASSERT_EQ(hits.size(), 20u);
      std::vector<uint32_t> equal;
      for (const Hit& hit : hits) {
        if (hit.score == hits[0].score) equal.push_back(hit.row);
      }
      EXPECT_TRUE(std::is_sorted(equal.begin(), equal.end()));
      const bool first_kind = hits[0].row % 5 == 2;
      for (size_t i = 0; i < equal.size(); ++i) EXPECT_EQ(equal[i], first_kind ? 5 * i + 2 : i + (2 + i) / 4) << dim;
    }
  }
}

TEST(ExactSearchTest, RangeKeepsTheOuterBoundOutAndTheInnerBoundIn) {
  MemorySource source(VectorType::kFloat32, 1);
  for (const float x : {1.0f, 2.0f, 3.0f, 4.0f}) source.AddFloats({x});
  const float zero = 0, one = 1;
  SearchRequest request;
  request.queries = &zero;
  request.radius = 9.0f;
  request.range_filter = 1.0f;
  auto hits = ExactSearch(source, Metric::kL2, request, Context()).value()[0];
  ASSERT_EQ(hits.size(), 2u);  // 1 and 4, not 9
  EXPECT_EQ(hits[0].row, 0u);
  EXPECT_EQ(hits[1].row, 1u);
  request.queries = &one;
  request.radius = 1.0f;
  request.range_filter = 3.0f;
  hits = ExactSearch(source, Metric::kIp, request, Context()).value()[0];
  ASSERT_EQ(hits.size(), 2u);  // 3 and 2, not 4, not 1
  EXPECT_EQ(hits[0].row, 2u);
  EXPECT_EQ(hits[1].row, 1u);
  request.radius.reset();
  EXPECT_EQ(ExactSearch(source, Metric::kIp, request, Context()).status().message(),
            "range_filter requires radius to be set; range_filter alone is not a valid range search parameter");
}

TEST(ExactSearchTest, ExtremeValuesStillGiveNumbersInOrder) {
  MemorySource source(VectorType::kFloat32, 2);
  source.AddFloats({0, 0});
  source.AddFloats({3e38f, 0});
  source.AddFloats({-3e38f, 3e38f});
  source.AddFloats({1e-40f, 0});
  source.AddFloats({1, 0});
  const std::vector<float> query = {2e38f, 2e38f};
  SearchRequest request;
  request.queries = query.data();
  for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
    const auto hits = ExactSearch(source, metric, request, Context()).value()[0];
    ASSERT_EQ(hits.size(), 5u);
    for (const Hit& hit : hits) EXPECT_FALSE(std::isnan(hit.score));
    if (metric != Metric::kCosine) continue;
    for (const Hit& hit : hits) { EXPECT_NEAR(hit.score, hit.row == 0 || hit.row == 2 ? 0 : std::sqrt(0.5), 1e-6) << hit.row; }
  }
}

TEST(ExactSearchTest, AZeroVectorScoresZeroWithCosine) {
  MemorySource source(VectorType::kFloat32, 3);
  source.AddFloats({0, 0, 0});
  source.AddFloats({-1, 0, 0});
  source.AddFloats({2, 0, 0});
  const std::vector<float> query = {1, 0, 0}, zero = {0, 0, 0};
  SearchRequest request;
  request.queries = query.data();
  auto hits = ExactSearch(source, Metric::kCosine, request, Context()).value()[0];
  EXPECT_EQ(hits[0].score, 1.0f);
  EXPECT_EQ(hits[1].score, 0.0f);
  EXPECT_EQ(hits[1].row, 0u);
  EXPECT_EQ(hits[2].score, -1.0f);
  request.queries = zero.data();
  hits = ExactSearch(source, Metric::kCosine, request, Context()).value()[0];
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(hits[i].row, i);
    EXPECT_EQ(hits[i].score, 0.0f);
  }
}

TEST(ExactSearchTest, SparseRowsThatShareNothingAreNoResults) {
  MemorySource source(VectorType::kSparse, 0);
  source.AddSparse({{1, 1.0f}, {7, 2.0f}});
  source.AddSparse({});
  source.AddSparse({{2, 5.0f}});
  source.AddSparse({{7, 3.0f}, {4000000000u, -1.0f}});
  const std::vector<SparsePair> query = {{7, 1.0f}, {4000000000u, 2.0f}};
  SearchRequest request;
  request.sparse_queries = {{query.data(), query.size()}};
  const auto hits = ExactSearch(source, Metric::kIp, request, Context()).value()[0];
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[0].row, 0u);
  EXPECT_EQ(hits[0].score, 2.0f);
  EXPECT_EQ(hits[1].row, 3u);
  EXPECT_EQ(hits[1].score, 1.0f);
}

TEST(ExactSearchTest, BadRequestsAreRefusedAndCancelledOnesStop) {
  std::mt19937 random(kSeed);
  const auto source = RandomSource(random, VectorType::kFloat32, 4, 10);
  SearchRequest request;
  request.queries = source->Row(0);
  request.k = 0;
  EXPECT_EQ(ExactSearch(*source, Metric::kL2, request, Context()).status().code(), StatusCode::kInvalidArgument);
  request.k = 3;
  const Bitset short_bits(9);
  request.allowed = &short_bits;
  EXPECT_EQ(ExactSearch(*source, Metric::kL2, request, Context()).status().message(), "the bitset has 9 bits, the index 10 rows");
  request.allowed = nullptr;
  EXPECT_EQ(ExactSearch(*source, Metric::kHamming, request, Context()).status().message(),
            "float vector index does not support metric type: HAMMING");
  Context cancelled;
  cancelled.Cancel();
  EXPECT_EQ(ExactSearch(*source, Metric::kL2, request, cancelled).status().code(), StatusCode::kCancelled);
}

TEST(TopKTest, KeepsTheBestOfManyWithTiesBySmallerRow) {
  std::mt19937 random(kSeed);
  for (const size_t k : {1, 2, 10, 100, 1000}) {
    TopK top(k);
    std::vector<uint64_t> all;
    for (uint32_t row = 0; row < 5000; ++row) {
      const float key = static_cast<float>(static_cast<int>(random() % 400) - 200);
      top.Offer(key, row);
      all.push_back(PackKey(key, row));
    }
    std::sort(all.begin(), all.end());
    const auto hits = top.Finish(Metric::kL2);
    ASSERT_EQ(hits.size(), k);
    for (size_t i = 0; i < k; ++i) EXPECT_EQ(hits[i].row, RowOf(all[i]));
  }
}

TEST(TopKTest, SelectionEqualsSortingInAnyOrder) {
  std::mt19937 random(kSeed);
  for (int round = 0; round < 2000; ++round) {
    const size_t n = 1 + random() % 300, k = 1 + random() % n;
    std::vector<uint64_t> values(n);
    for (size_t i = 0; i < n; ++i) values[i] = round % 4 == 0 ? i : round % 4 == 1 ? n - i : round % 4 == 2 ? random() % 7 : random();
    std::vector<uint64_t> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    SelectSmallest(values.data(), n, k);
    EXPECT_EQ(values[k - 1], sorted[k - 1]);
    std::sort(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(k));
    EXPECT_TRUE(std::equal(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(k), sorted.begin()));
  }
}

TEST(TopKTest, PackedKeysKeepTheOrderOfFloats) {
  const float keys[] = {-INFINITY, -3e38f, -1.0f, -1e-45f, 0.0f, 1e-45f, 1.0f, 3e38f, INFINITY, NAN};
  for (size_t i = 1; i < std::size(keys); ++i) EXPECT_LT(PackKey(keys[i - 1], 9), PackKey(keys[i], 0));
  EXPECT_EQ(OrderedBits(-0.0f), OrderedBits(0.0f));
  for (size_t i = 0; i + 1 < std::size(keys); ++i) EXPECT_EQ(FromOrderedBits(OrderedBits(keys[i])), keys[i]);
}

}  // namespace
}  // namespace saker::index
