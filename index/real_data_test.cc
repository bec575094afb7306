// Recall and exactness on the real sets of the optional shared data; skipped with a sentence where they are absent.
#include <gtest/gtest.h>

#include <cmath>

#include "index/bench_data.h"
#include "index/params.h"
#include "index/sparse/sparse.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr size_t kK = 10;

#define SHARED_OR_SKIP(name)                                             \
  const std::optional<std::string> folder_or = SharedFolder(name);       \
  if (!folder_or.has_value()) GTEST_SKIP() << "no shared data " << name; \
  const std::string& folder = *folder_or

// The share of true neighbours found in the first kK, a score equal to the last true one counted as found.
double RecallAgainstTruth(const std::string& folder, const std::string& metric_name, Metric metric, const Index& index,
                          const std::vector<std::vector<float>>& queries, const Params& params) {
  const auto scores = ReadVectors<float>(folder + "/gt_" + metric_name + "_score.fvecs");
  size_t found = 0;
  for (size_t q = 0; q < queries.size(); ++q) {
    SearchRequest request;
    request.queries = queries[q].data();
    request.k = kK;
    request.params = params;
    const auto hits = index.Search(request, Context()).value()[0];
    EXPECT_EQ(hits.size(), kK);
    const float last = scores[q][kK - 1];
    const float slack = 1e-5f * std::max(1.0f, std::fabs(last));
    for (const Hit& hit : hits) found += (SmallerIsBetter(metric) ? hit.score <= last + slack : hit.score >= last - slack) ? 1 : 0;
  }
  return static_cast<double>(found) / static_cast<double>(queries.size() * kK);
}

double Measure(const std::string& folder, const std::string& metric_name, Metric metric, const std::string& type, const Params& build,
               const Params& search) {
  const auto source = ReadFloatSource(folder + "/base");
  BuildOptions options;
  options.threads = 2;
  const auto index = BuildIndex({type, metric, build}, source, options).value();
  const double recall = RecallAgainstTruth(folder, metric_name, metric, *index, ReadFloatRows(folder + "/query"), search);
  std::printf("%s %s: recall@10 %.4f\n", type.c_str(), metric_name.c_str(), recall);
  return recall;
}

TEST(RealDataTest, FlatFindsEveryNeighbourOfGlove) {
  SHARED_OR_SKIP("glove100-20k");
  EXPECT_EQ(Measure(folder, "cos", Metric::kCosine, "FLAT", {}, {}), 1.0);
  EXPECT_EQ(Measure(folder, "ip", Metric::kIp, "FLAT", {}, {}), 1.0);
  EXPECT_EQ(Measure(folder, "l2", Metric::kL2, "FLAT", {}, {}), 1.0);
}

TEST(RealDataTest, FlatFindsEveryNeighbourOfSift) {
  SHARED_OR_SKIP("sift-photo-20k");
  EXPECT_EQ(Measure(folder, "cos", Metric::kCosine, "FLAT", {}, {}), 1.0);
  EXPECT_EQ(Measure(folder, "l2", Metric::kL2, "FLAT", {}, {}), 1.0);
}

TEST(RealDataTest, HnswReachesItsRecallOnGlove) {
  SHARED_OR_SKIP("glove100-20k");
  const Params build = {{"M", "16"}, {"efConstruction", "120"}};
  EXPECT_GE(Measure(folder, "cos", Metric::kCosine, "HNSW", build, {{"ef", "64"}}), 0.95);
}

TEST(RealDataTest, HnswReachesItsRecallOnSift) {
  SHARED_OR_SKIP("sift-photo-20k");
  const Params build = {{"M", "16"}, {"efConstruction", "120"}};
  EXPECT_GE(Measure(folder, "l2", Metric::kL2, "HNSW", build, {{"ef", "64"}}), 0.95);
  EXPECT_GE(Measure(folder, "l2", Metric::kL2, "IVF_FLAT", {{"nlist", "128"}}, {{"nprobe", "24"}}), 0.95);
}

TEST(RealDataTest, TheDiskGraphReachesItsRecall) {
  {
    SHARED_OR_SKIP("glove100-20k");
    EXPECT_GE(Measure(folder, "cos", Metric::kCosine, "DISKANN", {}, {{"search_list", "100"}}), 0.95);
  }
  SHARED_OR_SKIP("sift-photo-20k");
  EXPECT_GE(Measure(folder, "l2", Metric::kL2, "DISKANN", {}, {{"search_list", "50"}}), 0.95);
  EXPECT_GE(Measure(folder, "l2", Metric::kL2, "DISKANN", {{"build_dram_budget_gb_ratio", "1.5"}}, {{"search_list", "60"}}), 0.95);
}

TEST(RealDataTest, ClusterIndexesWithCodesReachTheirRecall) {
  {
    SHARED_OR_SKIP("glove100-20k");
    const Params wide = {{"nprobe", "128"}};
    EXPECT_GE(Measure(folder, "cos", Metric::kCosine, "IVF_SQ8", {{"nlist", "512"}}, wide), 0.97);
    EXPECT_GE(Measure(folder, "cos", Metric::kCosine, "SCANN", {{"nlist", "512"}}, wide), 0.96);
    EXPECT_GE(Measure(folder, "ip", Metric::kIp, "SCANN", {{"nlist", "512"}}, wide), 0.90);
    EXPECT_GE(Measure(folder, "cos", Metric::kCosine, "IVF_PQ", {{"nlist", "512"}, {"m", "25"}}, wide), 0.95);
  }
  SHARED_OR_SKIP("sift-photo-20k");
  const Params search = {{"nprobe", "32"}};
  EXPECT_GE(Measure(folder, "l2", Metric::kL2, "IVF_SQ8", {{"nlist", "256"}}, search), 0.97);
  EXPECT_GE(Measure(folder, "l2", Metric::kL2, "SCANN", {{"nlist", "256"}}, search), 0.97);
  EXPECT_GE(Measure(folder, "l2", Metric::kL2, "IVF_PQ", {{"nlist", "256"}, {"m", "32"}}, search), 0.97);
}

TEST(RealDataTest, IndexesOverBitsReachTheirRecallOnOrb) {
  SHARED_OR_SKIP("orb256-20k");
  const auto source = std::make_shared<MemorySource>(VectorType::kBinary, 256);
  for (const auto& row : ReadVectors<uint8_t>(folder + "/base.bvecs")) source->Add(row.data());
  const auto queries = ReadVectors<uint8_t>(folder + "/query.bvecs");
  struct Case {
    const char* type;
    Params build, search;
  };
  BuildOptions options;
  options.threads = 2;
  for (const Case& one : {Case{"BIN_IVF_FLAT", {{"nlist", "128"}}, {{"nprobe", "32"}}}, Case{"AUTOINDEX", {}, {}}}) {
    for (const auto& [name, metric] : {std::pair("hamming", Metric::kHamming), std::pair("jaccard", Metric::kJaccard)}) {
      const auto scores = ReadVectors<float>(folder + "/gt_" + name + "_score.fvecs");
      const auto index = BuildIndex({one.type, metric, one.build}, source, options).value();
      size_t found = 0;
      SearchStats stats;
      for (size_t q = 0; q < queries.size(); ++q) {
        SearchRequest request;
        request.queries = queries[q].data();
        request.params = one.search;
        const auto results = index->Search(request, Context(), &stats).value();
        for (const Hit& hit : results[0]) found += hit.score <= scores[q][kK - 1] + 1e-6f ? 1 : 0;
      }
      const double recall = static_cast<double>(found) / static_cast<double>(queries.size() * kK);
      std::printf("%s %s: recall@10 %.4f, %.0f distances a query\n", one.type, name, recall,
                  static_cast<double>(stats.distances) / static_cast<double>(queries.size()));
      EXPECT_GE(recall, 0.9) << one.type << " " << name;
    }
  }
}

TEST(RealDataTest, BinarySearchIsExactOnOrb) {
  SHARED_OR_SKIP("orb256-20k");
  MemorySource source(VectorType::kBinary, 256);
  for (const auto& row : ReadVectors<uint8_t>(folder + "/base.bvecs")) source.Add(row.data());
  const auto queries = ReadVectors<uint8_t>(folder + "/query.bvecs");
  for (const auto& [name, metric] : {std::pair("hamming", Metric::kHamming), std::pair("jaccard", Metric::kJaccard)}) {
    const auto truth = ReadVectors<int32_t>(folder + "/gt_" + name + ".ivecs");
    for (size_t q = 0; q < queries.size(); ++q) {
      SearchRequest request;
      request.queries = queries[q].data();
      request.k = 100;
      const auto hits = ExactSearch(source, metric, request, Context()).value()[0];
      for (size_t i = 0; i < hits.size(); ++i) ASSERT_EQ(static_cast<int32_t>(hits[i].row), truth[q][i]) << name << " query " << q;
    }
  }
}

std::shared_ptr<MemorySource> ReadSparse(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  int64_t head[3] = {};
  in.read(reinterpret_cast<char*>(head), sizeof head);
  std::vector<int64_t> starts(static_cast<size_t>(head[0]) + 1);
  std::vector<int32_t> indices(static_cast<size_t>(head[2]));
  std::vector<float> values(indices.size());
  in.read(reinterpret_cast<char*>(starts.data()), static_cast<std::streamsize>(starts.size() * 8));
  in.read(reinterpret_cast<char*>(indices.data()), static_cast<std::streamsize>(indices.size() * 4));
  in.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * 4));
  auto source = std::make_shared<MemorySource>(VectorType::kSparse, 0);
  for (size_t row = 0; row + 1 < starts.size(); ++row) {
    std::map<uint32_t, float> sorted;
    for (auto i = static_cast<size_t>(starts[row]); i < static_cast<size_t>(starts[row + 1]); ++i)
      sorted[static_cast<uint32_t>(indices[i])] = values[i];
    std::vector<SparsePair> pairs;
    for (const auto& [index, value] : sorted) pairs.push_back({index, value});
    source->AddSparse(pairs);
  }
  return source;
}

TEST(RealDataTest, SparseSearchFindsTheBm25RankingOfCranfield) {
  SHARED_OR_SKIP("cranfield-bm25-sparse");
  const auto source = ReadSparse(folder + "/base.csr"), queries = ReadSparse(folder + "/query.csr");
  const auto scores = ReadVectors<float>(folder + "/gt_ip_score.fvecs");
  const auto index = BuildIndex({"SPARSE_INVERTED_INDEX", Metric::kIp, {}}, source, {}).value();
  for (size_t q = 0; q < queries->row_count(); ++q) {
    SearchRequest request;
    request.sparse_queries = {queries->SparseRow(q)};
    request.k = 100;
    const auto hits = index->Search(request, Context()).value()[0];
    for (size_t i = 0; i < hits.size(); ++i)
      ASSERT_NEAR(hits[i].score, scores[q][i], 1e-4 * (1 + scores[q][i])) << "query " << q << " hit " << i;
  }
}

TEST(RealDataTest, FilteredSearchFindsTheTruthOfWordnet) {
  SHARED_OR_SKIP("wordnet-use512-8k");
  const auto source = ReadFloatSource(folder + "/base");
  const auto queries = ReadFloatRows(folder + "/query");
  // The filter `pos == "v"` by hand: the filter language is not this module's.
  Bitset verbs(source->row_count());
  std::ifstream attributes(folder + "/base_attrs.jsonl");
  std::string line;
  for (size_t row = 0; std::getline(attributes, line); ++row) {
    if (line.find("\"pos\": \"v\"") != std::string::npos || line.find("\"pos\":\"v\"") != std::string::npos) verbs.Set(row);
  }
  ASSERT_EQ(verbs.Count(), 934u);
  const auto truth = ReadVectors<int32_t>(folder + "/gt_filter1_cos.ivecs");
  BuildOptions options;
  options.threads = 2;
  for (const char* type : {"FLAT", "HNSW"}) {
    const auto index = BuildIndex({type, Metric::kCosine, {}}, source, options).value();
    for (size_t q = 0; q < truth.size(); ++q) {
      SearchRequest request;
      request.queries = queries[q].data();
      request.k = 50;
      request.allowed = &verbs;
      const auto hits = index->Search(request, Context()).value()[0];
      ASSERT_EQ(hits.size(), 50u);
      for (size_t i = 0; i < hits.size(); ++i) {
        if (static_cast<int32_t>(hits[i].row) == truth[q][i]) continue;
        const double wanted = TrueScore(*source, Metric::kCosine, queries[q].data(), static_cast<size_t>(truth[q][i]));
        ASSERT_NEAR(hits[i].score, wanted, 1e-6) << type << " query " << q << " hit " << i;
      }
    }
  }
}

}  // namespace
}  // namespace saker::index
