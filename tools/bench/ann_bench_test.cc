// What `saker bench ann` takes, prints and refuses: every index type without parameters, wrong truths, kept index files, bad flags.
#include "tools/bench/ann_bench.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace saker::bench {
namespace {

using testing::HasSubstr;
using Rows = std::vector<std::vector<float>>;

class AnnBenchTest : public testing::Test {
 protected:
  AnnBenchTest() : folder_(std::filesystem::temp_directory_path() / ("saker_bench_test_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~AnnBenchTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  template <typename T>
  void Write(const std::string& name, const std::vector<std::vector<T>>& rows) const {
    std::ofstream out(Path(name), std::ios::binary);
    for (const auto& row : rows) {
      const auto dim = static_cast<int32_t>(row.size());
      out.write(reinterpret_cast<const char*>(&dim), 4);
      out.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(row.size() * sizeof(T)));
    }
  }
  Rows Random(size_t count, size_t dim) {
    std::normal_distribution<float> normal;
    Rows rows(count, std::vector<float>(dim));
    for (auto& row : rows) {
      for (float& value : row) value = normal(random_);
    }
    return rows;
  }
  // Squared distances, nearest first.
  static std::vector<std::vector<int32_t>> TruthOf(const Rows& base, const Rows& queries, size_t k) {
    std::vector<std::vector<int32_t>> truth;
    for (const auto& query : queries) {
      std::vector<double> distances;
      for (const auto& row : base) {
        double sum = 0;
        for (size_t d = 0; d < row.size(); ++d) sum += std::pow(static_cast<double>(row[d] - query[d]), 2);
        distances.push_back(sum);
      }
      std::vector<int32_t> ids(base.size());
      std::iota(ids.begin(), ids.end(), 0);
      std::sort(ids.begin(), ids.end(),
                [&](int32_t a, int32_t b) { return distances[static_cast<size_t>(a)] < distances[static_cast<size_t>(b)]; });
      ids.resize(k);
      truth.push_back(ids);
    }
    return truth;
  }
  AnnOptions Small(size_t dim = 16, size_t rows = 300) {
    base_ = Random(rows, dim);
    queries_ = Random(20, dim);
    Write("base.fvecs", base_);
    Write("query.fvecs", queries_);
    AnnOptions options;
    options.base = Path("base.fvecs");
    options.query = Path("query.fvecs");
    options.directory = folder_.string();
    options.index = "FLAT";
    options.recalls = {0.9};
    options.seconds = 0;
    options.build_threads = 1;
    return options;
  }
  static std::string Printed(const AnnOptions& options) {
    testing::internal::CaptureStdout();
    const Status status = RunAnnBench(options);
    const std::string out = testing::internal::GetCapturedStdout();
    EXPECT_TRUE(status.ok()) << options.index << ": " << status.message();
    return out;
  }
  static std::string Refused(const AnnOptions& options) {
    testing::internal::CaptureStdout();
    const Status status = RunAnnBench(options);
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "") << "refused after a build";
    return status.message();
  }

  std::mt19937 random_{7};
  std::filesystem::path folder_;
  Rows base_, queries_;
};

TEST_F(AnnBenchTest, EveryTypeNeedsNoParametersAtAnyDimension) {
  for (const size_t dim : {size_t{1}, size_t{7}, size_t{16}, size_t{100}}) {
    AnnOptions options = Small(dim);
    for (const char* type : {"FLAT", "HNSW", "hnsw", "HNSW_SQ", "HNSW_PQ", "HNSW_PRQ", "DISKANN", "IVF_FLAT", "IVF_SQ8", "ivf_pq",
                             "IVF_RABITQ", "SCANN", "AutoIndex"}) {
      options.index = type;
      EXPECT_THAT(Printed(options), HasSubstr("\"recall_target\": 0.9, \"recall\": ")) << type << " " << dim;
    }
  }
  AnnOptions options = Small(32);
  std::vector<std::vector<uint8_t>> bits(200, std::vector<uint8_t>(8));
  for (auto& row : bits) {
    for (uint8_t& byte : row) byte = static_cast<uint8_t>(random_());
  }
  Write("base.bvecs", bits);
  options.base = options.query = Path("base.bvecs");
  options.metric = "hamming";
  for (const char* type : {"BIN_FLAT", "bin_ivf_flat", "AUTOINDEX"}) {
    options.index = type;
    EXPECT_THAT(Printed(options), HasSubstr("\"qps\": ")) << type;
  }
  options.index = "SPARSE_WAND";
  EXPECT_EQ(Refused(options), "data type BinaryVector can't build with this index SPARSE_WAND");
}

TEST_F(AnnBenchTest, TheTruthIsTakenOrComputedAndTiesCount) {
  AnnOptions options = Small();
  base_[11] = base_[10] = base_[9];  // equal rows: any of them is the truth
  queries_[0] = base_[9];
  Write("base.fvecs", base_);
  Write("query.fvecs", queries_);
  Write("truth.ivecs", TruthOf(base_, queries_, 10));
  options.recalls = {1};
  options.k = 2;
  EXPECT_THAT(Printed(options), HasSubstr("\"recall\": 1.0000, \"qps\": "));
  options.truth = Path("truth.ivecs");
  EXPECT_THAT(Printed(options), HasSubstr("\"recall\": 1.0000, \"qps\": "));
}

TEST_F(AnnBenchTest, AWrongTruthIsRefusedWithBothNumbers) {
  AnnOptions options = Small();
  options.truth = Path("truth.ivecs");
  auto truth = TruthOf(base_, queries_, 10);
  std::rotate(truth.begin(), truth.begin() + 1, truth.end());  // another query's
  Write("truth.ivecs", truth);
  EXPECT_THAT(Refused(options), testing::AllOf(HasSubstr("is not the truth"), HasSubstr("is at distance"), HasSubstr("of the 10 listed")));
  truth = TruthOf(base_, queries_, 10);
  truth.back()[9] = TruthOf(base_, queries_, 40).back()[39];  // one id in the last list: found by the searches
  Write("truth.ivecs", truth);
  const Status late = RunAnnBench(options);
  EXPECT_THAT(late.message(), HasSubstr("for query 19 row"));
  truth = TruthOf(base_, queries_, 10);
  truth[3][4] = truth[3][5];
  Write("truth.ivecs", truth);
  EXPECT_THAT(Refused(options), HasSubstr("twice among the neighbours of query 3"));
  truth[3][4] = 300;
  Write("truth.ivecs", truth);
  EXPECT_THAT(Refused(options), HasSubstr("id 300 of query 3; there are 300 rows"));
  options.k = 11;
  EXPECT_THAT(Refused(options), HasSubstr("10 neighbours a query, --k is 11"));
  options.truth = Path("absent.ivecs");
  EXPECT_THAT(Refused(options), HasSubstr("absent.ivecs"));
}

TEST_F(AnnBenchTest, AKeptIndexIsTheOneAskedForOrRefused) {
  AnnOptions options = Small();
  options.index = "HNSW";
  options.params = {"M=8"};
  options.index_file = Path("kept");
  EXPECT_THAT(Printed(options), testing::Not(HasSubstr("\"build_s\": null")));
  options.params = {};
  const std::string again = Printed(options);
  EXPECT_THAT(again, testing::AllOf(HasSubstr("\"build_s\": null"), HasSubstr("\"M\": \"8\"")));
  options.params = {"M=9"};
  EXPECT_THAT(Refused(options), HasSubstr("was built with M=8, not 9"));
  options.params = {};
  options.index = "IVF_FLAT";
  EXPECT_THAT(Refused(options), HasSubstr("is of type HNSW, not IVF_FLAT"));
  options.index = "HNSW";
  options.metric = "ip";
  EXPECT_THAT(Refused(options), HasSubstr("is for metric L2, not IP"));
  options.metric = "l2";
  base_[5][3] += 1;
  Write("base.fvecs", base_);
  EXPECT_THAT(Refused(options), testing::AllOf(HasSubstr("was built from 300 rows of dimension 16, checksum"), HasSubstr("--base has")));
  base_.pop_back();
  Write("base.fvecs", base_);
  EXPECT_THAT(Refused(options), HasSubstr("--base has 299 rows"));
  std::filesystem::remove(Path("kept.base"));
  EXPECT_THAT(Refused(options), HasSubstr("an index of 300 rows"));
}

TEST_F(AnnBenchTest, ATargetThatIsNotReachedHasEveryField) {
  AnnOptions options = Small(16, 2000);
  options.index = "IVF_RABITQ";
  options.search_params = {"refine_k=1", "nprobe=1"};
  options.recalls = {1};
  const std::string out = Printed(options);
  for (const char* field : {"\"qps\": null", "\"p50_us\": null", "\"p99_us\": null", "\"distances\": ", "\"hops\": ", "\"reads\": ",
                            "\"bytes\": ", "\"k\": 10", "\"threads\": 1", "\"selectivity\": 1", "\"params\": "}) {
    EXPECT_THAT(out, HasSubstr(field));
  }
}

TEST_F(AnnBenchTest, BadFlagsAreRefusedBeforeTheBuild) {
  const AnnOptions good = Small();
  AnnOptions options = good;
  for (const double recall : {1.5, 0.0, -1.0, std::nan("")}) {
    options.recalls = {0.9, recall};
    EXPECT_THAT(Refused(options), HasSubstr("is not in (0, 1]"));
  }
  options = good;
  options.filter_kind = "some";
  EXPECT_THAT(Refused(options), HasSubstr("--filter-kind some is unknown"));
  options = good;
  options.filter_selectivities = {1, 0.0001};
  EXPECT_EQ(Refused(options), "--filter-selectivity 0.0001 leaves none of 300 rows: there is nothing to find");
  options = good;
  options.index = "HNSW";
  options.search_params = {"ef=5"};
  EXPECT_EQ(Refused(options), "ef(5) should be larger than k(10)");
  options.search_params = {"ef"};
  EXPECT_EQ(Refused(options), "'ef' is not KEY=VALUE");
  options = good;
  options.k = 16385;
  EXPECT_EQ(Refused(options), "--k 16385; it can be 1 to 16384");
  options = good;
  options.index = "HNSW2";
  EXPECT_EQ(Refused(options), "invalid index type: HNSW2");
}

TEST_F(AnnBenchTest, AVectorThatIsNoNumberIsNamed) {
  const AnnOptions options = Small();
  base_[7][3] = std::numeric_limits<float>::quiet_NaN();
  Write("base.fvecs", base_);
  EXPECT_THAT(Refused(options), HasSubstr("base.fvecs: row 7, dimension 3 is nan"));
  base_[7][3] = 0;
  queries_[2][0] = std::numeric_limits<float>::infinity();
  Write("base.fvecs", base_);
  Write("query.fvecs", queries_);
  EXPECT_THAT(Refused(options), HasSubstr("query.fvecs: row 2, dimension 0 is inf"));
}

}  // namespace
}  // namespace saker::bench
