// Vectors of any length that floats hold, from denormal to 3e38, are found by their direction; by distance where scores can tell them
// apart.
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 41;
constexpr size_t kDim = 32, kRows = 2000, kQueries = 20;

struct Family {
  const char* type;
  std::map<std::string, std::string> build, search;
};
const Family kFamilies[] = {{"HNSW", {}, {{"ef", "128"}}},
                            {"IVF_FLAT", {{"nlist", "32"}}, {{"nprobe", "32"}}},
                            {"IVF_SQ8", {{"nlist", "32"}}, {{"nprobe", "32"}}},
                            {"SCANN", {{"nlist", "32"}}, {{"nprobe", "32"}}},
                            {"IVF_PQ", {{"nlist", "32"}, {"m", "16"}}, {{"nprobe", "32"}}},
                            {"IVF_RABITQ", {{"nlist", "32"}}, {{"nprobe", "32"}}}};

std::shared_ptr<MemorySource> Scaled(std::mt19937& random, size_t rows, float scale) {
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, kDim);
  for (size_t row = 0; row < rows; ++row) {
    std::vector<float> values = RandomFloats(random, kDim);
    for (float& value : values) value *= scale;
    source->AddFloats(values);
  }
  return source;
}

void ExpectFound(const Family& family, Metric metric, float scale, double floor) {
  std::mt19937 random(kSeed);
  const auto source = Scaled(random, kRows, scale), queries = Scaled(random, kQueries, scale);
  const auto index = BuildIndex({family.type, metric, family.build}, source, {}).value();
  size_t found = 0;
  for (size_t q = 0; q < kQueries; ++q) {
    SearchRequest request;
    request.queries = queries->Row(q);
    request.params = family.search;
    const auto truth = ExactSearch(*source, metric, request, Context()).value()[0];
    const auto results = index->Search(request, Context()).value();
    for (const Hit& hit : results[0])
      found += (SmallerIsBetter(metric) ? hit.score <= truth.back().score : hit.score >= truth.back().score) ? 1 : 0;
  }
  EXPECT_GE(static_cast<double>(found) / (10 * kQueries), floor) << family.type << " " << MetricName(metric) << " scale " << scale;
}

TEST(ScaleTest, DirectionsAreFoundAtEveryLength) {
  for (const Family& family : kFamilies) {
    for (const float scale : {1e-41f, 1e-25f, 1e17f, 5e37f}) ExpectFound(family, Metric::kCosine, scale, 0.95);
  }
}

TEST(ScaleTest, SmallVectorsAreFoundByDistanceAndProduct) {
  for (const Family& family : kFamilies) {
    for (const Metric metric : {Metric::kL2, Metric::kIp}) ExpectFound(family, metric, 1e-17f, 0.95);
  }
}

}  // namespace
}  // namespace saker::index
