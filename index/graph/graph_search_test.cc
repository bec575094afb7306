// What a built graph answers: under filters of every kind, in ranges, batch by batch; against exact search.
#include <set>

#include "index/graph/builder.h"
#include "index/graph/clustered_rows.h"
#include "index/graph/planner.h"
#include "index/graph/walk.h"
#include "index/iterator.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 29;
using Params = std::map<std::string, std::string>;

std::shared_ptr<MemorySource> Clustered(std::mt19937& random, size_t rows, size_t dim, size_t clusters,
                                        VectorType type = VectorType::kFloat32) {
  return ClusteredRows(random, rows, dim, clusters, 0.4f, type);
}

std::unique_ptr<Index> BuildHnsw(std::shared_ptr<const VectorSource> source, Metric metric, const Params& params = {{"M", "12"}}) {
  BuildOptions options;
  options.threads = 2;
  auto index = BuildIndex({"HNSW", metric, params}, std::move(source), options);
  EXPECT_TRUE(index.ok()) << index.status().ToString();
  return std::move(index).value();
}

bool NotWorse(Metric metric, float score, float than) {
  return SmallerIsBetter(metric) ? score <= than : score >= than;
}

// Sorted, nothing twice, nothing that may not be found, exactly min(k, allowed).
void ExpectContract(const VectorSource& source, Metric metric, const SearchRequest& request, const std::vector<Hit>& hits) {
  size_t allowed = 0;
  std::set<uint32_t> seen;
  for (size_t row = 0; row < source.row_count(); ++row) allowed += request.allowed == nullptr || request.allowed->Test(row) ? 1 : 0;
  if (!request.radius) { ASSERT_EQ(hits.size(), std::min(request.k, allowed)); }
  ASSERT_LE(hits.size(), request.k);
  for (size_t i = 0; i < hits.size(); ++i) {
    ASSERT_TRUE(seen.insert(hits[i].row).second) << "row " << hits[i].row << " twice";
    ASSERT_TRUE(request.allowed == nullptr || request.allowed->Test(hits[i].row)) << "row " << hits[i].row;
    if (request.radius) {
      ASSERT_TRUE(SmallerIsBetter(metric) ? hits[i].score < *request.radius : hits[i].score > *request.radius) << hits[i].score;
    }
    if (request.range_filter) {
      ASSERT_TRUE(SmallerIsBetter(metric) ? hits[i].score >= *request.range_filter : hits[i].score <= *request.range_filter);
    }
    ASSERT_TRUE(i == 0 || NotWorse(metric, hits[i - 1].score, hits[i].score));
  }
}

// The share of the true hits that an index finds, a score as good as the last true one counted as found.
double RecallOf(const Index& index, const VectorSource& source, Metric metric, const MemorySource& queries, SearchRequest request,
                const std::vector<Bitset>& allowed = {}) {
  size_t found = 0, wanted = 0;
  for (size_t q = 0; q < queries.row_count(); ++q) {
    request.queries = queries.Row(q);
    if (!allowed.empty()) request.allowed = &allowed[allowed.size() == 1 ? 0 : q];
    const auto truth = ExactSearch(source, metric, request, Context()).value()[0];
    const auto hits = index.Search(request, Context()).value()[0];
    ExpectContract(source, metric, request, hits);
    wanted += truth.size();
    for (const Hit& hit : hits) found += NotWorse(metric, hit.score, truth.back().score) ? 1 : 0;
  }
  return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
}

enum class Kind { kRandom, kCluster, kNear, kFar };

std::vector<Bitset> Filters(std::mt19937& random, Kind kind, double share, const MemorySource& source, Metric metric,
                            const MemorySource& queries) {
  const size_t rows = source.row_count();
  std::vector<Bitset> filters;
  if (kind == Kind::kRandom) return {RandomBits(random, rows, share)};
  SearchRequest request;
  request.k = rows;
  const auto count = static_cast<size_t>(share * static_cast<double>(rows));
  for (size_t q = 0; q < (kind == Kind::kCluster ? 1 : queries.row_count()); ++q) {
    request.queries = kind == Kind::kCluster ? source.Row(random() % rows) : queries.Row(q);
    const auto hits = ExactSearch(source, metric, request, Context()).value()[0];
    filters.emplace_back(rows);
    for (size_t i = 0; i < count; ++i) filters.back().Set(hits[kind == Kind::kFar ? rows - 1 - i : i].row);
  }
  return filters;
}

TEST(GraphSearchTest, FindsNoLessUnderAFilterThanWithout) {
  std::mt19937 random(kSeed);
  const auto source = Clustered(random, 12000, 16, 40);  // so many that half of them are walked to
  const auto queries = Clustered(random, 10, 16, 10);
  const Params efforts[] = {{{"ef", "10"}}, {{"gamma", "1.02"}}};
  for (const Metric metric : {Metric::kL2, Metric::kIp}) {
    const auto index = BuildHnsw(source, metric);
    double without[2];
    for (int i = 0; i < 2; ++i) {
      SearchRequest request;
      request.params = efforts[i];
      without[i] = RecallOf(*index, *source, metric, *queries, request);
    }
    for (const Kind kind : {Kind::kRandom, Kind::kCluster, Kind::kNear, Kind::kFar}) {
      for (const double share : {1.0, 0.6, 0.1, 0.002}) {
        const auto filters = Filters(random, kind, share, *source, metric, *queries);
        for (int i = 0; i < 2; ++i) {
          SearchRequest request;
          request.params = efforts[i];
          EXPECT_GE(RecallOf(*index, *source, metric, *queries, request, filters), without[i] - 0.03)
              << MetricName(metric) << " effort " << i << " kind " << static_cast<int>(kind) << " share " << share
              << ": 3 of 100 are noise";
        }
      }
    }
  }
}

// The planner would scan for so few rows: this is the walk itself.
TEST(GraphSearchTest, AGuidedWalkFindsWhatIsAllowedOrGivesUp) {
  std::mt19937 random(kSeed);
  const size_t rows = 6000;
  const auto source = Clustered(random, rows, 24, 40);
  const NodeCodes codes = NodeCodes::Make(*source, Metric::kL2, nullptr, BuildOptions()).value();
  GraphPlan plan;
  plan.degree = 24;
  const FlatGraph graph = BuildFlatGraph(*source, Metric::kL2, nullptr, codes, plan, BuildOptions()).value();
  Scorer scorer(*source, Metric::kL2, nullptr);
  CodeQuery coded(codes);
  for (const bool with_codes : {true, false}) {
    for (const double share : {0.5, 0.2}) {
      const Bitset bits = RandomBits(random, rows, share);
      const AllowedRows allowed(&bits, nullptr, rows);
      size_t found_true = 0, wanted = 0;
      for (int q = 0; q < 40; ++q) {
        const auto* const query = static_cast<const float*>(source->Row(random() % rows));
        scorer.SetQuery(query);
        const bool coded_well = coded.Set(query);
        WalkGuide guide;
        guide.allowed = &allowed;
        guide.enough = 12;
        WalkRequest walk{graph, rows, Metric::kL2, scorer, with_codes && coded_well ? &coded : nullptr, nullptr, 40, 0, 10, &guide};
        std::vector<uint64_t> found;
        SearchStats stats;
        ASSERT_TRUE(WalkGraph(walk, Context(), &found, &stats).value() == WalkEnd::kFound);
        SearchRequest request;
        request.queries = query;
        request.allowed = &bits;
        const auto truth = ExactSearch(*source, Metric::kL2, request, Context()).value()[0];
        wanted += truth.size();
        for (const Hit& hit : truth)
          found_true += std::count_if(found.begin(), found.end(), [&](uint64_t f) { return RowOf(f) == hit.row; }) > 0 ? 1 : 0;
        for (const uint64_t packed : found) EXPECT_TRUE(bits.Test(RowOf(packed)));
        guide.most_steps = 3;
        EXPECT_TRUE(WalkGraph(walk, Context(), &found, &stats).value() == WalkEnd::kGaveUp);
      }
      EXPECT_GE(static_cast<double>(found_true), 0.96 * static_cast<double>(wanted)) << share << (with_codes ? "" : " without codes");
    }
  }
}

TEST(GraphSearchTest, AFilterOfEverythingChangesNothing) {
  std::mt19937 random(kSeed);
  const auto source = Clustered(random, 12000, 16, 20);
  const auto index = BuildHnsw(source, Metric::kL2);
  const Bitset all(12000, true), none(12000);
  for (int q = 0; q < 20; ++q) {
    SearchRequest request;
    request.queries = source->Row(random() % 12000);
    request.params = {{"ef", std::to_string(10 + 2 * q)}};
    const auto without = index->Search(request, Context()).value()[0];
    request.allowed = &all;
    const auto with = index->Search(request, Context()).value()[0];
    ASSERT_EQ(with.size(), without.size());
    for (size_t i = 0; i < with.size(); ++i) EXPECT_EQ(with[i].row, without[i].row);
    request.allowed = &none;
    EXPECT_TRUE(index->Search(request, Context()).value()[0].empty());
  }
}

TEST(GraphSearchTest, KeepsItsRecallWithManyRowsDeleted) {
  std::mt19937 random(kSeed);
  const auto source = Clustered(random, 8000, 32, 60);
  const auto queries = Clustered(random, 40, 32, 40);
  const auto index = BuildHnsw(source, Metric::kL2, {{"M", "16"}});
  SearchRequest request;
  for (const size_t k : {size_t{1}, size_t{10}, size_t{100}, size_t{1000}}) {
    request.k = k;
    const double without = RecallOf(*index, *source, Metric::kL2, *queries, request);
    EXPECT_GE(without, 0.95) << k;
    for (const double live : {0.7, 0.1}) {
      EXPECT_GE(RecallOf(*index, *source, Metric::kL2, *queries, request, {RandomBits(random, 8000, live)}), without - 0.01)
          << k << " " << live;
    }
  }
}

TEST(GraphSearchTest, AnswersForEveryCountOfRows) {
  std::mt19937 random(kSeed);
  for (const size_t rows : {size_t{0}, size_t{1}, size_t{2}, size_t{24}, size_t{25}, size_t{400}}) {
    const auto source = Clustered(random, rows, 8, 3);
    const auto index = BuildHnsw(source, Metric::kL2);
    const std::vector<float> query = RandomFloats(random, 8);
    for (const size_t k : {size_t{1}, size_t{10}, size_t{100}, size_t{1000}, size_t{16384}}) {
      SearchRequest request;
      request.queries = query.data();
      request.k = k;
      ExpectContract(*source, Metric::kL2, request, index->Search(request, Context()).value()[0]);
      request.radius = 1e9f;
      const auto ranged = index->Search(request, Context()).value()[0];
      EXPECT_EQ(ranged.size(), std::min(k, rows));
    }
  }
}

TEST(GraphSearchTest, AnswersAmongManyEqualRowsTheSameEveryTime) {
  std::mt19937 random(kSeed);
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 8);
  for (int row = 0; row < 3000; ++row)
    source->AddFloats(row % 3 != 0 ? std::vector<float>(8, static_cast<float>(row % 7)) : RandomFloats(random, 8));
  const auto index = BuildHnsw(source, Metric::kL2);
  for (const size_t k : {size_t{10}, size_t{500}}) {
    for (size_t row = 0; row < 20; ++row) {
      SearchRequest request;
      request.k = k;
      request.queries = source->Row(row);
      const auto truth = ExactSearch(*source, Metric::kL2, request, Context()).value()[0];
      const auto first = index->Search(request, Context()).value()[0];
      const auto second = index->Search(request, Context()).value()[0];
      ExpectContract(*source, Metric::kL2, request, first);
      EXPECT_LE(first.back().score, truth.back().score * 1.05f + 0.1f);
      ASSERT_EQ(first.size(), second.size());
      for (size_t i = 0; i < first.size(); ++i) ASSERT_TRUE(first[i].row == second[i].row && first[i].score == second[i].score);
    }
  }
}

TEST(GraphSearchTest, FindsARangeExactlyBoundedAndNearlyWhole) {
  std::mt19937 random(kSeed);
  for (const VectorType type : {VectorType::kFloat32, VectorType::kFloat16, VectorType::kInt8}) {
    for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
      const auto source = Clustered(random, 5000, 16, 25, type);
      const auto queries = Clustered(random, 10, 16, 10, type);
      const auto index = BuildHnsw(source, metric);
      size_t found = 0, wanted = 0;
      for (size_t q = 0; q < queries->row_count(); ++q) {
        SearchRequest request;
        request.queries = queries->Row(q);
        request.k = 5000;
        const auto all = ExactSearch(*source, metric, request, Context()).value()[0];
        const Bitset some = RandomBits(random, 5000, 0.5);
        for (const auto& [inner, outer] : {std::pair<size_t, size_t>{0, 0}, {0, 1}, {0, 20}, {0, 300}, {30, 60}, {400, 450}, {0, 4000}}) {
          for (const size_t k : {size_t{5}, size_t{100}, size_t{5000}}) {
            request.k = k;
            request.radius = all[outer].score;
            request.range_filter = inner == 0 ? std::nullopt : std::optional<float>(all[inner].score);
            request.allowed = k == 100 ? &some : nullptr;
            const auto truth = ExactSearch(*source, metric, request, Context()).value()[0];
            const auto hits = index->Search(request, Context()).value()[0];
            ExpectContract(*source, metric, request, hits);
            ASSERT_LE(hits.size(), truth.size());
            wanted += truth.size();
            for (const Hit& hit : hits) found += NotWorse(metric, hit.score, truth.back().score) ? 1 : 0;
          }
        }
      }
      EXPECT_GE(static_cast<double>(found), 0.97 * static_cast<double>(wanted)) << MetricName(metric) << " type " << static_cast<int>(type);
    }
  }
}

TEST(GraphSearchTest, AnIteratorGivesEveryAllowedRowOnce) {
  std::mt19937 random(kSeed);
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    auto source = Clustered(random, 3000, 12, 10);
    for (int row = 0; row < 400; ++row) source->Add(source->Row(random() % 50));  // equal ones
    source->validity = RandomBits(random, 3400, 0.97);
    const auto index = BuildHnsw(source, metric);
    const auto* iterable = dynamic_cast<const Iterable*>(index.get());
    ASSERT_NE(iterable, nullptr);
    for (const double share : {1.0, 0.6, 0.05, 0.0}) {
      const Bitset allowed = RandomBits(random, 3400, share);
      SearchRequest request;
      request.queries = source->Row(random() % 3400);
      if (share < 1) request.allowed = &allowed;
      const auto iterator = iterable->Iterate(request).value();
      std::set<uint32_t> seen;
      std::vector<Hit> first;
      for (size_t batch = 1;; batch = 1 + (batch * 3 + random() % 50) % 700) {
        const auto hits = iterator->Next(batch, Context()).value();
        for (size_t i = 0; i < hits.size(); ++i) {
          ASSERT_TRUE(seen.insert(hits[i].row).second) << "row " << hits[i].row << " twice";
          ASSERT_TRUE(allowed.Test(hits[i].row) && source->validity->Test(hits[i].row));
          ASSERT_TRUE(i == 0 || NotWorse(metric, hits[i - 1].score, hits[i].score));
          if (first.size() < 200) first.push_back(hits[i]);
        }
        if (hits.size() < batch) break;
      }
      Bitset both = allowed;
      both.And(*source->validity);
      EXPECT_EQ(seen.size(), both.Count()) << MetricName(metric) << " share " << share;
      EXPECT_TRUE(iterator->Next(10, Context()).value().empty());
      if (first.empty()) continue;
      request.k = first.size();
      const auto truth = ExactSearch(*source, metric, request, Context()).value()[0];
      size_t found = 0;
      for (const Hit& hit : first) found += NotWorse(metric, hit.score, truth.back().score) ? 1 : 0;
      EXPECT_GE(static_cast<double>(found), 0.95 * static_cast<double>(truth.size())) << MetricName(metric) << " share " << share;
    }
  }
}

TEST(GraphSearchTest, AnIteratorStaysInItsRange) {
  std::mt19937 random(kSeed);
  const auto source = Clustered(random, 4000, 16, 20);
  const auto index = BuildHnsw(source, Metric::kL2);
  SearchRequest request;
  request.queries = source->Row(7);
  request.k = 4000;
  const auto all = ExactSearch(*source, Metric::kL2, request, Context()).value()[0];
  request.radius = all[300].score;
  request.range_filter = all[20].score;
  SearchStats stats;
  const auto iterator = dynamic_cast<const Iterable&>(*index).Iterate(request).value();
  size_t count = 0;
  for (;;) {
    const auto hits = iterator->Next(64, Context(), &stats).value();
    for (const Hit& hit : hits) ASSERT_TRUE(hit.score < *request.radius && hit.score >= *request.range_filter);
    count += hits.size();
    if (hits.size() < 64) break;
  }
  EXPECT_GE(count, 270u);
  EXPECT_LE(count, 280u);
}

TEST(PlannerTest, ScansFewRowsAndWalksForMany) {
  SearchShape shape{400000, 400000, 10, 64, false, 128, 60};
  EXPECT_FALSE(PlanSearch(shape).scan);
  EXPECT_EQ(PlanSearch(shape).enough, 64u);
  shape.allowed = 400;
  EXPECT_TRUE(PlanSearch(shape).scan);
  shape.allowed = 200000;
  EXPECT_FALSE(PlanSearch(shape).scan);
  EXPECT_LT(PlanSearch(shape).enough, 64u);
  EXPECT_GT(PlanSearch(shape).expected_steps, 64u);
  shape = {400000, 400000, 16384, 24601, false, 128, 60};
  EXPECT_TRUE(PlanSearch(shape).scan) << "a walk for so many is dearer than all rows";
  shape = {100, 5, 10, 64, false, 128, 60};
  EXPECT_TRUE(PlanSearch(shape).scan) << "all that there are";
}

}  // namespace
}  // namespace saker::index
