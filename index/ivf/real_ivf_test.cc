// The cluster indexes on word vectors: floors of recall for every k, saved and opened, with rows deleted, under filters; skipped with a
// sentence where the shared data is absent.
#include "index/bench_data.h"
#include "index/test_files.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr size_t kQueries = 60;

double RecallOf(const Index& index, const VectorSource& source, const std::vector<std::vector<float>>& queries, size_t k,
                const std::vector<Bitset>& filters) {
  size_t found = 0, wanted = 0;
  for (size_t q = 0; q < kQueries; ++q) {
    SearchRequest request;
    request.queries = queries[q].data();
    request.k = k;
    request.params = {{"nprobe", "64"}};
    if (!filters.empty()) request.allowed = &filters[q % filters.size()];
    const auto truth = ExactSearch(source, Metric::kCosine, request, Context()).value()[0];
    const auto results = index.Search(request, Context()).value();
    EXPECT_EQ(results[0].size(), truth.size());
    wanted += truth.size();
    for (const Hit& hit : results[0]) found += hit.score >= truth.back().score ? 1 : 0;
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

// The rows nearest to a point, or the farthest.
Bitset Around(const VectorSource& source, const float* point, double share, bool far) {
  SearchRequest all;
  all.queries = point;
  all.k = source.row_count();
  auto hits = ExactSearch(source, Metric::kCosine, all, Context()).value()[0];
  if (far) std::reverse(hits.begin(), hits.end());
  Bitset bits(source.row_count());
  for (size_t i = 0; i < static_cast<size_t>(share * static_cast<double>(hits.size())); ++i) bits.Set(hits[i].row);
  return bits;
}

TEST(RealIvfTest, RecallHoldsForEveryKDeletionAndFilter) {
  const auto folder = SharedFolder("glove100-20k");
  if (!folder.has_value()) GTEST_SKIP() << "no shared data glove100-20k";
  const auto source = ReadFloatSource(*folder + "/base");
  const auto queries = ReadFloatRows(*folder + "/query");
  std::mt19937 random(43);
  std::vector<Bitset> far, beside;
  for (size_t q = 0; q < kQueries; ++q) {
    far.push_back(Around(*source, queries[q].data(), 0.5, true));
    beside.push_back(Around(*source, static_cast<const float*>(source->Row(random() % source->row_count())), 0.1, false));
  }
  BuildOptions options;
  options.threads = 2;
  for (const char* type : {"IVF_FLAT", "IVF_SQ8", "SCANN", "IVF_RABITQ"}) {
    const auto built = BuildIndex({type, Metric::kCosine, {{"nlist", "256"}}}, source, options).value();
    StringFile file;
    ASSERT_TRUE(built->Save(file).ok());
    StringFileSystem files;
    files.contents["a"] = file.contents;
    const auto opened = OpenIndex("a", files, source).value();
    for (const size_t k : {1, 10, 100, 1000}) {
      const double recall = RecallOf(*built, *source, queries, k, {});
      EXPECT_GE(recall, 0.9) << type << " k " << k;
      EXPECT_NEAR(RecallOf(*opened, *source, queries, k, {}), recall, 0.01) << type << " opened, k " << k;
    }
    const double floor = RecallOf(*built, *source, queries, 10, {}) - 0.03;
    for (const double left : {0.7, 0.1})
      EXPECT_GE(RecallOf(*built, *source, queries, 10, {RandomBits(random, source->row_count(), left)}), floor) << type << " left " << left;
    EXPECT_GE(RecallOf(*built, *source, queries, 10, far), floor) << type << " far";
    EXPECT_GE(RecallOf(*built, *source, queries, 10, beside), floor) << type << " beside";
  }
}

}  // namespace
}  // namespace saker::index
