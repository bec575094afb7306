// Recall of HNSW, AUTOINDEX and DISKANN on the real sets of the optional shared data: for every k, saved and opened, with rows deleted,
// under filters that are random and that are near to or far from the queries, with queries unlike the rows. On the sets that are large
// enough for it, one or two for each metric, the graph must have been walked. Skipped with a sentence where a set is absent.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "index/bench_data.h"
#include "index/index.h"
#include "index/test_files.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr size_t kMostQueries = 25;
constexpr size_t kMostK = 1000;
constexpr size_t kWalkedRows = 15000;  // the codes of fewer are scanned sooner than a graph is walked for 10 of them

struct RealSet {
  const char* name;
  Metric metric;
  double floor;         // of recall at the default ef
  bool unlike = false;  // the queries are turned into what no row is like
  const char* type = "HNSW";
};

using Lists = std::vector<std::vector<Hit>>;

Lists Truth(const VectorSource& source, Metric metric, const std::vector<std::vector<float>>& queries, const Bitset* allowed) {
  Lists lists;
  for (size_t q = 0; q < std::min(kMostQueries, queries.size()); ++q) {
    SearchRequest request;
    request.queries = queries[q].data();
    request.k = kMostK;
    request.allowed = allowed;
    lists.push_back(ExactSearch(source, metric, request, Context()).value()[0]);
  }
  return lists;
}

// A hit counts when it is as good as the k-th best of the truth.
double RecallOf(const Index& index, const std::vector<std::vector<float>>& queries, const Lists& truth, size_t k, const Bitset* allowed,
                const std::map<std::string, std::string>& params = {}, SearchStats* stats = nullptr) {
  size_t found = 0, wanted = 0;
  for (size_t q = 0; q < truth.size(); ++q) {
    SearchRequest request;
    request.queries = queries[q].data();
    request.k = k;
    request.allowed = allowed;
    request.params = params;
    const auto hits = index.Search(request, Context(), stats).value()[0];
    const size_t count = std::min(k, truth[q].size());
    EXPECT_EQ(hits.size(), count);
    wanted += count;
    const float last = truth[q][count - 1].score, slack = 1e-6f * (1 + std::fabs(last));
    for (const Hit& hit : hits) {
      found += (SmallerIsBetter(index.spec().metric) ? hit.score <= last + slack : hit.score >= last - slack) ? 1 : 0;
    }
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

// The share of the rows that is nearest to a few rows, or farthest from them: words of a topic, photos of a place.
Bitset Correlated(const VectorSource& source, Metric metric, bool far, double share) {
  const size_t rows = source.row_count();
  std::vector<float> nearest(rows, -INFINITY);  // larger is nearer
  std::mt19937 random(5);
  for (int centre = 0; centre < 6; ++centre) {
    SearchRequest request;
    request.queries = source.Row(random() % rows);
    request.k = rows;
    const auto hits = ExactSearch(source, metric, request, Context()).value()[0];
    for (const Hit& hit : hits) nearest[hit.row] = std::max(nearest[hit.row], SmallerIsBetter(metric) ? -hit.score : hit.score);
  }
  std::vector<uint32_t> order(rows);
  for (uint32_t row = 0; row < rows; ++row) order[row] = row;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return far ? nearest[a] < nearest[b] : nearest[a] > nearest[b]; });
  Bitset bits(rows);
  for (size_t i = 0; i < static_cast<size_t>(share * static_cast<double>(rows)); ++i) bits.Set(order[i]);
  return bits;
}

// The rows farthest from each query, which codes hardly tell apart: found as well as without a filter.
void ExpectFarRowsFound(const Index& index, const VectorSource& source, const std::vector<std::vector<float>>& queries, double floor) {
  const size_t rows = source.row_count();
  for (const double share : {0.1, 0.01}) {
    double recall = 0;
    SearchStats stats;
    const size_t count = std::min(kMostQueries, queries.size());
    for (size_t q = 0; q < count; ++q) {
      SearchRequest request;
      request.queries = queries[q].data();
      request.k = rows;
      const auto order = ExactSearch(source, index.spec().metric, request, Context()).value()[0];
      Bitset allowed(rows);
      const auto left = static_cast<size_t>(share * static_cast<double>(rows));
      for (size_t i = rows - left; i < rows; ++i) allowed.Set(order[i].row);
      const Lists truth = {{order.end() - static_cast<std::ptrdiff_t>(left), order.end()}};
      recall += RecallOf(index, {queries[q]}, truth, 10, &allowed, {}, &stats) / static_cast<double>(count);
    }
    std::printf("the farthest %g: recall %.4f, %.0f reads\n", share, recall, static_cast<double>(stats.reads) / static_cast<double>(count));
    EXPECT_GE(recall, floor) << share;
  }
}

class RealGraphTest : public testing::TestWithParam<RealSet> {};

TEST_P(RealGraphTest, ReachesItsFloor) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "builds of up to 20,000 rows, minutes under a sanitizer";
#endif
  const RealSet& set = GetParam();
  const std::optional<std::string> folder = SharedFolder(set.name);
  if (!folder.has_value()) GTEST_SKIP() << "no shared data " << set.name;
  const auto source = ReadFloatSource(*folder + "/base");
  auto queries = ReadFloatRows(*folder + "/query");
  if (set.unlike) {
    for (auto& query : queries) {
      for (float& value : query) value = 255 - value;
    }
  }
  BuildOptions options;
  options.threads = 2;
  const auto built = BuildIndex({set.type, set.metric, {}}, source, options).value();
  StringFile file;
  ASSERT_TRUE(built->Save(file).ok());
  StringFileSystem files;
  files.contents["graph"] = file.contents;
  const auto opened = OpenIndex("graph", files, source).value();
  std::mt19937 random(3);
  const struct {
    const char* name;
    Bitset bits;
  } filters[] = {{"30 % deleted", RandomBits(random, source->row_count(), 0.7)},
                 {"90 % deleted", RandomBits(random, source->row_count(), 0.1)},
                 {"a cluster", Correlated(*source, set.metric, false, 0.1)},
                 {"far away", Correlated(*source, set.metric, true, 0.1)},
                 {"1 % far away", Correlated(*source, set.metric, true, 0.01)}};
  const bool on_disk = set.type == std::string_view("DISKANN");
  const Lists truth = Truth(*source, set.metric, queries, nullptr);
  std::vector<Lists> filtered;
  for (const auto& filter : filters) filtered.push_back(Truth(*source, set.metric, queries, &filter.bits));
  for (const size_t k : {size_t{1}, size_t{10}, size_t{100}, kMostK}) {
    SearchStats stats;
    const double recall = RecallOf(*built, queries, truth, k, nullptr, {}, &stats);
    std::printf("%s %s %s k %zu: recall %.4f (%.0f steps)", set.type, set.name, std::string(MetricName(set.metric)).c_str(), k, recall,
                static_cast<double>(stats.hops) / static_cast<double>(truth.size()));
    EXPECT_GE(recall, set.floor) << "k " << k;
    if (source->row_count() >= kWalkedRows && k <= 10) { EXPECT_GT(stats.hops, 0u) << "k " << k << ": no graph was walked"; }
    // The order in which pages come may change a step on disk.
    EXPECT_NEAR(RecallOf(*opened, queries, truth, k, nullptr), recall, on_disk ? 0.01 : 0) << "opened from a file";
    for (size_t i = 0; i < filtered.size(); ++i) {
      const double left = RecallOf(*opened, queries, filtered[i], k, &filters[i].bits);
      std::printf(", %s %.4f", filters[i].name, left);
      EXPECT_GE(left, set.floor) << filters[i].name << " k " << k;
    }
    std::printf("\n");
  }
  if (on_disk) ExpectFarRowsFound(*opened, *source, queries, RecallOf(*opened, queries, truth, 10, nullptr));
}

INSTANTIATE_TEST_SUITE_P(Sets, RealGraphTest,
                         testing::Values(RealSet{"glove100-20k", Metric::kCosine, 0.95}, RealSet{"glove100-20k", Metric::kIp, 0.90},
                                         RealSet{"sift-photo-20k", Metric::kL2, 0.98}, RealSet{"mnist784-5k", Metric::kL2, 0.98},
                                         RealSet{"mnist784-5k", Metric::kL2, 0.95, true}, RealSet{"scifact-use512", Metric::kCosine, 0.95},
                                         RealSet{"wordnet-use512-8k", Metric::kCosine, 0.95},
                                         RealSet{"cranfield-use512", Metric::kCosine, 0.95}));

INSTANTIATE_TEST_SUITE_P(Disk, RealGraphTest,
                         testing::Values(RealSet{"glove100-20k", Metric::kCosine, 0.95, false, "DISKANN"},
                                         RealSet{"glove100-20k", Metric::kIp, 0.90, false, "DISKANN"},
                                         RealSet{"sift-photo-20k", Metric::kL2, 0.95, false, "DISKANN"},
                                         RealSet{"mnist784-5k", Metric::kL2, 0.80, true, "DISKANN"},
                                         RealSet{"wordnet-use512-8k", Metric::kCosine, 0.90, false, "DISKANN"}));

INSTANTIATE_TEST_SUITE_P(Auto, RealGraphTest,
                         testing::Values(RealSet{"glove100-20k", Metric::kCosine, 0.90, false, "AUTOINDEX"},
                                         RealSet{"glove100-20k", Metric::kIp, 0.90, false, "AUTOINDEX"},
                                         RealSet{"sift-photo-20k", Metric::kL2, 0.90, false, "AUTOINDEX"},
                                         RealSet{"mnist784-5k", Metric::kL2, 0.90, false, "AUTOINDEX"},
                                         RealSet{"scifact-use512", Metric::kCosine, 0.90, false, "AUTOINDEX"},
                                         RealSet{"wordnet-use512-8k", Metric::kCosine, 0.90, false, "AUTOINDEX"},
                                         RealSet{"cranfield-use512", Metric::kCosine, 0.90, false, "AUTOINDEX"}));

}  // namespace
}  // namespace saker::index
