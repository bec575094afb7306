// Recall of the graph on the real sets of the optional shared data: for every k, saved and opened, with rows deleted, with queries
// unlike the rows. Skipped with a sentence where a set is absent.
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

struct RealSet {
  const char* name;
  Metric metric;
  double floor;         // of recall at the default ef
  bool unlike = false;  // the queries are turned into what no row is like
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
double RecallOf(const Index& index, const std::vector<std::vector<float>>& queries, const Lists& truth, size_t k, const Bitset* allowed) {
  size_t found = 0, wanted = 0;
  for (size_t q = 0; q < truth.size(); ++q) {
    SearchRequest request;
    request.queries = queries[q].data();
    request.k = k;
    request.allowed = allowed;
    const auto hits = index.Search(request, Context()).value()[0];
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
  const auto built = BuildIndex({"HNSW", set.metric, {}}, source, options).value();
  std::mt19937 random(3);
  const Bitset most = RandomBits(random, source->row_count(), 0.7), few = RandomBits(random, source->row_count(), 0.1);
  StringFile file;
  ASSERT_TRUE(built->Save(file).ok());
  StringFileSystem files;
  files.contents["graph"] = file.contents;
  const auto opened = OpenIndex("graph", files, source).value();
  const Lists truth = Truth(*source, set.metric, queries, nullptr), truth_most = Truth(*source, set.metric, queries, &most),
              truth_few = Truth(*source, set.metric, queries, &few);
  for (const size_t k : {size_t{1}, size_t{10}, size_t{100}, kMostK}) {
    const double recall = RecallOf(*built, queries, truth, k, nullptr);
    const double without30 = RecallOf(*opened, queries, truth_most, k, &most);
    const double without90 = RecallOf(*opened, queries, truth_few, k, &few);
    std::printf("%s k %zu: recall %.4f, 30%% deleted %.4f, 90%% deleted %.4f\n", set.name, k, recall, without30, without90);
    EXPECT_GE(recall, set.floor);
    EXPECT_EQ(RecallOf(*opened, queries, truth, k, nullptr), recall) << "opened from a file";
    EXPECT_GE(without30, set.floor);
    EXPECT_GE(without90, set.floor);
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, RealGraphTest,
                         testing::Values(RealSet{"glove100-20k", Metric::kCosine, 0.95}, RealSet{"glove100-20k", Metric::kIp, 0.90},
                                         RealSet{"sift-photo-20k", Metric::kL2, 0.98}, RealSet{"mnist784-5k", Metric::kL2, 0.98},
                                         RealSet{"mnist784-5k", Metric::kL2, 0.95, true}, RealSet{"scifact-use512", Metric::kCosine, 0.95},
                                         RealSet{"wordnet-use512-8k", Metric::kCosine, 0.95},
                                         RealSet{"cranfield-use512", Metric::kCosine, 0.95}));

}  // namespace
}  // namespace saker::index
