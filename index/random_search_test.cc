// Every family against exact search through random operations: type, metric, dimension, rows, what the rows are like, filter,
// k, range, number of queries, a save and an open in between.
#include <cstring>

#include "index/test_files.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

using Params = std::map<std::string, std::string>;

uint32_t Seed() {
  const char* seed = std::getenv("SAKER_SEED");
  return seed != nullptr ? static_cast<uint32_t>(std::strtoul(seed, nullptr, 10)) : 20261201u;
}

template <typename T>
const T& AnyOf(std::mt19937& random, const std::vector<T>& values) {
  return values[random() % values.size()];
}

IndexSpec RandomSpec(std::mt19937& random, VectorType type) {
  if (type == VectorType::kBinary) {
    return {AnyOf<std::string>(random, {"BIN_FLAT", "BIN_IVF_FLAT", "BIN_IVF_FLAT", "AUTOINDEX"}),
            random() % 2 == 0 ? Metric::kHamming : Metric::kJaccard,
            {}};
  }
  IndexSpec spec = {AnyOf<std::string>(random, {"FLAT", "HNSW", "HNSW_SQ", "HNSW_PQ", "HNSW_PRQ", "DISKANN", "IVF_FLAT", "IVF_SQ8",
                                                "IVF_PQ", "IVF_RABITQ", "SCANN", "AUTOINDEX"}),
                    AnyOf<Metric>(random, {Metric::kL2, Metric::kIp, Metric::kCosine}),
                    {}};
  if (spec.type == "DISKANN") spec.params = {{"max_degree", "16"}};
  if (spec.type.starts_with("HNSW")) spec.params = {{"M", "8"}, {"efConstruction", "60"}};
  if (spec.type == "SCANN") spec.params = {{"sub_dim", "1"}};
  if (spec.type == "IVF_PQ") spec.params = {{"m", "1"}};
  return spec;
}

enum class Rows { kRandom, kEqual, kFew, kWithZeros };

std::shared_ptr<MemorySource> RandomRows(std::mt19937& random, VectorType type, size_t dim, size_t rows, Rows kind) {
  auto source = std::make_shared<MemorySource>(type, dim);
  const auto some = RandomSource(random, type, dim, kind == Rows::kEqual ? 1 : kind == Rows::kFew ? 5 : std::max<size_t>(rows, 1));
  const std::string zeros(RowBytes(type, dim), '\0');
  for (size_t row = 0; row < rows; ++row) {
    source->Add(kind == Rows::kWithZeros && random() % 4 == 0 ? static_cast<const void*>(zeros.data())
                                                              : some->Row(row % some->row_count()));
  }
  source->contiguous = random() % 2 == 0;
  if (random() % 3 == 0) source->validity = RandomBits(random, rows, 0.8);
  return source;
}

bool Contained(const Hit& hit, const std::vector<Hit>& all) {
  return std::any_of(all.begin(), all.end(), [&](const Hit& other) { return other.row == hit.row && other.score == hit.score; });
}

// `exact`: of the same request.
void ExpectContract(const IndexSpec& spec, const VectorSource& source, const SearchRequest& request, const std::vector<Hit>& hits,
                    const std::vector<Hit>& exact, bool wide) {
  const bool complete = !spec.type.starts_with("HNSW") && spec.type != "AUTOINDEX";  // of a range
  if (!request.radius.has_value() || complete) { ASSERT_EQ(hits.size(), exact.size()); }
  std::vector<bool> seen(source.row_count());
  for (size_t i = 0; i < hits.size(); ++i) {
    ASSERT_LT(hits[i].row, source.row_count());
    ASSERT_FALSE(seen[hits[i].row]);
    seen[hits[i].row] = true;
    ASSERT_TRUE(request.allowed == nullptr || request.allowed->Test(hits[i].row));
    ASSERT_TRUE(source.valid() == nullptr || source.valid()->Test(hits[i].row));
    if (i > 0) {
      const float a = hits[i - 1].score, b = hits[i].score;
      ASSERT_TRUE((SmallerIsBetter(spec.metric) ? a < b : a > b) || (a == b && hits[i - 1].row < hits[i].row));
    }
  }
  const bool same = spec.type == "FLAT" || spec.type == "BIN_FLAT" || (wide && (spec.type == "IVF_FLAT" || spec.type == "BIN_IVF_FLAT")) ||
                    (request.radius.has_value() && complete);
  for (size_t i = 0; same && i < hits.size(); ++i) {
    ASSERT_EQ(hits[i].row, exact[i].row) << "hit " << i;
    ASSERT_EQ(hits[i].score, exact[i].score) << "hit " << i;
  }
}

void SearchAtRandom(std::mt19937& random, const IndexSpec& spec, const Index& index, const Index& opened, const MemorySource& source) {
  const size_t rows = source.row_count();
  const size_t count = AnyOf<size_t>(random, {1, 2, 9});
  auto queries = RandomSource(random, source.type(), source.dim(), count);
  if (random() % 3 == 0 && rows > 0) {
    queries = std::make_shared<MemorySource>(source.type(), source.dim());
    for (size_t q = 0; q < count; ++q) queries->Add(source.Row(random() % rows));
  }
  const Bitset allowed = RandomBits(random, rows, AnyOf<double>(random, {0.0, 0.1, 0.9}));
  SearchRequest request;
  request.queries = queries->Row(0);
  request.query_count = count;
  request.k = AnyOf<size_t>(random, {1, 3, 10, rows + 5});
  if (random() % 2 == 0) request.allowed = &allowed;
  const bool wide = random() % 2 == 0;
  if (wide) request.params = {{"nprobe", "65536"}, {"ef", "4096"}};
  if (random() % 3 == 0) {
    const auto some = ExactSearch(source, spec.metric, request, Context()).value()[0];
    if (!some.empty()) request.radius = some[some.size() / 2].score;
    if (!some.empty() && !SmallerIsBetter(spec.metric) && random() % 2 == 0) request.range_filter = some[0].score;
  }
  const auto exact = ExactSearch(source, spec.metric, request, Context()).value();
  const auto results = index.Search(request, Context());
  ASSERT_TRUE(results.ok()) << results.status().ToString();
  ASSERT_EQ(results->size(), count);
  const auto again = opened.Search(request, Context()).value();
  for (size_t q = 0; q < count; ++q) {
    SCOPED_TRACE(testing::Message() << "query " << q << " of " << count << " k " << request.k << " filtered "
                                    << (request.allowed != nullptr) << " range " << request.radius.has_value() << " wide " << wide);
    ExpectContract(spec, source, request, (*results)[q], exact[q], wide);
    ASSERT_EQ(again[q].size(), (*results)[q].size());
    for (size_t i = 0; i < again[q].size(); ++i) ASSERT_TRUE(Contained(again[q][i], (*results)[q]));
  }
}

TEST(RandomSearchTest, EveryFamilyAgreesWithExactSearch) {
  std::mt19937 random(Seed());
  for (int round = 0; round < 90; ++round) {
    const auto type = AnyOf<VectorType>(
        random, {VectorType::kFloat32, VectorType::kFloat16, VectorType::kBFloat16, VectorType::kInt8, VectorType::kBinary});
    const size_t dim = type == VectorType::kBinary ? AnyOf<size_t>(random, {8, 24, 256}) : AnyOf<size_t>(random, {1, 2, 7, 16, 33});
    const size_t rows = AnyOf<size_t>(random, {0, 1, 2, 31, 33, 400, 900});
    const auto kind = static_cast<Rows>(random() % 4);
    const auto source = RandomRows(random, type, dim, rows, kind);
    IndexSpec spec = RandomSpec(random, type);
    if (spec.type.find("IVF") != std::string::npos || spec.type == "SCANN") {
      spec.params["nlist"] = AnyOf<std::string>(random, {"1", "7", "16", "65536"});
    }
    SCOPED_TRACE(testing::Message() << "seed " << Seed() << " round " << round << ": " << spec.type << " " << MetricName(spec.metric)
                                    << " type " << static_cast<int>(type) << " dim " << dim << " rows " << rows << " kind "
                                    << static_cast<int>(kind));
    BuildOptions options;
    options.threads = 1 + round % 2;
    const auto index = BuildIndex(spec, source, options);
    ASSERT_TRUE(index.ok()) << index.status().ToString();
    StringFile file;
    ASSERT_TRUE((*index)->Save(file).ok());
    StringFileSystem files;
    files.contents["a"] = file.contents;
    const auto opened = OpenIndex("a", files, source);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    for (int search = 0; search < 8; ++search) {
      SearchAtRandom(random, spec, **index, **opened, *source);
      if (HasFatalFailure()) return;
    }
  }
}

std::vector<SparsePair> RandomPairs(std::mt19937& random, uint32_t terms, bool signs) {
  std::vector<SparsePair> pairs;
  for (uint32_t term = 0; term < terms; ++term) {
    if (random() % (term + 2) >= 3) continue;
    const auto value = static_cast<float>(1 + random() % 4);
    pairs.push_back({term * 1009, signs && random() % 4 == 0 ? -value : value});
  }
  return pairs;
}

TEST(RandomSearchTest, BothSparseTypesAgreeWithExactSearch) {
  std::mt19937 random(Seed());
  for (int round = 0; round < 30; ++round) {
    const size_t rows = AnyOf<size_t>(random, {0, 1, 2, 129, 3000});
    IndexSpec spec = {AnyOf<std::string>(random, {"SPARSE_INVERTED_INDEX", "SPARSE_WAND", "AUTOINDEX"}),
                      AnyOf<Metric>(random, {Metric::kIp, Metric::kBm25}),
                      {}};
    if (spec.type != "AUTOINDEX")
      spec.params["inverted_index_algo"] = AnyOf<std::string>(random, {"TAAT_NAIVE", "DAAT_WAND", "BLOCK_MAX_MAXSCORE"});
    SCOPED_TRACE(testing::Message() << "seed " << Seed() << " round " << round << ": " << spec.type << " " << MetricName(spec.metric)
                                    << " rows " << rows);
    const bool signs = spec.metric == Metric::kIp && random() % 2 == 0;
    const auto source = std::make_shared<MemorySource>(VectorType::kSparse, 0);
    for (size_t row = 0; row < rows; ++row) source->AddSparse(RandomPairs(random, row % 9 == 0 ? 0 : 40, signs));
    if (random() % 3 == 0) source->validity = RandomBits(random, rows, 0.8);
    const auto index = BuildIndex(spec, source, {}).value();
    StringFile file;
    ASSERT_TRUE(index->Save(file).ok());
    StringFileSystem files;
    files.contents["a"] = file.contents;
    const auto opened = OpenIndex("a", files, source).value();
    for (int search = 0; search < 8; ++search) {
      const auto query = RandomPairs(random, 40, signs);
      const Bitset allowed = RandomBits(random, rows, AnyOf<double>(random, {0.0, 0.1, 0.9}));
      SearchRequest request;
      request.sparse_queries = {{query.data(), query.size()}};
      request.k = AnyOf<size_t>(random, {1, 3, 10, rows + 5});
      if (random() % 2 == 0) request.allowed = &allowed;
      if (random() % 3 == 0) request.radius = static_cast<float>(random() % 20);
      const auto exact = ExactSearch(*source, spec.metric, request, Context()).value()[0];
      for (const Index* one : {index.get(), opened.get()}) {
        const auto hits = one->Search(request, Context()).value()[0];
        ASSERT_EQ(hits.size(), exact.size());
        for (size_t i = 0; i < hits.size(); ++i) ASSERT_TRUE(hits[i].row == exact[i].row && hits[i].score == exact[i].score) << "hit " << i;
      }
    }
  }
}

TEST(RandomSearchTest, TheLargestDimension) {
  std::mt19937 random(Seed());
  const auto source = RandomSource(random, VectorType::kFloat16, 32768, 80);
  for (const char* type : {"IVF_FLAT", "IVF_RABITQ"}) {
    const auto index = BuildIndex({type, Metric::kL2, {{"nlist", "2"}}}, source, {});
    ASSERT_TRUE(index.ok()) << index.status().ToString();
    SearchRequest request;
    request.queries = source->Row(17);
    request.k = 3;
    EXPECT_EQ((*index)->Search(request, Context()).value()[0][0].row, 17u) << type;
  }
}

// A graph walked by the bits themselves.
TEST(RandomSearchTest, ManyBitVectorsAreFoundByAGraph) {
  std::mt19937 random(Seed());
  auto source = std::make_shared<MemorySource>(VectorType::kBinary, 128);
  std::vector<std::string> centres(300, std::string(16, '\0'));
  for (std::string& centre : centres) {
    for (char& byte : centre) byte = static_cast<char>(random());
  }
  const auto near = [&] {
    std::string row = centres[random() % centres.size()];
    for (int i = 0; i < 12; ++i) row[random() % 16] = static_cast<char>(row[random() % 16] ^ (1 << random() % 8));
    return row;
  };
  constexpr size_t kRows = 12000;  // fewer are scanned: their bits cost less than a walk
  for (size_t row = 0; row < kRows; ++row) source->Add(near().data());
  for (const Metric metric : {Metric::kHamming, Metric::kJaccard}) {
    BuildOptions options;
    options.threads = 2;
    const auto index = BuildIndex({"AUTOINDEX", metric, {}}, source, options).value();
    EXPECT_GT(index->memory_bytes(), kRows * 32);
    size_t found = 0;
    SearchStats stats;
    for (int q = 0; q < 100; ++q) {
      const std::string query = near();
      SearchRequest request;
      request.queries = query.data();
      const auto exact = ExactSearch(*source, metric, request, Context()).value()[0];
      const auto results = index->Search(request, Context(), &stats).value();
      for (const Hit& hit : results[0]) found += hit.score <= exact.back().score ? 1 : 0;
    }
    EXPECT_GE(found, 950u) << MetricName(metric) << " seed " << Seed();
    EXPECT_LT(stats.distances, 100u * kRows * 8 / 10) << MetricName(metric);
  }
}

}  // namespace
}  // namespace saker::index
