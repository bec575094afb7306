// Many queries at once give bit for bit what each of them gives alone.
#include <cstring>

#include "index/test_source.h"

namespace saker::index {
namespace {

uint32_t Seed() {
  const char* seed = std::getenv("SAKER_SEED");
  return seed != nullptr ? static_cast<uint32_t>(std::strtoul(seed, nullptr, 10)) : 20261130u;
}

void ExpectSame(const VectorSource& source, Metric metric, const VectorSource& queries, SearchRequest request, const std::string& what) {
  request.queries = queries.Row(0);
  request.query_count = queries.row_count();
  const auto together = ExactSearch(source, metric, request, Context()).value();
  ASSERT_EQ(together.size(), queries.row_count());
  for (size_t q = 0; q < queries.row_count(); ++q) {
    request.queries = queries.Row(q);
    request.query_count = 1;
    const auto alone = ExactSearch(source, metric, request, Context()).value()[0];
    ASSERT_EQ(together[q].size(), alone.size()) << what << " query " << q << " seed " << Seed();
    for (size_t i = 0; i < alone.size(); ++i) {
      ASSERT_EQ(together[q][i].row, alone[i].row) << what << " query " << q << " hit " << i << " seed " << Seed();
      ASSERT_EQ(std::memcmp(&together[q][i].score, &alone[i].score, 4), 0) << what << " query " << q << " hit " << i << " seed " << Seed();
    }
  }
}

// How vectors may be hard to bound: each a function of a direction and a random number.
using Shape = void (*)(std::vector<float>& v, std::mt19937& random);
constexpr Shape kShapes[] = {
    [](std::vector<float>&, std::mt19937&) {},
    [](std::vector<float>& v, std::mt19937&) {
      for (float& x : v) x = 100 + x * 1e-3f;  // far from zero, near to each other
    },
    [](std::vector<float>& v, std::mt19937& random) {
      for (float& x : v) x *= std::pow(10.0f, static_cast<float>(static_cast<int>(random() % 60) - 30));  // any length
    },
    [](std::vector<float>& v, std::mt19937& random) { v[random() % v.size()] = 1e4f; },  // one element is all
    [](std::vector<float>& v, std::mt19937& random) {
      const float size = random() % 3 == 0 ? 1e-41f : random() % 2 == 0 ? 1e19f : 0.0f;  // denormals, overflow, zeros
      for (float& x : v) x *= size;
    },
    [](std::vector<float>& v, std::mt19937& random) {
      for (float& x : v) x = static_cast<float>(random() % 2);  // many equal scores
    },
    [](std::vector<float>& v, std::mt19937& random) {
      for (float& x : v) x = random() % 8 == 0 ? static_cast<float>(static_cast<int>(random() % 3) - 1) / 40 : 0;  // the least bytes
    },
};

TEST(BatchScanTest, EqualsSingleQueriesBitForBit) {
  std::mt19937 random(Seed());
  for (const VectorType type : {VectorType::kFloat32, VectorType::kFloat16, VectorType::kBFloat16, VectorType::kInt8}) {
    for (size_t shape = 0; shape < std::size(kShapes); ++shape) {
      for (const size_t dim : {size_t{1}, size_t{3}, size_t{16}, size_t{100}}) {
        const size_t rows = 200 + random() % 500;
        MemorySource source(type, dim), queries(type, dim);
        source.contiguous = random() % 2 == 0;
        const auto vector = [&] {
          std::vector<float> v = RandomFloats(random, dim);
          kShapes[shape](v, random);
          return v;
        };
        for (size_t row = 0; row < rows; ++row) source.AddFloats(vector());
        for (size_t q = 0; q < 9 + random() % 5; ++q) queries.AddFloats(vector());
        if (random() % 3 == 0) source.validity = RandomBits(random, rows, 0.9);
        const Bitset allowed = RandomBits(random, rows, random() % 2 == 0 ? 0.5 : 0.05);
        for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
          SearchRequest request;
          request.k = std::vector<size_t>{1, 10, 100, 2000}[random() % 4];
          const std::string what = "type " + std::to_string(static_cast<int>(type)) + " shape " + std::to_string(shape) + " dim " +
                                   std::to_string(dim) + " " + std::string(MetricName(metric)) + " k " + std::to_string(request.k);
          ExpectSame(source, metric, queries, request, what);
          request.allowed = &allowed;
          ExpectSame(source, metric, queries, request, what + " filtered");
          request.allowed = nullptr;
          request.queries = queries.Row(0);
          const auto some = ExactSearch(source, metric, request, Context()).value()[0];
          request.radius = some[some.size() / 2].score;
          if (!SmallerIsBetter(metric)) request.range_filter = some[some.size() / 4].score;
          ExpectSame(source, metric, queries, request, what + " range");
        }
      }
    }
  }
}

TEST(BatchScanTest, TheLargestDimensionAndManyResults) {
  std::mt19937 random(Seed());
  const auto wide = RandomSource(random, VectorType::kFloat32, 32768, 100);
  const auto wide_queries = RandomSource(random, VectorType::kFloat32, 32768, 8);
  SearchRequest request;
  request.k = 3;
  for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) ExpectSame(*wide, metric, *wide_queries, request, "wide");
  const auto many = RandomSource(random, VectorType::kFloat32, 8, 20000);
  const auto queries = RandomSource(random, VectorType::kFloat32, 8, 8);
  request.k = 5000;
  for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) ExpectSame(*many, metric, *queries, request, "many");
}

TEST(BatchScanTest, ACancelledSearchStops) {
  std::mt19937 random(Seed());
  const auto source = RandomSource(random, VectorType::kFloat32, 16, 5000);
  Context cancelled;
  cancelled.Cancel();
  SearchRequest request;
  request.queries = source->Row(0);
  request.query_count = 20;
  EXPECT_EQ(ExactSearch(*source, Metric::kL2, request, cancelled).status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace saker::index
