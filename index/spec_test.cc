// The words of Milvus for every wrong index type, metric and parameter.
#include <gtest/gtest.h>

#include "index/index.h"
#include "index/params.h"

namespace saker::index {
namespace {

std::string BuildError(const std::string& type, const Params& params, VectorType vectors = VectorType::kFloat32,
                       Metric metric = Metric::kL2, size_t dim = 128) {
  return ValidateSpec({type, metric, params}, vectors, dim).status().message();
}
std::string SearchError(const std::string& type, const Params& params, size_t k = 10) {
  return ValidateSearchParams({type, Metric::kL2, {}}, params, k).message();
}

TEST(SpecTest, DefaultsAreFilledIn) {
  const IndexSpec hnsw = ValidateSpec({"HNSW", Metric::kCosine, {{"M", "16"}}}, VectorType::kFloat32, 8).value();
  EXPECT_EQ(hnsw.params, (Params{{"M", "16"}, {"efConstruction", "360"}}));
  const IndexSpec ivf = ValidateSpec({"IVF_FLAT", Metric::kL2, {}}, VectorType::kFloat16, 8).value();
  EXPECT_EQ(ivf.params, (Params{{"nlist", "128"}}));
  EXPECT_EQ(ValidateSpec({"AUTOINDEX", Metric::kL2, {{"mmap.enabled", "true"}}}, VectorType::kFloat32, 8).value().type, "AUTOINDEX");
}

TEST(SpecTest, DefaultsFitTheDimension) {
  const auto param = [](const char* type, size_t dim, const char* name) {
    return ValidateSpec({type, Metric::kL2, {}}, VectorType::kFloat32, dim).value().params.at(name);
  };
  EXPECT_EQ(param("HNSW_PQ", 128, "m"), "32");
  EXPECT_EQ(param("HNSW_PQ", 100, "m"), "25");
  EXPECT_EQ(param("HNSW_PQ", 16, "m"), "16");
  EXPECT_EQ(param("HNSW_PQ", 101, "m"), "1");
  EXPECT_EQ(param("HNSW_PRQ", 7, "m"), "1");
  EXPECT_EQ(param("SCANN", 100, "sub_dim"), "2");
  EXPECT_EQ(param("SCANN", 1, "sub_dim"), "1");
}

TEST(SpecTest, EveryGraphTakesInt8) {
  for (const char* type : {"HNSW", "HNSW_SQ", "HNSW_PQ", "HNSW_PRQ", "DISKANN"}) {
    for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) EXPECT_EQ(BuildError(type, {}, VectorType::kInt8, metric), "");
    EXPECT_NE(BuildError(type, {}, VectorType::kBinary, Metric::kHamming), "");
  }
}

TEST(SpecTest, TypesMetricsAndVectorsMustFit) {
  EXPECT_EQ(BuildError("HNSW2", {}), "invalid index type: HNSW2");
  EXPECT_EQ(BuildError("BIN_FLAT", {}), "data type FloatVector can't build with this index BIN_FLAT");
  EXPECT_EQ(BuildError("HNSW", {}, VectorType::kBinary, Metric::kHamming), "data type BinaryVector can't build with this index HNSW");
  EXPECT_EQ(BuildError("IVF_FLAT", {}, VectorType::kSparse, Metric::kIp),
            "data type SparseFloatVector can't build with this index IVF_FLAT");
  EXPECT_EQ(BuildError("HNSW", {}, VectorType::kFloat32, Metric::kJaccard), "float vector index does not support metric type: JACCARD");
  EXPECT_EQ(BuildError("BIN_FLAT", {}, VectorType::kBinary, Metric::kL2), "binary vector index does not support metric type: L2");
  EXPECT_EQ(BuildError("SPARSE_WAND", {}, VectorType::kSparse, Metric::kL2), "only IP&BM25 is the supported metric type for sparse index");
  EXPECT_EQ(BuildError("BIN_FLAT", {}, VectorType::kBinary, Metric::kSubstructure), "");
}

TEST(SpecTest, BuildParametersMustBeIntegersInRange) {
  EXPECT_EQ(BuildError("HNSW", {{"M", "1"}}), "Out of range in json: param 'M' (1) should be in range [2, 2048]");
  EXPECT_EQ(BuildError("HNSW", {{"M", "2049"}}), "Out of range in json: param 'M' (2049) should be in range [2, 2048]");
  EXPECT_EQ(BuildError("HNSW", {{"M", "99999999999999999999"}}),
            "Out of range in json: param 'M' (99999999999999999999) should be in range [2, 2048]");
  EXPECT_EQ(BuildError("HNSW", {{"M", "True"}}), "invalid integer value, key: 'M', value: 'True': invalid parameter");
  EXPECT_EQ(BuildError("HNSW", {{"M", "16.0"}}), "invalid integer value, key: 'M', value: '16.0': invalid parameter");
  EXPECT_EQ(BuildError("HNSW", {{"M", ""}}), "invalid integer value, key: 'M', value: '': invalid parameter");
  EXPECT_EQ(BuildError("HNSW", {{"efConstruction", "0"}}),
            "Out of range in json: param 'efConstruction' (0) should be in range [1, 2147483647]");
  EXPECT_EQ(BuildError("IVF_FLAT", {{"nlist", "65537"}}), "Out of range in json: param 'nlist' (65537) should be in range [1, 65536]");
  EXPECT_EQ(BuildError("HNSW", {{"refine", "true"}}), "refine is not supported for this index");
  EXPECT_EQ(BuildError("AUTOINDEX", {{"M", "16"}}), "only metric type can be passed when use AutoIndex");
  EXPECT_EQ(BuildError("IVF_PQ", {}), "param 'm' not exist in json");
  EXPECT_EQ(BuildError("IVF_PQ", {{"m", "7"}}),
            "The dimension of a vector (dim) should be a multiple of the number of subquantizers (m). Dimension:128, m:7");
  EXPECT_EQ(BuildError("HNSW_PQ", {{"m", "7"}}),
            "The dimension of the vector (dim) should be a multiple of the number of subquantizers (m). Dimension:128, m:7");
  EXPECT_EQ(BuildError("SPARSE_INVERTED_INDEX", {{"drop_ratio_build", "1"}}, VectorType::kSparse, Metric::kIp),
            "Out of range in json: param 'drop_ratio_build' (1.000000) should be in range [0.000000, 1.000000)");
  EXPECT_EQ(BuildError("SPARSE_INVERTED_INDEX", {{"bm25_avgdl", "100"}}, VectorType::kSparse, Metric::kBm25), "");
  EXPECT_EQ(BuildError("SPARSE_INVERTED_INDEX", {{"bm25_avgdl", "long"}}, VectorType::kSparse, Metric::kBm25),
            "Type conflict in json: param 'bm25_avgdl' (long) should be a number");
  EXPECT_NE(BuildError("SPARSE_INVERTED_INDEX", {{"inverted_index_algo", "FAST"}}, VectorType::kSparse, Metric::kIp), "");
  EXPECT_EQ(BuildError("HNSW_SQ", {{"sq_type", "sq8"}, {"refine", "True"}, {"refine_type", "FP16"}}), "");
  EXPECT_NE(BuildError("HNSW_SQ", {{"sq_type", "SQ9"}}), "");
}

TEST(SpecTest, SearchParametersAreCheckedAndMustHoldK) {
  EXPECT_EQ(SearchError("HNSW", {{"ef", "9"}}), "ef(9) should be larger than k(10)");
  EXPECT_EQ(SearchError("HNSW", {{"ef", "10"}}), "");
  EXPECT_EQ(SearchError("HNSW", {}), "");
  EXPECT_EQ(SearchError("HNSW", {{"ef", "x"}}), "Type conflict in json: param 'ef' (x) should be integer");
  EXPECT_EQ(SearchError("HNSW", {{"ef", "0"}}), "Out of range in json: param 'ef' (0) should be in range [1, 2147483647]");
  EXPECT_EQ(SearchError("HNSW", {{"nprobe", "x"}}), "");  // unknown to this family: ignored
  EXPECT_EQ(SearchError("IVF_FLAT", {{"nprobe", "65537"}}), "Out of range in json: param 'nprobe' (65537) should be in range [1, 65536]");
  EXPECT_EQ(SearchError("DISKANN", {{"search_list", "5"}}), "search_list_size(5) should be larger than k(10)");
  EXPECT_EQ(SearchError("SCANN", {{"reorder_k", "5"}}), "reorder_k(5) should be larger than k(10)");
  EXPECT_EQ(SearchError("SPARSE_WAND", {{"drop_ratio_search", "-0.1"}}),
            "Out of range in json: param 'drop_ratio_search' (-0.100000) should be in range [0.000000, 1.000000)");
  EXPECT_EQ(SearchError("AUTOINDEX", {{"ef", "5"}}), "ef(5) should be larger than k(10)");
  EXPECT_EQ(SearchError("AUTOINDEX", {{"ef", "10"}}), "");
  EXPECT_EQ(SearchError("AUTOINDEX", {{"search_list", "9"}}), "");  // the disk graph's: ignored
  EXPECT_EQ(SearchError("AUTOINDEX", {{"level", "11"}}), "Out of range in json: param 'level' (11) should be in range [1, 10]");
  EXPECT_EQ(SearchError("AUTOINDEX", {{"level", "0"}}), "Out of range in json: param 'level' (0) should be in range [1, 10]");
  EXPECT_EQ(SearchError("AUTOINDEX", {{"level", "high"}}), "Type conflict in json: param 'level' (high) should be integer");
  EXPECT_EQ(SearchError("AUTOINDEX", {{"target_recall", "1.0"}}),
            "Out of range in json: param 'target_recall' (1.000000) should be in range [0.500000, 0.999900]");
  EXPECT_EQ(SearchError("AUTOINDEX", {{"target_recall", "best"}}),
            "Type conflict in json: param 'target_recall' (best) should be a number");
}

size_t PoolOf(const std::string& type, const std::map<std::string, std::string>& params, size_t k) {
  return GraphEffortOf({type, Metric::kL2, {}}, params, k).pool;
}

TEST(SpecTest, WidthsFollowTheParameters) {
  EXPECT_EQ(PoolOf("HNSW", {{"ef", "100"}}, 10), 100u);
  EXPECT_EQ(PoolOf("HNSW", {}, 10), 64u);
  EXPECT_EQ(PoolOf("HNSW", {}, 1000), 1000u);
  EXPECT_EQ(PoolOf("DISKANN", {{"search_list", "77"}}, 10), 77u);
  EXPECT_LT(RecallTarget({{"level", "1"}}), RecallTarget({{"level", "9"}}));
  EXPECT_EQ(RecallTarget({}), RecallTarget({{"level", "1"}}));
  EXPECT_EQ(RecallTarget({{"level", "1"}, {"target_recall", "0.77"}}), 0.77);
  EXPECT_EQ(GraphEffortOf({"HNSW", Metric::kL2, {}}, {{"ef", "100"}}, 10).gamma, 0.0f);  // ef alone keeps its meaning
  EXPECT_EQ(GraphEffortOf({"HNSW", Metric::kL2, {}}, {{"ef", "100"}, {"gamma", "1.5"}}, 10).gamma, 1.5f);
  EXPECT_EQ(ProbeCount({"IVF_FLAT", Metric::kL2, {{"nlist", "4"}}}, {{"nprobe", "100"}}), 4u);
}

}  // namespace
}  // namespace saker::index
