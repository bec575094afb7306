// What every family promises, against exact search: sorted, no row twice, exactly min(k, allowed rows), right scores.
#include <cmath>

#include "index/half.h"
#include "index/params.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 11;

struct FamilyCase {
  const char* type;
  VectorType vectors;
  Metric metric;
  Params params = {};
};
std::vector<FamilyCase> Cases() {
  std::vector<FamilyCase> cases;
  for (const VectorType type : {VectorType::kFloat32, VectorType::kFloat16, VectorType::kBFloat16, VectorType::kInt8}) {
    for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
      cases.push_back({"FLAT", type, metric});
      cases.push_back({"HNSW", type, metric, {{"M", "8"}, {"efConstruction", "60"}}});
      cases.push_back({"IVF_FLAT", type, metric, {{"nlist", "16"}}});
      cases.push_back({"AUTOINDEX", type, metric});
      cases.push_back({"IVF_SQ8", type, metric, {{"nlist", "16"}}});
      cases.push_back({"IVF_PQ", type, metric, {{"nlist", "16"}, {"m", "4"}}});
      cases.push_back({"SCANN", type, metric, {{"nlist", "16"}}});
      cases.push_back({"IVF_RABITQ", type, metric, {{"nlist", "16"}}});
    }
  }
  for (const char* type : {"HNSW_SQ", "HNSW_PQ", "HNSW_PRQ"}) {
    cases.push_back({type, VectorType::kFloat32, Metric::kCosine});
    cases.push_back({type, VectorType::kInt8, Metric::kL2});
  }
  cases.push_back({"DISKANN", VectorType::kFloat32, Metric::kL2});
  for (const Metric metric : {Metric::kHamming, Metric::kJaccard}) {
    cases.push_back({"BIN_FLAT", VectorType::kBinary, metric});
    cases.push_back({"BIN_IVF_FLAT", VectorType::kBinary, metric});
    cases.push_back({"AUTOINDEX", VectorType::kBinary, metric});
  }
  return cases;
}

void ExpectContract(const VectorSource& source, Metric metric, const SearchRequest& request, const void* query,
                    const std::vector<Hit>& hits) {
  size_t allowed = 0;
  std::vector<bool> may(source.row_count());
  for (size_t row = 0; row < source.row_count(); ++row) {
    may[row] = (request.allowed == nullptr || request.allowed->Test(row)) && (source.valid() == nullptr || source.valid()->Test(row));
    allowed += may[row] ? 1 : 0;
  }
  ASSERT_EQ(hits.size(), std::min(request.k, allowed));
  for (size_t i = 0; i < hits.size(); ++i) {
    ASSERT_LT(hits[i].row, source.row_count());
    EXPECT_TRUE(may[hits[i].row]) << "row " << hits[i].row << " twice or not allowed";
    may[hits[i].row] = false;
    const double truth = TrueScore(source, metric, query, hits[i].row);
    EXPECT_NEAR(hits[i].score, truth, 1e-5 * (std::fabs(truth) + static_cast<double>(source.dim())));
    if (i == 0) continue;
    const bool ordered = SmallerIsBetter(metric) ? hits[i - 1].score < hits[i].score : hits[i - 1].score > hits[i].score;
    EXPECT_TRUE(ordered || (hits[i - 1].score == hits[i].score && hits[i - 1].row < hits[i].row));
  }
}

std::unique_ptr<Index> Build(const FamilyCase& family, std::shared_ptr<const VectorSource> source, int threads = 2) {
  BuildOptions options;
  options.threads = threads;
  auto index = BuildIndex({family.type, family.metric, family.params}, std::move(source), options);
  EXPECT_TRUE(index.ok()) << family.type << ": " << index.status().ToString();
  return std::move(index).value();
}

TEST(IndexTest, EveryFamilyKeepsTheResultContractUnderRandomBitsets) {
  std::mt19937 random(kSeed);
  for (const FamilyCase& family : Cases()) {
    SCOPED_TRACE(testing::Message() << family.type << " " << MetricName(family.metric) << " type " << static_cast<int>(family.vectors));
    const size_t rows = 700, dim = 16;
    const auto source = RandomSource(random, family.vectors, dim, rows);
    if (random() % 2 == 0) source->validity = RandomBits(random, rows, 0.9);
    source->contiguous = random() % 2 == 0;
    const auto index = Build(family, source);
    EXPECT_EQ(index->row_count(), rows);
    const auto queries = RandomSource(random, family.vectors, dim, 4);
    for (const double share : {0.0, 0.005, 0.1, 0.5, 0.95, 1.0}) {
      const Bitset allowed = RandomBits(random, rows, share);
      for (const size_t k : {size_t{1}, size_t{7}, size_t{64}, rows, rows + 1}) {
        SearchRequest request;
        request.queries = queries->Row(0);
        request.query_count = 4;
        request.k = k;
        request.allowed = share == 1.0 ? nullptr : &allowed;
        SearchStats stats;
        const auto results = index->Search(request, Context(), &stats);
        ASSERT_TRUE(results.ok()) << results.status().ToString();
        for (size_t q = 0; q < 4; ++q) ExpectContract(*source, family.metric, request, queries->Row(q), (*results)[q]);
      }
    }
  }
}

// Counts around the default degree, every parameter left out: as many rows as a node has links, and one more.
TEST(IndexTest, GraphsOfFewRowsAreExact) {
  std::mt19937 random(kSeed);
  for (const char* type : {"HNSW", "HNSW_SQ", "HNSW_PQ", "HNSW_PRQ", "DISKANN", "AUTOINDEX"}) {
    const IndexSpec spec = ValidateSpec({type, Metric::kL2, {}}, VectorType::kFloat32, 16).value();
    const size_t degree = spec.type == "DISKANN" ? DiskShapeOf(spec).max_degree : 2 * GraphShapeOf(spec).m;
    if (spec.type.starts_with("HNSW")) { EXPECT_EQ(degree, 40u); }
    for (const size_t rows : {size_t{0}, size_t{1}, size_t{2}, degree, degree + 1}) {
      for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
        SCOPED_TRACE(testing::Message() << type << " " << MetricName(metric) << " " << rows << " rows");
        const auto source = RandomSource(random, VectorType::kFloat32, 16, rows);
        const auto index = Build({type, VectorType::kFloat32, metric}, source, 1);
        const auto queries = RandomSource(random, VectorType::kFloat32, 16, 3);
        for (const size_t k : {size_t{1}, size_t{10}, rows + 1}) {
          SearchRequest request;
          request.queries = queries->Row(0);
          request.query_count = 3;
          request.k = k;
          const auto exact = ExactSearch(*source, metric, request, Context()).value();
          const auto results = index->Search(request, Context()).value();
          for (size_t q = 0; q < 3; ++q) {
            ASSERT_EQ(results[q].size(), exact[q].size());
            for (size_t i = 0; i < exact[q].size(); ++i) EXPECT_EQ(results[q][i].row, exact[q][i].row) << "hit " << i << " of " << k;
          }
        }
      }
    }
  }
}

// Recall of a family against exact search, ties counted as found.
double Recall(const Index& index, const VectorSource& source, Metric metric, const MemorySource& queries, const SearchRequest& base) {
  size_t found = 0, wanted = 0;
  for (size_t q = 0; q < queries.row_count(); ++q) {
    SearchRequest request = base;
    request.queries = queries.Row(q);
    const auto truth = ExactSearch(source, metric, request, Context()).value()[0];
    const auto hits = index.Search(request, Context()).value()[0];
    EXPECT_EQ(hits.size(), truth.size());
    wanted += truth.size();
    for (const Hit& hit : hits) {
      const bool good = SmallerIsBetter(metric) ? hit.score <= truth.back().score : hit.score >= truth.back().score;
      found += good ? 1 : 0;
    }
  }
  return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
}

TEST(IndexTest, ApproximateFamiliesFindMostWithAndWithoutFilters) {
  std::mt19937 random(kSeed);
  const auto source = RandomSource(random, VectorType::kFloat32, 12, 6000);
  const auto queries = RandomSource(random, VectorType::kFloat32, 12, 40);
  for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
    for (const FamilyCase& family :
         {FamilyCase{"HNSW", VectorType::kFloat32, metric, {{"M", "16"}, {"efConstruction", "120"}}},
          FamilyCase{"IVF_FLAT", VectorType::kFloat32, metric, {{"nlist", "32"}}}, FamilyCase{"AUTOINDEX", VectorType::kFloat32, metric}}) {
      const auto index = Build(family, source);
      SearchRequest request;
      request.params = {{"ef", "64"}, {"nprobe", "16"}};
      EXPECT_GE(Recall(*index, *source, metric, *queries, request), 0.95) << family.type << " " << MetricName(metric);
      for (const double share : {0.7, 0.3, 0.02}) {
        const Bitset allowed = RandomBits(random, 6000, share);
        request.allowed = &allowed;
        EXPECT_GE(Recall(*index, *source, metric, *queries, request), 0.93) << family.type << " " << MetricName(metric) << " " << share;
      }
    }
  }
}

TEST(IndexTest, TinySourcesAndOddShapesWork) {
  std::mt19937 random(kSeed);
  for (const size_t rows : {0, 1, 2, 16, 17, 33}) {
    for (const size_t dim : {1, 2, 3}) {
      for (const char* type : {"FLAT", "HNSW", "IVF_FLAT", "IVF_SQ8", "AUTOINDEX"}) {
        for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
          const auto source = RandomSource(random, VectorType::kFloat32, dim, rows);
          const auto index = Build({type, VectorType::kFloat32, metric}, source);
          const std::vector<float> query = RandomFloats(random, dim);
          for (size_t k = 1; k <= rows + 1; ++k) {
            SearchRequest request;
            request.queries = query.data();
            request.k = k;
            ExpectContract(*source, metric, request, query.data(), index->Search(request, Context()).value()[0]);
          }
        }
      }
    }
  }
}

TEST(IndexTest, DuplicatesAndZeroVectorsAreAllFound) {
  for (const char* type : {"FLAT", "HNSW", "IVF_FLAT", "IVF_SQ8", "SCANN"}) {
    for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
      const auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 4);
      for (size_t row = 0; row < 1200; ++row) source->AddFloats(row % 3 == 0 ? std::vector<float>(4, 0.0f) : std::vector<float>(4, 1.0f));
      const auto index = Build({type, VectorType::kFloat32, metric}, source);
      const std::vector<float> query(4, 1.0f);
      for (const size_t k : {10u, 500u, 1000u, 1200u}) {
        SearchRequest request;
        request.queries = query.data();
        request.k = k;
        ExpectContract(*source, metric, request, query.data(), index->Search(request, Context()).value()[0]);
      }
    }
  }
}

TEST(IndexTest, RangeSearchIsExactInEveryFamily) {
  std::mt19937 random(kSeed);
  const auto source = RandomSource(random, VectorType::kFloat32, 8, 3000);
  for (const char* type : {"HNSW", "IVF_FLAT", "IVF_SQ8", "SCANN"}) {
    for (const Metric metric : {Metric::kL2, Metric::kCosine}) {
      const auto index = Build({type, VectorType::kFloat32, metric}, source);
      SearchRequest request;
      request.queries = source->Row(5);
      request.k = 500;
      request.radius = metric == Metric::kL2 ? 6.0f : 0.4f;
      request.range_filter = metric == Metric::kL2 ? 1.0f : 0.9f;
      const auto truth = ExactSearch(*source, metric, request, Context()).value()[0];
      const auto hits = index->Search(request, Context()).value()[0];
      ASSERT_FALSE(truth.empty());
      ASSERT_EQ(hits.size(), truth.size());
      for (size_t i = 0; i < hits.size(); ++i) {
        EXPECT_EQ(hits[i].row, truth[i].row);
        EXPECT_EQ(hits[i].score, truth[i].score);
      }
    }
  }
}

TEST(IndexTest, SparseIndexEqualsTheExactScan) {
  std::mt19937 random(kSeed);
  const auto random_row = [&](size_t terms) {
    std::map<uint32_t, float> row;
    for (size_t i = 0; i < terms; ++i)
      row[static_cast<uint32_t>(random() % 97) * 40000000u] = static_cast<float>(random() % 2001) / 100 - 5;
    std::vector<SparsePair> pairs;
    for (const auto& [index, value] : row) pairs.push_back({index, value});
    return pairs;
  };
  const auto source = std::make_shared<MemorySource>(VectorType::kSparse, 0);
  for (size_t row = 0; row < 1500; ++row) source->AddSparse(random_row(random() % 12));
  source->validity = RandomBits(random, 1500, 0.9);
  for (const char* type : {"SPARSE_INVERTED_INDEX", "SPARSE_WAND", "AUTOINDEX"}) {
    const auto index = Build({type, VectorType::kSparse, Metric::kIp}, source);
    for (size_t q = 0; q < 60; ++q) {
      const std::vector<SparsePair> query = random_row(1 + random() % 6);
      const Bitset allowed = RandomBits(random, 1500, 0.5);
      SearchRequest request;
      request.sparse_queries = {{query.data(), query.size()}};
      request.k = 1 + random() % 200;
      if (q % 2 == 0) request.allowed = &allowed;
      if (q % 5 == 0) request.radius = 10.0f;
      const auto truth = ExactSearch(*source, Metric::kIp, request, Context()).value()[0];
      const auto hits = index->Search(request, Context()).value()[0];
      ASSERT_EQ(hits.size(), truth.size());
      for (size_t i = 0; i < hits.size(); ++i) {
        EXPECT_EQ(hits[i].row, truth[i].row);
        EXPECT_EQ(hits[i].score, truth[i].score);
      }
    }
  }
}

TEST(IndexTest, ABuildReportsProgressAndStopsWhenCancelled) {
  std::mt19937 random(kSeed);
  const auto source = RandomSource(random, VectorType::kFloat32, 8, 5000);
  for (const char* type : {"HNSW", "IVF_FLAT", "IVF_SQ8", "SCANN", "DISKANN"}) {
    BuildOptions options;
    options.threads = 2;
    double last = -1;
    options.progress = [&](double share) {
      EXPECT_GE(share, last);
      last = share;
    };
    ASSERT_TRUE(BuildIndex({type, Metric::kL2, {}}, source, options).ok());
    EXPECT_EQ(last, 1.0);
    Context context;
    options.context = &context;
    options.progress = [&](double share) {
      if (share >= 0.2) context.Cancel();
    };
    EXPECT_EQ(BuildIndex({type, Metric::kL2, {}}, source, options).status().code(), StatusCode::kCancelled) << type;
  }
}

TEST(IndexTest, OneThreadBuildsTheSameGraphEveryTime) {
  std::mt19937 random(kSeed);
  const auto source = RandomSource(random, VectorType::kFloat32, 8, 2000);
  const FamilyCase family{"HNSW", VectorType::kFloat32, Metric::kL2, {{"M", "4"}, {"efConstruction", "20"}}};
  const auto a = Build(family, source, 1), b = Build(family, source, 1);
  SearchRequest request;
  request.params = {{"ef", "10"}};
  for (size_t row = 0; row < 200; ++row) {
    request.queries = source->Row(row);
    const auto x = a->Search(request, Context()).value()[0], y = b->Search(request, Context()).value()[0];
    ASSERT_EQ(x.size(), y.size());
    for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(x[i].row, y[i].row);
  }
}

TEST(HalfTest, EveryValueComesBackAndTheNearestIsTaken) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = HalfToFloat(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(value))));
      continue;
    }
    ASSERT_EQ(FloatToHalf(value), half);
    const auto next = static_cast<uint16_t>(half + 1);
    if ((next & 0x7fff) >= 0x7c00) continue;
    const float middle = (value + HalfToFloat(next)) / 2;  // a float holds it
    ASSERT_EQ(FloatToHalf(middle), bits % 2 == 0 ? half : next) << bits;
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, value)), half) << bits;
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, HalfToFloat(next))), next) << bits;
  }
  EXPECT_EQ(FloatToHalf(65519.996f), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(FloatToHalf(-1e30f), 0xfc00);
  EXPECT_EQ(FloatToHalf(1e-30f), 0);
}

}  // namespace
}  // namespace saker::index
