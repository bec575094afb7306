// BM25 by the book, in double, against ExactSearch and the index.
#include "index/bm25.h"

#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 23;

using Row = std::vector<SparsePair>;

Row RandomRow(std::mt19937& random, size_t terms, uint32_t vocabulary) {
  std::map<uint32_t, float> row;
  // Squared: few terms are frequent, as in text.
  while (row.size() < terms) {
    const double u = std::uniform_real_distribution<double>()(random);
    row[static_cast<uint32_t>(u * u * vocabulary) * 977u] = static_cast<float>(1 + random() % 4 * (random() % 3));
  }
  Row out;
  for (const auto& [term, value] : row) out.push_back({term, value});
  return out;
}

double NaiveScore(const Row& query, const Row& row, const Bm25Statistics& statistics) {
  double length = 0, score = 0;
  for (const SparsePair& pair : row) length += pair.value;
  for (const SparsePair& wanted : query) {
    for (const SparsePair& pair : row) {
      if (pair.index != wanted.index) continue;
      const double n = static_cast<double>(statistics.RowsWith(pair.index)), all = static_cast<double>(statistics.row_count);
      const double idf = std::log(1 + (all - n + 0.5) / (n + 0.5));
      const double norm = statistics.k1 * (1 - statistics.b + statistics.b * length / (statistics.total_length / all));
      score += wanted.value * idf * pair.value * (statistics.k1 + 1) / (pair.value + norm);
    }
  }
  return score;
}

struct Corpus {
  std::vector<Row> rows;
  std::shared_ptr<MemorySource> source = std::make_shared<MemorySource>(VectorType::kSparse, 0);

  void Add(const Row& row) {
    rows.push_back(row);
    source->AddSparse(row);
  }
  Bm25Statistics Count(size_t begin, size_t end) const {
    Bm25Statistics statistics;
    std::map<uint32_t, uint64_t> terms;
    for (size_t row = begin; row < end; ++row) {
      ++statistics.row_count;
      for (const SparsePair& pair : rows[row]) {
        statistics.total_length += pair.value;
        ++terms[pair.index];
      }
    }
    for (const auto& [term, count] : terms) statistics.terms.push_back({term, count});
    return statistics;
  }
};

void ExpectNaive(const Corpus& corpus, const Row& query, const SearchRequest& request, const Bm25Statistics& statistics,
                 const std::vector<Hit>& hits) {
  std::vector<double> truth;
  for (size_t row = 0; row < corpus.rows.size(); ++row) {
    if (request.allowed != nullptr && !request.allowed->Test(row)) continue;
    const double score = NaiveScore(query, corpus.rows[row], statistics);
    if (score != 0) truth.push_back(score);
  }
  std::sort(truth.begin(), truth.end(), std::greater<>());
  ASSERT_EQ(hits.size(), std::min(request.k, truth.size()));
  for (size_t i = 0; i < hits.size(); ++i) {
    EXPECT_NEAR(hits[i].score, truth[i], 1e-6 * truth[i]) << i;
    EXPECT_NEAR(hits[i].score, NaiveScore(query, corpus.rows[hits[i].row], statistics), 1e-6 * truth[i]) << i;
    if (i > 0 && hits[i].score == hits[i - 1].score) { EXPECT_LT(hits[i - 1].row, hits[i].row); }
  }
}

TEST(Bm25Test, ScanAndIndexEqualTheFormulaWithStatisticsFromOutsideAndOwn) {
  std::mt19937 random(kSeed);
  Corpus corpus;
  for (size_t i = 0; i < 900; ++i) corpus.Add(RandomRow(random, random() % 40, 300));
  const auto index =
      BuildIndex({"SPARSE_INVERTED_INDEX", Metric::kBm25, {{"bm25_k1", "1.5"}, {"bm25_b", "0.6"}}}, corpus.source, {}).value();
  Bm25Statistics own = corpus.Count(0, 900), half = corpus.Count(0, 450);
  own.k1 = 1.5;
  own.b = 0.6;
  for (size_t round = 0; round < 60; ++round) {
    const Row query = RandomRow(random, 1 + random() % 9, 320);
    const Bitset allowed = RandomBits(random, 900, 0.3);
    SearchRequest request;
    request.sparse_queries = {{query.data(), query.size()}};
    request.k = std::vector<size_t>{1, 10, 100, 2000}[round % 4];
    if (round % 3 == 0) request.allowed = &allowed;
    ExpectNaive(corpus, query, request, own, index->Search(request, Context()).value()[0]);
    request.bm25 = &half;
    const auto hits = index->Search(request, Context()).value()[0];
    ExpectNaive(corpus, query, request, half, hits);
    const auto scanned = ExactSearch(*corpus.source, Metric::kBm25, request, Context()).value()[0];
    ASSERT_EQ(hits.size(), scanned.size());
    for (size_t i = 0; i < hits.size(); ++i) {
      EXPECT_EQ(hits[i].row, scanned[i].row);
      EXPECT_EQ(hits[i].score, scanned[i].score);
    }
  }
}

TEST(Bm25Test, CountsOfPartsAddUpToTheWhole) {
  std::mt19937 random(kSeed);
  Corpus corpus;
  for (size_t i = 0; i < 300; ++i) corpus.Add(RandomRow(random, random() % 30, 100));
  const Row query = RandomRow(random, 20, 120);
  const VectorSource::SparseRowView view{query.data(), query.size()};
  const std::vector<uint32_t> terms = TermsOf({&view, 1});
  Bitset first = RandomBits(random, 300, 0.4), second = first;
  second.Flip();
  Bm25Statistics sum, other;
  CountBm25(*corpus.source, &first, terms, &sum);
  CountBm25(*corpus.source, &second, terms, &other);
  sum.Add(other);
  const Bm25Statistics whole = corpus.Count(0, 300);
  EXPECT_EQ(sum.row_count, 300u);
  EXPECT_EQ(sum.total_length, whole.total_length);
  for (const uint32_t term : terms) EXPECT_EQ(sum.RowsWith(term), whole.RowsWith(term)) << term;
  const auto index = BuildIndex({"SPARSE_WAND", Metric::kBm25, {}}, corpus.source, {}).value();
  Bm25Statistics counted;
  dynamic_cast<const Bm25Counter&>(*index).Count(terms, &counted);
  EXPECT_EQ(counted.row_count, 300u);
  EXPECT_EQ(counted.total_length, whole.total_length);
  for (const uint32_t term : terms) EXPECT_EQ(counted.RowsWith(term), whole.RowsWith(term)) << term;
}

TEST(Bm25Test, EmptyRowsQueriesAndStatisticsGiveNoResultsAndNoNan) {
  Corpus corpus;
  corpus.Add({});
  corpus.Add({{4, 0.0f}, {5, -1.0f}});
  const auto index = BuildIndex({"SPARSE_INVERTED_INDEX", Metric::kBm25, {}}, corpus.source, {}).value();
  const Row query = {{4, 1.0f}, {5, 1.0f}};
  SearchRequest request;
  request.sparse_queries = {{query.data(), query.size()}, {nullptr, 0}};
  request.query_count = 2;
  const auto results = index->Search(request, Context()).value();
  for (const auto& hits : results) EXPECT_TRUE(hits.empty());
  Bm25Statistics bad;
  bad.k1 = NAN;
  request.bm25 = &bad;
  EXPECT_EQ(index->Search(request, Context()).status().code(), StatusCode::kInvalidArgument);
}

TEST(Bm25Test, DenseAndBinaryVectorsHaveNoBm25) {
  std::mt19937 random(kSeed);
  for (const VectorType type : {VectorType::kFloat32, VectorType::kBinary}) {
    const auto source = RandomSource(random, type, 8, 4);
    SearchRequest request;
    request.queries = source->Row(0);
    const auto found = ExactSearch(*source, Metric::kBm25, request, Context());
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.status().message(),
              std::string(type == VectorType::kBinary ? "binary" : "float") + " vector index does not support metric type: BM25");
  }
}

}  // namespace
}  // namespace saker::index
