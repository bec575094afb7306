// A filter that leaves what is far from the query, or a region beside it, costs no recall: it sends the search farther.
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 37;
constexpr size_t kDim = 24, kQueries = 20, kRows = 6000;

struct Rows {
  std::shared_ptr<MemorySource> source, queries;
};

double Recall(const Index& index, const Rows& rows, const std::vector<Bitset>& filters, size_t together, const char* nprobe = "8") {
  size_t found = 0, wanted = 0;
  for (size_t q = 0; q < rows.queries->row_count(); q += together) {
    SearchRequest request;
    request.queries = rows.queries->Row(q);
    request.query_count = together;
    request.params = {{"nprobe", nprobe}};
    if (!filters.empty()) request.allowed = &filters[q];
    const auto truth = ExactSearch(*rows.source, Metric::kL2, request, Context()).value();
    const auto hits = index.Search(request, Context()).value();
    for (size_t i = 0; i < together; ++i) {
      wanted += truth[i].size();
      for (const Hit& hit : hits[i]) {
        EXPECT_TRUE(request.allowed == nullptr || request.allowed->Test(hit.row));
        found += hit.score <= truth[i].back().score ? 1 : 0;
      }
    }
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

// The share of the rows farthest from each of `points`, or nearest to it.
std::vector<Bitset> Filters(const Rows& rows, const MemorySource& points, double share, bool far) {
  std::vector<Bitset> filters;
  for (size_t q = 0; q < kQueries; ++q) {
    SearchRequest all;
    all.queries = points.Row(q);
    all.k = kRows;
    auto hits = ExactSearch(*rows.source, Metric::kL2, all, Context()).value()[0];
    if (far) std::reverse(hits.begin(), hits.end());
    filters.emplace_back(kRows);
    for (size_t i = 0; i < static_cast<size_t>(share * kRows); ++i) filters.back().Set(hits[i].row);
  }
  return filters;
}

TEST(FilteredProbesTest, NoFilterCostsRecall) {
  std::mt19937 random(kSeed);
  const Rows rows = {RandomSource(random, VectorType::kFloat32, kDim, kRows), RandomSource(random, VectorType::kFloat32, kDim, kQueries)};
  const auto elsewhere = RandomSource(random, VectorType::kFloat32, kDim, kQueries);
  for (const char* type : {"IVF_FLAT", "IVF_SQ8", "SCANN", "IVF_RABITQ"}) {
    const auto index = BuildIndex({type, Metric::kL2, {{"nlist", "100"}}}, rows.source, {}).value();
    const double unfiltered = Recall(*index, rows, {}, 1);
    for (const double share : {0.5, 0.2}) {
      EXPECT_GE(Recall(*index, rows, Filters(rows, *rows.queries, share, true), 1), unfiltered) << type << " far " << share;
      EXPECT_GE(Recall(*index, rows, Filters(rows, *rows.queries, share, false), 1), unfiltered) << type << " near " << share;
      EXPECT_GE(Recall(*index, rows, Filters(rows, *elsewhere, share, false), 1), unfiltered - 0.1) << type << " beside " << share;
    }
    const std::vector<Bitset> one(kQueries, Filters(rows, *rows.queries, 0.3, true)[0]);
    EXPECT_GE(Recall(*index, rows, one, kQueries), unfiltered - 0.1) << type << " together";
  }
}

// Of few dimensions within many, as real vectors are.
std::shared_ptr<MemorySource> FlatSource(const std::vector<float>& map, std::mt19937* random, size_t rows) {
  std::normal_distribution<float> normal;
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, kDim);
  for (size_t row = 0; row < rows; ++row) {
    std::vector<float> values(kDim);
    for (size_t own = 0; own < map.size() / kDim; ++own) {
      const float weight = normal(*random);
      for (size_t i = 0; i < kDim; ++i) values[i] += weight * map[own * kDim + i];
    }
    source->AddFloats(values);
  }
  return source;
}

TEST(FilteredProbesTest, NoRandomFilterCostsRecall) {
  constexpr size_t kOwn = 6, kMany = 200;
  std::mt19937 random(kSeed);
  std::normal_distribution<float> normal;
  std::vector<float> map(kOwn * kDim);
  for (float& value : map) value = normal(random);
  const Rows rows = {FlatSource(map, &random, kRows), FlatSource(map, &random, kMany)};
  for (const char* type : {"IVF_FLAT", "IVF_SQ8", "SCANN", "IVF_RABITQ"}) {
    const auto index = BuildIndex({type, Metric::kL2, {{"nlist", "300"}}}, rows.source, {}).value();
    const double unfiltered = Recall(*index, rows, {}, 1, "5");
    for (const double share : {0.5, 0.25, 0.1, 0.03, 0.01}) {
      std::vector<Bitset> filters(kMany, Bitset(kRows));
      for (Bitset& filter : filters) {
        for (size_t row = 0; row < kRows; ++row) {
          if (std::generate_canonical<double, 32>(random) < share) filter.Set(row);
        }
      }
      EXPECT_GE(Recall(*index, rows, filters, 1, "5"), unfiltered) << type << " " << share;
    }
  }
}

}  // namespace
}  // namespace saker::index
