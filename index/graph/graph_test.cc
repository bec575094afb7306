// What a built graph promises, whatever the rows: links in range, no row twice, every row reachable; and what a walk finds.
#include "index/graph/builder.h"
#include "index/graph/clustered_rows.h"
#include "index/graph/duplicates.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 17;

std::shared_ptr<MemorySource> Clustered(size_t rows, size_t dim, size_t clusters, VectorType type = VectorType::kFloat32) {
  std::mt19937 random(kSeed);
  return ClusteredRows(random, rows, dim, clusters, 0.2f, type);
}

Result<FlatGraph> Build(const VectorSource& source, Metric metric, uint32_t degree, int threads = 1) {
  GraphPlan plan;
  plan.degree = degree;
  BuildOptions options;
  options.threads = threads;
  const std::vector<float> norms = InverseNorms(source);
  const NodeCodes codes = NodeCodes::Make(source, metric, norms.data(), options).value();
  return BuildFlatGraph(source, metric, norms.data(), codes, plan, options);
}

void ExpectSound(const FlatGraph& graph, const VectorSource& source) {
  const size_t rows = source.row_count();
  ASSERT_TRUE(graph.Validate(rows).ok()) << graph.Validate(rows).message();
  std::vector<bool> reached(rows);
  std::vector<uint32_t> queue(graph.entries.begin(), graph.entries.end());
  for (const uint32_t entry : graph.entries) reached[entry] = true;
  while (!queue.empty()) {
    const uint32_t row = queue.back();
    queue.pop_back();
    std::vector<uint32_t> seen;
    for (uint32_t i = 0; i < graph.degree && graph.Links(row)[i] != FlatGraph::kNone; ++i) {
      const uint32_t to = graph.Links(row)[i];
      ASSERT_NE(to, row) << "a link to itself";
      seen.push_back(to);
      if (reached[to]) continue;
      reached[to] = true;
      queue.push_back(to);
    }
    std::sort(seen.begin(), seen.end());
    ASSERT_TRUE(std::adjacent_find(seen.begin(), seen.end()) == seen.end()) << "row " << row << " links twice to one row";
  }
  for (size_t row = 0; row < rows; ++row) {
    const bool has_vector = source.valid() == nullptr || source.valid()->Test(row);
    ASSERT_EQ(reached[row], has_vector) << "row " << row;
  }
}

TEST(GraphTest, IsSoundForEveryCount) {
  for (const uint32_t degree : {8u, 40u}) {  // 40: the default
    for (const size_t rows : {size_t{0}, size_t{1}, size_t{2}, size_t{degree}, size_t{degree + 1}, size_t{300}, size_t{3000}}) {
      const auto source = Clustered(rows, 16, 10);
      ExpectSound(Build(*source, Metric::kL2, degree).value(), *source);
    }
  }
}

TEST(GraphTest, IsSoundForEveryTypeAndMetric) {
  for (const VectorType type : {VectorType::kFloat32, VectorType::kFloat16, VectorType::kBFloat16, VectorType::kInt8}) {
    for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
      const auto source = Clustered(1500, 24, 5, type);
      ExpectSound(Build(*source, metric, 12).value(), *source);
    }
  }
}

TEST(GraphTest, ReachesEveryOneOfManyEqualRows) {
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 8);
  for (int row = 0; row < 3000; ++row) source->AddFloats(std::vector<float>(8, row < 2500 ? 1.0f : static_cast<float>(row)));
  ExpectSound(Build(*source, Metric::kL2, 8).value(), *source);
  auto equal = std::make_shared<MemorySource>(VectorType::kFloat32, 8);
  for (int row = 0; row < 2500; ++row) equal->AddFloats(std::vector<float>(8, 0.5f));
  ExpectSound(Build(*equal, Metric::kCosine, 8).value(), *equal);
}

// Each row twenty times: searches find copies of the near rows, not only the near rows.
TEST(GraphTest, FindsAllCopiesOfARow) {
  const auto once = Clustered(200, 16, 10);
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 16);
  for (size_t row = 0; row < 4000; ++row) source->Add(once->Row(row % 200));
  const auto groups = GroupEqualRows(*source, BuildOptions()).value();
  EXPECT_EQ(groups.firsts.size(), 200u);
  ASSERT_EQ(groups.copies.size(), 200u);
  EXPECT_EQ(groups.copies[3].size(), 20u);
  ExpectSound(Build(*source, Metric::kL2, 8).value(), *source);
  const auto index = BuildIndex({"HNSW", Metric::kL2, {{"M", "8"}}}, source, BuildOptions()).value();
  for (size_t row = 0; row < 200; ++row) {
    SearchRequest request;
    request.queries = once->Row(row);
    request.k = 20;
    request.params = {{"ef", "40"}};
    const auto hits = index->Search(request, Context()).value()[0];
    ASSERT_EQ(hits.size(), 20u);
    for (const Hit& hit : hits) EXPECT_EQ(hit.row % 200, row);
  }
}

TEST(GraphTest, ServesOneDimensionAndTheMost) {
  std::mt19937 random(kSeed);
  for (const size_t dim : {size_t{1}, size_t{32768}}) {
    const auto source = RandomSource(random, VectorType::kFloat32, dim, dim == 1 ? 3000 : 70);
    for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) ExpectSound(Build(*source, metric, 8).value(), *source);
  }
}

TEST(GraphTest, TiesTogetherIslandsFarApart) {
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 4);
  std::mt19937 random(kSeed);
  for (int row = 0; row < 4000; ++row) {
    const float island = 1000.0f * static_cast<float>(row % 40);
    source->AddFloats({island, island + static_cast<float>(random() % 100) * 0.01f, static_cast<float>(random() % 100) * 0.01f, 0});
  }
  ExpectSound(Build(*source, Metric::kL2, 10).value(), *source);
}

TEST(GraphTest, LeavesOutRowsWithoutAVector) {
  const auto source = Clustered(2000, 16, 4);
  source->validity.emplace(2000, true);
  for (size_t row = 0; row < 2000; row += 3) source->validity->Clear(row);
  ExpectSound(Build(*source, Metric::kCosine, 16).value(), *source);
}

TEST(GraphTest, OneThreadBuildsTheSameGraphEveryTime) {
  const auto source = Clustered(4000, 32, 20);
  const FlatGraph a = Build(*source, Metric::kL2, 16).value(), b = Build(*source, Metric::kL2, 16).value();
  ASSERT_EQ(a.links.size(), b.links.size());
  EXPECT_TRUE(std::equal(a.links.data(), a.links.data() + a.links.size(), b.links.data()));
  EXPECT_EQ(a.entries, b.entries);
}

TEST(GraphTest, SeveralThreadsBuildASoundGraph) {
  const auto source = Clustered(4000, 32, 20);
  ExpectSound(Build(*source, Metric::kL2, 16, 4).value(), *source);
}

TEST(GraphTest, AnEndedContextEndsTheBuild) {
  const auto source = Clustered(4000, 32, 20);
  Context context;
  context.Cancel();
  BuildOptions options;
  options.context = &context;
  const NodeCodes codes = NodeCodes::Make(*source, Metric::kL2, nullptr, BuildOptions()).value();
  const auto graph = BuildFlatGraph(*source, Metric::kL2, nullptr, codes, GraphPlan(), options);
  EXPECT_EQ(graph.status().code(), StatusCode::kCancelled);
}

// Unequal dimensions: one step for all would lose too much, so the graph is built and walked on the vectors.
TEST(GraphTest, DoesWithoutCodesWhereTheyWouldLie) {
  std::mt19937 random(kSeed);
  std::normal_distribution<float> normal;
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 24);
  for (int row = 0; row < 2500; ++row) {
    std::vector<float> values(24);
    for (size_t i = 0; i < values.size(); ++i) values[i] = normal(random) * std::exp(normal(random) * 3);
    source->AddFloats(values);
  }
  EXPECT_TRUE(NodeCodes::Make(*source, Metric::kL2, nullptr, BuildOptions()).value().empty());
  ExpectSound(Build(*source, Metric::kL2, 12).value(), *source);
}

}  // namespace
}  // namespace saker::index
