// The posting lists against ExactSearch: the same rows, the same floats, whatever way a search goes through them.
#include <set>

#include "index/bm25.h"
#include "index/test_files.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 31;

using Row = std::vector<SparsePair>;

enum class Values { kWhole, kPositive, kAnySign };

// Term t is in about 1 of t + 2 rows, the last tenth of the terms only among neighbouring rows: long lists, short lists,
// lists with wide gaps, blocks that lie across windows and frames.
Row RandomRow(std::mt19937& random, size_t row, uint32_t terms, Values values) {
  Row out;
  const uint32_t local = static_cast<uint32_t>(row / 700 % (terms / 10));
  for (uint32_t t = 0; t < terms; ++t) {
    const bool near = t >= terms - terms / 10;
    if (near ? t - (terms - terms / 10) != local : random() % (t * t / 2 + 3) != 0) continue;
    float value = static_cast<float>(1 + random() % 3 * (random() % 5));
    if (values != Values::kWhole) value = std::ldexp(static_cast<float>(1 + random() % 1000), -7);
    if (values == Values::kAnySign && random() % 3 == 0) value = -value;
    out.push_back({t == terms - 1 ? 0xfffffffeu : t * 131u, value});
  }
  return out;
}

Row RandomQuery(std::mt19937& random, uint32_t terms, bool signs) {
  Row out;
  for (uint32_t t = 0; t < terms; ++t) {
    if (random() % 6 != 0) continue;
    const float value = static_cast<float>(1 + random() % 4) * (signs && random() % 4 == 0 ? -0.75f : 1.0f);
    out.push_back({t == terms - 1 ? 0xfffffffeu : t * 131u, value});
    if (random() % 7 == 0) out.push_back({t * 131u + 1, 1.0f});  // in no row
  }
  if (!out.empty() && out.back().index == 0u) out.pop_back();
  return out;
}

void ExpectSame(const std::vector<Hit>& hits, const std::vector<Hit>& truth) {
  ASSERT_EQ(hits.size(), truth.size());
  for (size_t i = 0; i < hits.size(); ++i) {
    ASSERT_EQ(hits[i].row, truth[i].row) << "hit " << i << " scores " << hits[i].score << ", the best is " << truth[i].score;
    ASSERT_EQ(hits[i].score, truth[i].score) << "hit " << i;
  }
}

std::unique_ptr<Index> Build(Metric metric, std::shared_ptr<const VectorSource> source, std::map<std::string, std::string> params = {}) {
  auto index = BuildIndex({"SPARSE_INVERTED_INDEX", metric, std::move(params)}, std::move(source), {});
  EXPECT_TRUE(index.ok()) << index.status().ToString();
  return std::move(index).value();
}

// Saved and opened again.
std::unique_ptr<Index> Reopened(const Index& index, std::shared_ptr<const VectorSource> source) {
  StringFile file;
  EXPECT_TRUE(index.Save(file).ok());
  StringFileSystem files;
  files.contents["a"] = file.contents;
  auto opened = OpenIndex("a", files, std::move(source));
  EXPECT_TRUE(opened.ok()) << opened.status().ToString();
  return std::move(opened).value();
}

void CompareRandomSearches(std::mt19937& random, Metric metric, Values values, size_t rows, size_t rounds) {
  constexpr uint32_t kTerms = 60;
  const auto source = std::make_shared<MemorySource>(VectorType::kSparse, 0);
  for (size_t row = 0; row < rows; ++row) source->AddSparse(random() % 20 == 0 ? Row() : RandomRow(random, row, kTerms, values));
  if (random() % 2 == 0) source->validity = RandomBits(random, rows, 0.95);
  const auto built = Build(metric, source);
  const auto index = Reopened(*built, source);
  for (size_t round = 0; round < rounds; ++round) {
    SCOPED_TRACE(testing::Message() << MetricName(metric) << " " << rows << " rows, round " << round);
    const Row query = RandomQuery(random, kTerms, values == Values::kAnySign || round % 11 == 10);
    const Bitset allowed = RandomBits(random, rows, std::vector<double>{0.5, 0.01, 0.95, 0}[round % 4]);
    SearchRequest request;
    request.sparse_queries = {{query.data(), query.size()}};
    request.k = std::vector<size_t>{1, 10, 10, 100, 16384}[random() % 5];
    if (random() % 3 == 0) request.allowed = &allowed;
    if (random() % 5 == 0) request.radius = static_cast<float>(random() % 30) / 4 - 1;
    if (request.radius.has_value() && random() % 3 == 0) request.range_filter = *request.radius + 5.0f;
    Bm25Statistics statistics;
    if (metric == Metric::kBm25) {
      // A collection of which these rows are a part, with other lengths.
      CountBm25(*source, nullptr, TermsOf(request.sparse_queries), &statistics);
      statistics.total_length *= std::vector<double>{1, 0.2, 7}[round % 3];
      statistics.row_count += rows * (round % 2);
      statistics.b = std::vector<double>{0.75, 0, 1}[random() % 3];
      statistics.k1 = std::vector<double>{1.2, 0, 3}[random() % 3];
      request.bm25 = &statistics;
    }
    const auto truth = ExactSearch(*source, metric, request, Context()).value()[0];
    ExpectSame((round % 2 == 0 ? *built : *index).Search(request, Context()).value()[0], truth);
  }
}

TEST(SparseIndexTest, RandomSearchesGiveTheExactRowsAndFloats) {
  std::printf("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  for (const size_t rows : {size_t{300}, size_t{20000}, size_t{70000}}) {
    const size_t rounds = rows < 1000 ? 150 : rows < 50000 ? 60 : 25;
    CompareRandomSearches(random, Metric::kIp, Values::kPositive, rows, rounds);
    CompareRandomSearches(random, Metric::kBm25, Values::kWhole, rows, rounds);
    CompareRandomSearches(random, Metric::kIp, Values::kAnySign, rows, rounds / 3);
    CompareRandomSearches(random, Metric::kBm25, Values::kAnySign, rows, rounds / 3);
  }
}

TEST(SparseIndexTest, IdenticalRowsComeInTheirOrder) {
  const auto source = std::make_shared<MemorySource>(VectorType::kSparse, 0);
  for (size_t row = 0; row < 100000; ++row) source->AddSparse({{5, 2.0f}, {77, 1.0f}});
  const Row query = {{5, 1.0f}, {77, 0.5f}};
  for (const Metric metric : {Metric::kIp, Metric::kBm25}) {
    const auto index = Build(metric, source);
    EXPECT_LT(index->memory_bytes(), 100000u * (metric == Metric::kIp ? 5 : 9));  // a code and a value a posting, no gaps
    for (const size_t k : {size_t{1}, size_t{10}, size_t{5000}}) {
      SearchRequest request;
      request.sparse_queries = {{query.data(), query.size()}};
      request.k = k;
      const auto hits = index->Search(request, Context()).value()[0];
      ASSERT_EQ(hits.size(), k);
      for (uint32_t i = 0; i < k; ++i) {
        ASSERT_EQ(hits[i].row, i);
        ASSERT_EQ(hits[i].score, hits[0].score);
      }
    }
  }
}

TEST(SparseIndexTest, OneRowEmptyRowsAndHugeIndicesAreFound) {
  for (const Metric metric : {Metric::kIp, Metric::kBm25}) {
    for (const size_t empty : {size_t{0}, size_t{1}, size_t{140000}}) {
      const auto source = std::make_shared<MemorySource>(VectorType::kSparse, 0);
      for (size_t row = 0; row < empty; ++row) source->AddSparse({});
      source->AddSparse({{0, 3.0f}, {0xfffffffeu, 7.5f}});
      const auto index = Reopened(*Build(metric, source), source);
      const Row query = {{0xfffffffeu, 1.0f}}, other = {{1, 1.0f}};
      SearchRequest request;
      request.sparse_queries = {{query.data(), 1}, {other.data(), 1}};
      request.query_count = 2;
      const auto results = index->Search(request, Context()).value();
      ASSERT_EQ(results[0].size(), 1u);
      EXPECT_EQ(results[0][0].row, empty);
      EXPECT_TRUE(results[1].empty());
    }
  }
  const auto none = std::make_shared<MemorySource>(VectorType::kSparse, 0);
  SearchRequest request;
  const Row query = {{1, 1.0f}};
  request.sparse_queries = {{query.data(), 1}};
  EXPECT_TRUE(Build(Metric::kIp, none)->Search(request, Context()).value()[0].empty());
}

TEST(SparseIndexTest, HugeAndTinyValuesStayExact) {
  const auto source = std::make_shared<MemorySource>(VectorType::kSparse, 0);
  const std::vector<float> values = {1e-42f, 1e-30f, 1.0f, 3e38f, 1e38f, 2e20f};
  for (size_t row = 0; row < 600; ++row) source->AddSparse({{1, values[row % 6]}, {2, values[row % 5]}, {3, 1e-43f}});
  for (const Metric metric : {Metric::kIp, Metric::kBm25}) {
    const auto index = Reopened(*Build(metric, source), source);
    for (const float weight : {1.0f, 1e-30f, 1e-44f, 3e38f}) {
      const Row query = {{1, weight}, {2, weight}, {3, 1.0f}}, one = {{3, weight}};
      SearchRequest request;
      request.sparse_queries = {{query.data(), query.size()}, {one.data(), one.size()}};
      request.query_count = 2;
      const auto truth = ExactSearch(*source, metric, request, Context()).value();
      const auto hits = index->Search(request, Context()).value();
      for (size_t q = 0; q < 2; ++q) ExpectSame(hits[q], truth[q]);
    }
  }
}

TEST(SparseIndexTest, ManyTermsAndQueriesOutOfOrderAreAnswered) {
  std::mt19937 random(kSeed);
  const auto source = std::make_shared<MemorySource>(VectorType::kSparse, 0);
  for (size_t row = 0; row < 500; ++row) {
    Row pairs;
    for (uint32_t t = static_cast<uint32_t>(random() % 9); t < 3000; t += 1 + static_cast<uint32_t>(random() % 30))
      pairs.push_back({t, 1.5f});
    source->AddSparse(pairs);
  }
  const auto index = Build(Metric::kIp, source);
  Row query;
  for (uint32_t t = 0; t < 3000; ++t) query.push_back({t, 0.25f + static_cast<float>(t % 3)});
  SearchRequest request;
  request.sparse_queries = {{query.data(), query.size()}};
  const auto truth = ExactSearch(*source, Metric::kIp, request, Context()).value()[0];
  ExpectSame(index->Search(request, Context()).value()[0], truth);
  std::reverse(query.begin(), query.end());
  ExpectSame(index->Search(request, Context()).value()[0], truth);
}

TEST(SparseIndexTest, DroppingKeepsScoresExactAndResultsFull) {
  std::mt19937 random(kSeed);
  constexpr uint32_t kTerms = 60;
  const auto source = std::make_shared<MemorySource>(VectorType::kSparse, 0);
  for (size_t row = 0; row < 9000; ++row) source->AddSparse(RandomRow(random, row, kTerms, Values::kPositive));
  for (const Metric metric : {Metric::kIp, Metric::kBm25}) {
    for (const char* build : {"0", "0.3", "0.9"}) {
      const auto index = Reopened(*Build(metric, source, {{"drop_ratio_build", build}}), source);
      for (const char* drop : {"0", "0.2", "0.5", "0.99"}) {
        size_t found = 0, wanted = 0;
        for (size_t q = 0; q < 12; ++q) {
          const Row query = RandomQuery(random, kTerms, false);
          SearchRequest request;
          request.sparse_queries = {{query.data(), query.size()}};
          request.k = q % 3 == 2 ? 16384 : 10;
          const auto truth = ExactSearch(*source, metric, request, Context()).value()[0];
          request.params["drop_ratio_search"] = drop;
          const auto hits = index->Search(request, Context()).value()[0];
          ASSERT_EQ(hits.size(), truth.size());
          request.params.clear();
          std::set<uint32_t> rows;
          for (size_t i = 0; i < hits.size(); ++i) {
            rows.insert(hits[i].row);
            ASSERT_TRUE(i == 0 || hits[i - 1].score >= hits[i].score);
            found += hits[i].score >= truth.back().score ? 1 : 0;
            float product = 0;
            SparseProduct(request.sparse_queries[0], source->SparseRow(hits[i].row), &product);
            ASSERT_TRUE(metric != Metric::kIp || hits[i].score == product);
          }
          ASSERT_EQ(rows.size(), hits.size());
          wanted += hits.size();
        }
        const bool whole = std::string(drop) == "0" && (std::string(build) == "0" || metric == Metric::kBm25);
        EXPECT_GE(found, whole ? wanted : wanted / 2) << "drop_ratio_build " << build << ", drop_ratio_search " << drop;
      }
    }
  }
}

TEST(SparseIndexTest, ValuesThatAreNoNumbersAreRefused) {
  const auto source = std::make_shared<MemorySource>(VectorType::kSparse, 0);
  source->AddSparse({{1, 1.0f}});
  source->AddSparse({{4, NAN}});
  const auto index = BuildIndex({"SPARSE_WAND", Metric::kIp, {}}, source, {});
  EXPECT_EQ(index.status().message(), "row 1: the value of index 4 is nan");
}

// Behind right checksums: whatever is opened must be searchable, and what a search would trust must have been checked.
TEST(SparseIndexTest, DamageBehindRightChecksumsIsRefusedOrHarmless) {
  std::mt19937 random(kSeed);
  const auto source = std::make_shared<MemorySource>(VectorType::kSparse, 0);
  for (size_t row = 0; row < 400; ++row) source->AddSparse(RandomRow(random, row, 30, Values::kPositive));
  const Row query = RandomQuery(random, 30, false);
  SearchRequest request;
  request.sparse_queries = {{query.data(), query.size()}};
  for (const Metric metric : {Metric::kIp, Metric::kBm25}) {
    StringFile file;
    ASSERT_TRUE(Build(metric, source)->Save(file).ok());
    StringFileSystem files;
    std::string& bytes = files.contents["a"];
    size_t refused = 0, opened = 0;
    for (size_t i = 0; i < 3000; ++i) {
      bytes = file.contents;
      const size_t at = 64 + random() % (bytes.size() - 64);
      bytes[at] = static_cast<char>(random() % 2 == 0 ? bytes[at] ^ (1 << random() % 8) : static_cast<int>(random()));
      Reseal(bytes);
      const auto index = OpenIndex("a", files, source);
      if (index.ok()) {
        ++opened;
        for (const size_t k : {size_t{10}, size_t{400}}) {
          request.k = k;
          ASSERT_TRUE((*index)->Search(request, Context()).ok());
        }
      } else {
        ++refused;
        ASSERT_EQ(index.status().code(), StatusCode::kDataLoss) << index.status().ToString();
      }
    }
    std::printf("%s: %zu refused, %zu opened\n", std::string(MetricName(metric)).c_str(), refused, opened);
    EXPECT_GT(refused, 1000u);
  }
}

}  // namespace
}  // namespace saker::index
