// Full-text search through the proxy: BM25 functions over real shards, against a naive BM25 over the analyzer's tokens.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/analyzer/analyzer.h"
#include "server/proxy/test_requests.h"
#include "server/proxy/test_world.h"

namespace saker::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

FunctionSchema Bm25Function() {
  FunctionSchema function;
  function.name = "bm25";
  function.type = FunctionType::kBm25;
  function.inputs = {"text"};
  function.outputs = {"sparse"};
  return function;
}

CollectionSchema BookSchema(const std::string& analyzer = R"({"type": "english"})") {
  CollectionSchema schema;
  schema.fields = {KeyField(),
                   Field("text", DataType::kVarChar, {{"max_length", "2000"}, {"enable_analyzer", "true"}, {"analyzer_params", analyzer}}),
                   Field("sparse", DataType::kSparseFloatVector), Field("vector", DataType::kFloatVector, {{"dim", "2"}}),
                   Field("shelf", DataType::kInt64)};
  schema.fields[1].nullable = true;
  schema.functions = {Bm25Function()};
  return schema;
}

struct Book {
  std::string text;
  std::string partition;
  int64_t shelf = 0;
};
using Books = std::map<int64_t, Book>;

// Token counts as the naive scorer needs them.
std::map<std::string, double> Tokens(const std::string& text) {
  static const std::shared_ptr<const analyzer::Analyzer> analyzer = analyzer::Analyzer::Make(R"({"type": "english"})").value();
  std::vector<analyzer::Token> tokens;
  EXPECT_TRUE(analyzer->Analyze(text, &tokens).ok());
  std::map<std::string, double> counts;
  for (const analyzer::Token& token : tokens) counts[token.text] += 1;
  return counts;
}

// Scores above 0 of the books by BM25 with the statistics of `counted`.
std::map<int64_t, float> NaiveScores(const Books& books, const Books& counted, const std::string& query, double k1 = 1.2, double b = 0.75) {
  double length = 0;
  std::map<std::string, double> having;
  for (const auto& [id, book] : counted) {
    for (const auto& [token, count] : Tokens(book.text)) {
      length += count;
      having[token] += 1;
    }
  }
  const double n = static_cast<double>(counted.size());
  std::map<int64_t, float> scores;
  const std::map<std::string, double> asked = Tokens(query);
  for (const auto& [id, book] : books) {
    const std::map<std::string, double> tokens = Tokens(book.text);
    double own = 0, score = 0;
    for (const auto& [token, count] : tokens) own += count;
    for (const auto& [token, weight] : asked) {
      const auto tf = tokens.find(token);
      if (tf == tokens.end()) continue;
      const double idf = std::log(1 + (n - having[token] + 0.5) / (having[token] + 0.5));
      score += weight * idf * (k1 + 1) * tf->second / (tf->second + k1 * (1 - b + b * own / (length / n)));
    }
    if (score > 0) scores[id] = static_cast<float>(score);
  }
  return scores;
}

class FullTextTest : public RealProxyTest {
 protected:
  FullTextTest() : RealProxyTest("saker-proxy-text") {}

  void Create(int shards, CollectionSchema schema = BookSchema(), KeyValues index = {{"index_type", "SPARSE_INVERTED_INDEX"}}) {
    CreateCollectionRequest request;
    request.target = books_;
    request.schema = std::move(schema);
    request.shards = shards;
    ASSERT_EQ(proxy_->CreateCollection(request).message(), "");
    ASSERT_EQ(proxy_->CreatePartition(books_, "attic").message(), "");
    ASSERT_EQ(proxy_->CreateIndex({books_, "sparse", "", std::move(index)}).message(), "");
    ASSERT_EQ(proxy_->CreateIndex({books_, "vector", "", {{"index_type", "FLAT"}, {"metric_type", "L2"}}}).message(), "");
    ASSERT_EQ(proxy_->Load(books_, {}, false).message(), "");
  }

  Result<MutationResponse> Write(const Books& rows, const std::string& partition, bool upsert = false) {
    InsertRequest request;
    request.target = books_;
    request.partition = partition;
    std::vector<int64_t> ids, shelves;
    std::vector<std::string> texts;
    std::vector<std::vector<float>> vectors;
    for (const auto& [id, book] : rows) {
      ids.push_back(id);
      texts.push_back(book.text);
      shelves.push_back(book.shelf);
      vectors.push_back({static_cast<float>(id), 0});
    }
    request.columns = {Integers("id", ids), Texts("text", texts), Vectors("vector", vectors), Integers("shelf", shelves)};
    request.row_count = ids.size();
    return upsert ? proxy_->Upsert(std::move(request), context_) : proxy_->Insert(std::move(request), context_);
  }

  SearchRequest Ask(const std::vector<std::string>& texts, KeyValues params = {{"topk", "10"}}) {
    SearchRequest request;
    request.target = books_;
    request.ann.queries.kind = Queries::Kind::kTexts;
    request.ann.queries.values = texts;
    request.ann.params = std::move(params);
    request.ann.params.emplace_back("anns_field", "sparse");
    return request;
  }
  std::map<int64_t, float> Search(const SearchRequest& request) {
    const Result<SearchResponse> found = proxy_->Search(request, context_);
    EXPECT_EQ(found.status().message(), "");
    std::map<int64_t, float> scores;
    for (size_t i = 0; found.ok() && i < found->ids.ints.size(); ++i) scores[found->ids.ints[i]] = found->scores[i];
    return scores;
  }

  // `found` are the best of `naive` up to ties, with the same scores up to the last bits of a float.
  static void ExpectBest(const std::map<int64_t, float>& found, const std::map<int64_t, float>& naive, size_t k) {
    ASSERT_EQ(found.size(), std::min(k, naive.size()));
    std::vector<float> scores;
    for (const auto& [id, score] : naive) scores.push_back(score);
    std::sort(scores.begin(), scores.end(), std::greater<>());
    for (const auto& [id, score] : found) {
      ASSERT_TRUE(naive.contains(id)) << id;
      EXPECT_FLOAT_EQ(score, naive.at(id)) << id;
      EXPECT_GE(score * (1 + 1e-6f), scores[found.size() - 1]) << id;
    }
  }

  std::string RandomText(size_t words) {
    static const char* const kSyllables[] = {"ka", "mo", "ri", "ten", "shu", "lo", "fa", "bel"};
    std::string text;
    for (size_t i = 0; i < words; ++i) {
      const double u = static_cast<double>(random_() % 10000) / 1e4;
      auto word = static_cast<size_t>(std::pow(400.0, u));
      for (; word > 0; word /= 8) text += kSyllables[word % 8];
      text += random_() % 7 == 0 ? ", " : " ";
    }
    return text;
  }
  Books RandomBooks(int64_t first, size_t count, const std::string& partition) {
    Books books;
    for (size_t i = 0; i < count; ++i) {
      books[first + static_cast<int64_t>(i)] = {RandomText(random_() % 40), partition, static_cast<int64_t>(random_() % 5)};
    }
    return books;
  }

  std::mt19937_64 random_{std::getenv("SAKER_SEED") != nullptr ? std::strtoull(std::getenv("SAKER_SEED"), nullptr, 10) : 5};
  const CollectionRef books_{"", "books"};
};

TEST_F(FullTextTest, TheBestRowsComeWithTheScoresOfANaiveBm25) {
  Create(3, BookSchema(), {{"index_type", "SPARSE_INVERTED_INDEX"}, {"metric_type", "BM25"}, {"bm25_k1", "1.6"}, {"bm25_b", "0.5"}});
  Books all, attic;
  for (int round = 0; round < 4; ++round) {
    const std::string partition = round % 2 == 0 ? "_default" : "attic";
    const Books books = RandomBooks(10000 * round, round == 0 ? 1500 : 300, partition);
    ASSERT_EQ(Write(books, partition).status().message(), "");
    all.insert(books.begin(), books.end());
    if (partition == "attic") attic.insert(books.begin(), books.end());
    if (round == 3) break;  // the last rows stay growing
    ASSERT_EQ(proxy_->Flush("", {"books"}, context_).status().message(), "");
  }
  for (int restart = 0; restart < 2; ++restart) {
    for (int i = 0; i < 8; ++i) {
      const std::string query = RandomText(1 + static_cast<size_t>(random_() % 5)) + "the";
      const std::map<int64_t, float> naive = NaiveScores(all, all, query, 1.6, 0.5);
      ExpectBest(Search(Ask({query})), naive, 10);
      ExpectBest(Search(Ask({query}, {{"topk", "2000"}, {"metric_type", "BM25"}})), naive, 2000);
      std::map<int64_t, float> shelf;
      for (const auto& [id, score] : naive) {
        if (all.at(id).shelf == 3) shelf[id] = score;
      }
      SearchRequest request = Ask({query});
      request.ann.filter = "shelf == 3";
      ExpectBest(Search(request), shelf, 10);
      request = Ask({query});
      request.partitions = {"attic"};
      ExpectBest(Search(request), NaiveScores(attic, all, query, 1.6, 0.5), 10);
      request.ann.params.emplace_back("bm25_statistics", "partition");
      ExpectBest(Search(request), NaiveScores(attic, attic, query, 1.6, 0.5), 10);
    }
    Restart();
  }
}

TEST_F(FullTextTest, ReplacedAndDeletedTextsAreNotFound) {
  Create(2);
  Books live = RandomBooks(0, 400, "_default");
  ASSERT_EQ(Write(live, "").status().message(), "");
  for (int round = 0; round < 4; ++round) {
    Books replaced;
    for (int i = 0; i < 60; ++i) replaced[static_cast<int64_t>(random_() % 400)] = {RandomText(20), "_default", 1};
    ASSERT_EQ(Write(replaced, "", true).status().message(), "");
    for (const auto& [id, book] : replaced) live[id] = book;
    DeleteRequest request;
    request.target = books_;
    const int64_t first = static_cast<int64_t>(random_() % 380);
    request.filter = "id >= " + std::to_string(first) + " and id < " + std::to_string(first + 20);
    ASSERT_EQ(proxy_->Delete(request, context_).status().message(), "");
    live.erase(live.lower_bound(first), live.lower_bound(first + 20));
    if (round % 2 == 0) { ASSERT_EQ(proxy_->Flush("", {"books"}, context_).status().message(), ""); }
    const std::string query = RandomText(4);
    std::set<int64_t> expected;
    for (const auto& [id, score] : NaiveScores(live, live, query)) expected.insert(id);
    std::set<int64_t> found;
    for (const auto& [id, score] : Search(Ask({query}, {{"topk", "1000"}}))) found.insert(id);
    EXPECT_EQ(found, expected);  // scores count the dead rows too, until they are compacted
    // The pages of an iterator count what lives at its moment, exactly.
    std::map<int64_t, float> pages;
    KeyValues params = {{"topk", "70"}, {"iterator", "True"}, {"search_iter_v2", "True"}, {"search_iter_batch_size", "70"}};
    Consistency consistency;
    for (int page = 0; page < 30; ++page) {
      SearchRequest next = Ask({query}, params);
      next.consistency = consistency;
      const SearchResponse response = proxy_->Search(next, context_).value();
      if (response.ids.ints.empty()) break;
      for (size_t i = 0; i < response.ids.ints.size(); ++i) { EXPECT_TRUE(pages.emplace(response.ids.ints[i], response.scores[i]).second); }
      consistency.guarantee_timestamp = response.session_timestamp;
      char bound[64];
      std::snprintf(bound, sizeof bound, "%.9g", static_cast<double>(response.iterator->last_bound));
      params = {{"topk", "70"},
                {"iterator", "True"},
                {"search_iter_v2", "True"},
                {"search_iter_batch_size", "70"},
                {"search_iter_id", response.iterator->token},
                {"search_iter_last_bound", bound}};
    }
    ExpectBest(pages, NaiveScores(live, live, query), 1000);
  }
}

TEST_F(FullTextTest, SearchesTakeEveryShape) {
  Create(1);
  const Books books = {{1, {"The quick brown fox jumps over the lazy dog", "", 1}},
                       {2, {"Foxes are quick. Quick foxes!", "", 1}},
                       {3, {"A dog sleeps", "", 2}},
                       {4, {"", "", 2}},
                       {5, {"Nothing of interest", "", 3}}};
  ASSERT_EQ(Write(books, "").status().message(), "");
  const std::map<int64_t, float> fox = NaiveScores(books, books, "fox");
  EXPECT_THAT(proxy_->Search(Ask({"foxes"}), context_)->ids.ints, ElementsAre(2, 1));  // stems meet
  const SearchResponse two = proxy_->Search(Ask({"dog", "the", "interesting"}), context_).value();
  EXPECT_THAT(two.hits_per_query, ElementsAre(2, 0, 1));  // a stop word and nothing else finds nothing
  EXPECT_THAT(two.ids.ints, ElementsAre(3, 1, 5));
  EXPECT_THAT(proxy_->Search(Ask({""}), context_)->ids.ints, IsEmpty());
  EXPECT_THAT(proxy_->Search(Ask({"fox dog"}, {{"topk", "1"}, {"offset", "1"}}), context_)->ids.ints.size(), 1u);
  // radius is exclusive, range_filter inclusive.
  const std::string best = std::to_string(fox.at(2) - 1e-4f);
  EXPECT_THAT(Search(Ask({"fox"}, {{"topk", "9"}, {"radius", best}})), ::testing::SizeIs(1));
  EXPECT_THAT(Search(Ask({"fox"}, {{"topk", "9"}, {"radius", "0"}, {"range_filter", best}})), ::testing::SizeIs(1));
  EXPECT_THAT(proxy_->Search(Ask({"fox quick"}, {{"topk", "5"}, {"group_by_field", "shelf"}}), context_)->ids.ints, ElementsAre(2));
  EXPECT_THAT(proxy_->Search(Ask({"quick dog fox"}, {{"topk", "9"}, {"params", R"({"drop_ratio_search": 0.3})"}}), context_)->ids.ints,
              UnorderedElementsAre(1, 2, 3));
  // A row's own text as the query.
  SearchRequest same = Ask({});
  same.ann.queries.kind = Queries::Kind::kPrimaryKeys;
  same.ann.queries.ids.ints = {3};
  EXPECT_THAT(proxy_->Search(same, context_)->ids.ints, ElementsAre(3, 1));
  // Dense and text, fused by rank: 1 is second by text and first by vector.
  HybridSearchRequest hybrid;
  hybrid.target = books_;
  hybrid.requests = {Ask({"fox"}).ann, Nearest({{1, 0}}, {{"topk", "10"}, {"anns_field", "vector"}})};
  for (const char* strategy : {"rrf", "weighted"}) {
    hybrid.rank_params = {{"strategy", strategy}, {"limit", "2"}, {"params", R"({"k": 60, "weights": [0.5, 0.5], "norm_score": true})"}};
    EXPECT_THAT(proxy_->HybridSearch(hybrid, context_)->ids.ints, UnorderedElementsAre(1, 2)) << strategy;
  }
}

TEST_F(FullTextTest, PartialUpdatesKeepOrRemakeTheCounts) {
  Create(2);
  ASSERT_EQ(Write({{1, {"red apple", "", 1}}, {2, {"green pear", "", 1}}}, "").status().message(), "");
  InsertRequest shelf;
  shelf.target = books_;
  shelf.columns = {Integers("id", {1}), Integers("shelf", {9})};
  shelf.row_count = 1;
  shelf.partial_update = true;
  ASSERT_EQ(proxy_->Upsert(shelf, context_).status().message(), "");
  EXPECT_THAT(proxy_->Search(Ask({"apple"}), context_)->ids.ints, ElementsAre(1));
  InsertRequest text;
  text.target = books_;
  text.columns = {Integers("id", {1}), Texts("text", {"yellow plum"})};
  text.row_count = 1;
  text.partial_update = true;
  ASSERT_EQ(proxy_->Upsert(text, context_).status().message(), "");
  EXPECT_THAT(proxy_->Search(Ask({"apple"}), context_)->ids.ints, IsEmpty());
  EXPECT_THAT(proxy_->Search(Ask({"plums"}), context_)->ids.ints, ElementsAre(1));
}

TEST_F(FullTextTest, EachRowIsReadByTheAnalyzerOfItsLanguage) {
  CollectionSchema schema = BookSchema();
  schema.fields[1].type_params = {
      {"max_length", "2000"},
      {"enable_analyzer", "true"},
      {"multi_analyzer_params",
       R"({"analyzers": {"default": {"type": "standard"}, "english": {"type": "english"}}, "by_field": "lang", "alias": {"en": "english"}})"}};
  schema.fields.push_back(Field("lang", DataType::kVarChar, {{"max_length", "16"}}));
  Create(1, schema);
  InsertRequest insert;
  insert.target = books_;
  insert.columns = {Integers("id", {1, 2, 3}), Texts("text", {"running foxes", "running foxes", "running foxes"}),
                    Vectors("vector", {{0, 0}, {0, 0}, {0, 0}}), Integers("shelf", {1, 1, 1}), Texts("lang", {"english", "en", "klingon"})};
  insert.row_count = 3;
  ASSERT_EQ(proxy_->Insert(insert, context_).status().message(), "");
  const auto found = [&](const std::string& text, const std::string& analyzer) {
    return proxy_->Search(Ask({text}, {{"topk", "9"}, {"params", R"({"analyzer_name": ")" + analyzer + R"("})"}}), context_)->ids.ints;
  };
  EXPECT_THAT(found("fox", "english"), ElementsAre(1, 2));
  EXPECT_THAT(found("runs", "en"), ElementsAre(1, 2));
  EXPECT_THAT(found("foxes", "default"), ElementsAre(3));
  EXPECT_THAT(found("running", ""), ElementsAre(3));
  InsertRequest lang;
  lang.target = books_;
  lang.columns = {Integers("id", {3}), Texts("lang", {"en"})};
  lang.row_count = 1;
  lang.partial_update = true;
  ASSERT_EQ(proxy_->Upsert(lang, context_).status().message(), "");
  EXPECT_THAT(found("fox", "english"), ElementsAre(1, 2, 3));
}

TEST_F(FullTextTest, TheOutputFieldIsTheFunctionsAlone) {
  Create(1);
  ASSERT_EQ(Write({{1, {"red apple", "", 1}}}, "").status().message(), "");
  const auto info = proxy_->DescribeCollection(books_).value();
  EXPECT_TRUE(info->schema.Find("sparse")->is_function_output);
  ASSERT_EQ(info->schema.functions.size(), 1u);
  EXPECT_EQ(info->schema.functions[0].type, FunctionType::kBm25);
  SearchRequest request = Ask({"apple"});
  request.output_fields = {"sparse"};
  EXPECT_THAT(proxy_->Search(request, context_).status().message(), HasSubstr("not allowed to retrieve raw data of field sparse"));
  request.output_fields = {"*"};
  const SearchResponse all = proxy_->Search(request, context_).value();
  EXPECT_THAT(all.output_fields, UnorderedElementsAre("id", "text", "vector", "shelf"));
  QueryRequest query;
  query.target = books_;
  query.filter = "id == 1";
  query.output_fields = {"sparse"};
  EXPECT_THAT(proxy_->Query(query, context_).status().message(), HasSubstr("not allowed to retrieve raw data of field sparse"));
  SearchRequest vector = Ask({});
  vector.ann.queries.kind = Queries::Kind::kVectors;
  vector.ann.queries.vector_type = DataType::kSparseFloatVector;
  vector.ann.queries.values = {std::string(8, '\1')};
  EXPECT_THAT(proxy_->Search(vector, context_).status().message(),
              HasSubstr("please provide varchar/text for BM25 Function based search, got SparseFloatVector"));
  InsertRequest given;
  given.target = books_;
  given.columns = {Integers("id", {2}), Texts("text", {"x"}), Vectors("vector", {{0, 0}}), Integers("shelf", {1}),
                   Texts("sparse", {""}, DataType::kSparseFloatVector)};
  given.row_count = 1;
  EXPECT_THAT(proxy_->Insert(given, context_).status().message(), HasSubstr("sparse is filled by function bm25"));
  const auto refused = [&](const KeyValues& params) { return proxy_->Search(Ask({"x"}, params), context_).status().message(); };
  EXPECT_THAT(refused({{"topk", "3"}, {"metric_type", "IP"}}), HasSubstr("metric type not match"));
  EXPECT_THAT(refused({{"topk", "3"}, {"bm25_statistics", "world"}}), HasSubstr("should be collection or partition"));
  EXPECT_THAT(refused({{"topk", "3"}, {"analyzer_name", "french"}}), HasSubstr("french"));
  EXPECT_THAT(refused({{"topk", "3"}, {"params", R"({"drop_ratio_search": 1.5})"}}), HasSubstr("drop_ratio_search"));
  request = Ask({std::string(70000, 'a')});
  EXPECT_THAT(proxy_->Search(request, context_).status().message(), HasSubstr("70000"));
}

}  // namespace
}  // namespace saker::proxy
