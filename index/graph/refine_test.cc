// Where a walk starts and what becomes of what it finds: few entries looked at, few rows scored, neither to be noticed.
#include "index/graph/refine.h"

#include <set>

#include "index/graph/code_scan.h"
#include "index/graph/entry_table.h"
#include "index/scorer.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 31;

NodeCodes CodesOf(const VectorSource& source, Metric metric, const std::vector<float>& norms) {
  return NodeCodes::Make(source, metric, norms.empty() ? nullptr : norms.data(), BuildOptions()).value();
}

// A distinct random rows of `rows`, ascending.
std::vector<uint32_t> SomeRows(std::mt19937& random, size_t rows, size_t count) {
  std::set<uint32_t> some;
  while (some.size() < count) some.insert(static_cast<uint32_t>(random() % rows));
  return {some.begin(), some.end()};
}

// Normal values, one in 300 of them `far` times as large: many rows are cut off at the ends of their codes.
std::shared_ptr<MemorySource> Normal(std::mt19937& random, size_t dim, size_t rows, float far = 1) {
  std::normal_distribution<float> normal;
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, dim);
  for (size_t row = 0; row < rows; ++row) {
    std::vector<float> values(dim);
    for (float& value : values) value = normal(random) * (random() % 300 == 0 ? far : 1.0f);
    source->AddFloats(values);
  }
  return source;
}

TEST(EntryTableTest, FindsTheNearestEntriesAndLooksAtFew) {
  std::mt19937 random(kSeed);
  const auto source = Normal(random, 8, 3000);
  const NodeCodes codes = CodesOf(*source, Metric::kL2, {});
  for (const size_t count : {1u, 3u, 4u, 64u, 65u, 256u, 1000u}) {
    const std::vector<uint32_t> entries = SomeRows(random, source->row_count(), count);
    const EntryTable table(entries, codes);
    CodeQuery query(codes);
    size_t nearest = 0, asked = 0;
    SearchStats stats;
    constexpr size_t kQueries = 100;
    for (size_t q = 0; q < kQueries; ++q) {
      if (!query.Set(static_cast<const float*>(source->Row(random() % 3000)))) continue;  // cut off itself
      std::vector<uint32_t> keys(count + 16);
      query.Keys(entries.data(), count, keys.data());
      std::vector<uint64_t> all;
      for (size_t i = 0; i < count; ++i) all.push_back(uint64_t{keys[i]} << 32 | entries[i]);
      std::sort(all.begin(), all.end());
      const Seeds seeds = table.Nearest(query, &stats);
      ASSERT_EQ(seeds.size(), std::min<size_t>(count, Seeds::kSeeds));
      for (size_t i = 0; i < seeds.size(); ++i) {
        EXPECT_TRUE(std::binary_search(all.begin(), all.end(), seeds[i])) << "an entry with its key";
        EXPECT_TRUE(i == 0 || seeds[i - 1] < seeds[i]);
        if (count <= 64) { EXPECT_EQ(seeds[i], all[i]); }
      }
      ++asked;
      nearest += std::binary_search(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(count, 8)), seeds[0]) ? 1 : 0;
    }
    EXPECT_GE(nearest, asked * 8 / 10) << count << " entries";
    if (count >= 256) { EXPECT_LE(stats.distances, kQueries * count * 3 / 4) << count << " entries"; }
  }
}

TEST(EntryTableTest, EqualEntriesShareOneGroup) {
  MemorySource source(VectorType::kFloat32, 8);
  std::mt19937 random(kSeed);
  const std::vector<float> same = RandomFloats(random, 8);
  for (int row = 0; row < 300; ++row) source.AddFloats(row < 200 ? same : RandomFloats(random, 8));
  const NodeCodes codes = CodesOf(source, Metric::kL2, {});
  std::vector<uint32_t> entries(200);
  for (uint32_t i = 0; i < 200; ++i) entries[i] = i;
  CodeQuery query(codes);
  ASSERT_TRUE(query.Set(same.data()));
  SearchStats stats;
  const Seeds seeds = EntryTable(entries, codes).Nearest(query, &stats);
  ASSERT_EQ(seeds.size(), Seeds::kSeeds);
  for (size_t i = 0; i < seeds.size(); ++i) EXPECT_LT(static_cast<uint32_t>(seeds[i]), 200u);
}

TEST(RefineTest, LosesNothingByScoringLess) {
  std::mt19937 random(kSeed);
  constexpr size_t kKept = 60, kQueries = 60;
  for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
    for (const bool outliers : {false, true}) {
      const auto source = Normal(random, 48, 2000, outliers ? 2.0f : 1.0f);
      const std::vector<float> norms = metric == Metric::kCosine ? InverseNorms(*source) : std::vector<float>();
      const NodeCodes codes = CodesOf(*source, metric, norms);
      ASSERT_FALSE(codes.empty());
      Scorer scorer(*source, metric, norms.empty() ? nullptr : norms.data());
      Refiner refiner(scorer, metric, codes);
      CodeQuery query(codes);
      const AllowedRows all(nullptr, nullptr, source->row_count());
      SearchRequest no_range;
      for (const size_t k : {1u, 10u, 59u, 60u, 61u}) {
        size_t same = 0, wanted = 0;
        SearchStats few, every;
        for (size_t q = 0; q < kQueries; ++q) {
          const auto* const vector = static_cast<const float*>(source->Row(random() % 2000));
          scorer.SetQuery(vector);
          if (!query.Set(vector)) continue;
          std::vector<uint64_t> found;
          ASSERT_TRUE(ScanCodes(query, all, kKept, Context(), &found).ok());
          const std::vector<Hit> truth = refiner.BestOfAll(no_range, k, found, &every);
          const std::vector<Hit> hits = refiner.Best(query, k, &found, &few);
          ASSERT_EQ(hits.size(), std::min(k, kKept));
          ASSERT_EQ(truth.size(), hits.size());
          for (size_t i = 0; i < hits.size(); ++i) same += hits[i].score == truth[i].score ? 1 : 0;
          wanted += hits.size();
        }
        EXPECT_GE(static_cast<double>(same), 0.998 * static_cast<double>(wanted)) << k << (outliers ? " with outliers" : "");
        if (k == 1 && !outliers) { EXPECT_LT(few.distances, every.distances / 2); }
        EXPECT_LE(few.distances, every.distances);
      }
    }
  }
}

TEST(RefineTest, EqualRowsInTheOrderOfTheirNumbers) {
  MemorySource source(VectorType::kFloat32, 4);
  for (int row = 0; row < 50; ++row) source.AddFloats({1, 2, 3, 4});
  for (int row = 0; row < 50; ++row) source.AddFloats({1, 2, 3, 4 + 0.01f * static_cast<float>(row)});
  const NodeCodes codes = CodesOf(source, Metric::kL2, {});
  Scorer scorer(source, Metric::kL2, nullptr);
  scorer.SetQuery(source.Row(0));
  CodeQuery query(codes);
  ASSERT_FALSE(codes.empty());
  ASSERT_TRUE(query.Set(static_cast<const float*>(source.Row(0))));
  Refiner refiner(scorer, Metric::kL2, codes);
  std::vector<uint64_t> found;
  SearchStats stats;
  ASSERT_TRUE(ScanCodes(query, AllowedRows(nullptr, nullptr, 100), 100, Context(), &found).ok());
  const std::vector<Hit> hits = refiner.Best(query, 10, &found, &stats);
  ASSERT_EQ(hits.size(), 10u);
  for (uint32_t i = 0; i < 10; ++i) EXPECT_EQ(hits[i].row, i);
}

}  // namespace
}  // namespace saker::index
