// Full-text search through the proxy and real shards of this process; one client thread, JSON lines.
//   full_text_bench IR_DIR [--repeat N] [--queries N] [--seconds S] [--analyzer JSON] [--index-only 1]
// IR_DIR is in BEIR's layout. Lines: inserts with and without the BM25 function, searches of growing rows (without and with
// their posting lists) and of sealed ones, texts in and ids out; then posting lists alone over the same term rows with the
// queries' terms at hand, which is what the peers' programs time (docs/benchmarks/bm25.md).
#include <chrono>
#include <cstdio>
#include <thread>

#include "index/index.h"
#include "server/coord/real_world.h"
#include "server/proxy/make_proxy.h"
#include "server/proxy/retrieval_set.h"
#include "server/proxy/term_rows.h"
#include "server/proxy/test_requests.h"

namespace saker::proxy {
namespace {

using Clock = std::chrono::steady_clock;

double Since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Options {
  std::string folder;
  size_t repeat = 1;
  size_t queries = 500;
  double seconds = 2;
  bool index_only = false;
  std::string analyzer = R"({"type": "english"})";
};

CollectionSchema Schema(const Options& options, bool function) {
  CollectionSchema schema;
  schema.fields = {
      KeyField(),
      Field("text", DataType::kVarChar, {{"max_length", "65535"}, {"enable_analyzer", "true"}, {"analyzer_params", options.analyzer}}),
      Field(function ? "sparse" : "vector", function ? DataType::kSparseFloatVector : DataType::kFloatVector)};
  if (!function) {
    schema.fields[2].type_params = {{"dim", "2"}};
    return schema;
  }
  FunctionSchema bm25;
  bm25.name = "bm25";
  bm25.type = FunctionType::kBm25;
  bm25.inputs = {"text"};
  bm25.outputs = {"sparse"};
  schema.functions = {bm25};
  return schema;
}

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options), set_(ReadRetrievalSet(options.folder)) {
    const std::vector<std::string> once = set_.documents;
    for (size_t i = 1; i < options.repeat; ++i) set_.documents.insert(set_.documents.end(), once.begin(), once.end());
    if (set_.queries.size() > options.queries) set_.queries.resize(options.queries);
  }

  void Run() {
    if (!options_.index_only) {
      proxy_ = MakeProxy(world_.Open(), nullptr);
      Insert(false, "plain");
      Insert(true, "books");
      Search("growing_now");
      std::this_thread::sleep_for(std::chrono::milliseconds(500 + 60 * set_.documents.size() / 1000));
      Search("growing");
      CHECK(proxy_->Flush("", {"books"}, context_).ok());
      for (;;) {
        const std::vector<IndexInfo> info = proxy_->DescribeIndex({"", "books"}, "sparse", "").value();
        if (info[0].state == IndexState::kFinished && info[0].indexed_rows == info[0].total_rows) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      Search("sealed");
    }
    SearchIndexAlone();
  }

 private:
  void Insert(bool function, const std::string& name) {
    CreateCollectionRequest create;
    create.target = {"", name};
    create.schema = Schema(options_, function);
    CHECK(proxy_->CreateCollection(create).ok());
    const std::string field = function ? "sparse" : "vector";
    const KeyValues index = {{"index_type", function ? "SPARSE_INVERTED_INDEX" : "FLAT"}, {"metric_type", function ? "BM25" : "L2"}};
    CHECK(proxy_->CreateIndex({create.target, field, "", index}).ok());
    CHECK(proxy_->Load(create.target, {}, false).ok());
    const auto begin = Clock::now();
    constexpr size_t kBatch = 1000;
    for (size_t first = 0; first < set_.documents.size(); first += kBatch) {
      const size_t end = std::min(set_.documents.size(), first + kBatch);
      std::vector<int64_t> ids;
      for (size_t i = first; i < end; ++i) ids.push_back(static_cast<int64_t>(i));
      InsertRequest insert;
      insert.target = create.target;
      insert.row_count = ids.size();
      const auto texts = set_.documents.begin();
      insert.columns = {Integers("id", ids), Texts("text", {texts + static_cast<ptrdiff_t>(first), texts + static_cast<ptrdiff_t>(end)})};
      if (!function) insert.columns.push_back(Vectors("vector", std::vector<std::vector<float>>(ids.size(), {0, 0})));
      CHECK(proxy_->Insert(std::move(insert), context_).ok());
    }
    const double seconds = Since(begin);
    std::printf("{\"insert\":\"%s\",\"rows\":%zu,\"rows_per_s\":%.0f}\n", function ? "bm25" : "no function", set_.documents.size(),
                static_cast<double>(set_.documents.size()) / seconds);
  }

  void Search(const char* state) {
    std::vector<double> times;
    double ndcg = 0;
    const auto begin = Clock::now();
    for (size_t i = 0; i < set_.queries.size() || Since(begin) < options_.seconds; ++i) {
      const auto& [id, text] = set_.queries[i % set_.queries.size()];
      SearchRequest search;
      search.target = {"", "books"};
      search.ann.queries.kind = Queries::Kind::kTexts;
      search.ann.queries.values = {text};
      search.ann.params = {{"topk", "10"}, {"anns_field", "sparse"}};
      const auto start = Clock::now();
      const Result<SearchResponse> found = proxy_->Search(search, context_);
      times.push_back(Since(start));
      CHECK(found.ok());
      if (i < set_.queries.size()) ndcg += NdcgAt10({found->ids.ints.begin(), found->ids.ints.end()}, set_.relevant.at(id));
      if (Since(begin) > 4 * options_.seconds) break;
    }
    double sum = 0;
    for (const double time : times) sum += time;
    std::sort(times.begin(), times.end());
    std::printf("{\"search\":\"%s\",\"rows\":%zu,\"qps\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"ndcg10\":%.4f}\n", state,
                set_.documents.size(), static_cast<double>(times.size()) / sum, 1e6 * times[times.size() / 2],
                1e6 * times[times.size() * 99 / 100], ndcg / static_cast<double>(std::min(times.size(), set_.queries.size())));
    std::fflush(stdout);
  }

  void SearchIndexAlone() {
    const CollectionSchema schema = Schema(options_, true);
    FieldAnalyzers analyzers;
    WorkerPool pool({.name = "bench", .threads = 1});
    MatchedColumns columns(3);
    columns[1] = Texts("text", set_.documents).column;
    const auto begin = Clock::now();
    const Column rows = MakeTermRows(schema, schema.functions[0], columns, &analyzers, &pool, size_t{1} << 40, context_).value();
    const double analyze = Since(begin);
    class Source final : public index::VectorSource {
     public:
      explicit Source(const Column& rows) : rows_(rows) {}
      index::VectorType type() const override { return index::VectorType::kSparse; }
      size_t dim() const override { return 0; }
      size_t row_count() const override { return rows_.row_count(); }
      const void* Row(size_t) const override { return nullptr; }
      SparseRowView SparseRow(size_t row) const override { return {rows_.Text(row).data(), rows_.Text(row).size() / 8}; }

     private:
      const Column& rows_;
    };
    const auto start = Clock::now();
    const auto index =
        index::BuildIndex({"SPARSE_INVERTED_INDEX", index::Metric::kBm25, {}}, std::make_shared<const Source>(rows), {}).value();
    const double build = Since(start);
    std::vector<std::string> texts;
    for (const auto& [id, text] : set_.queries) texts.push_back(text);
    const auto terms_begin = Clock::now();
    const std::vector<std::string> queries = MakeTermQueries(schema, schema.functions[0], texts, "", &analyzers).value();
    const double query_analyze = Since(terms_begin);
    size_t done = 0;
    const auto search_begin = Clock::now();
    double spent = 0;
    while (spent < options_.seconds) {
      for (const std::string& query : queries) {
        index::SearchRequest request;
        request.sparse_queries = {{query.data(), query.size() / 8}};
        CHECK(index->Search(request, context_).ok());
      }
      done += queries.size();
      spent = Since(search_begin);
    }
    std::printf(
        "{\"index\":\"posting "
        "lists\",\"rows\":%zu,\"qps\":%.0f,\"analyze_rows_per_s\":%.0f,\"analyze_us_per_query\":%.1f,\"build_s\":%.2f}\n",
        rows.row_count(), static_cast<double>(done) / spent, static_cast<double>(rows.row_count()) / analyze,
        1e6 * query_analyze / static_cast<double>(queries.size()), build);
  }

  const Options options_;
  RetrievalSet set_;
  coord::RealWorld world_{"saker-full-text-bench"};
  std::unique_ptr<Proxy> proxy_;
  const Context context_;
};

}  // namespace
}  // namespace saker::proxy

int main(int argc, char** argv) {
  saker::proxy::Options options;
  if (argc < 2) return std::fprintf(stderr, "usage: full_text_bench IR_DIR [--repeat N] [--queries N] [--seconds S] ...\n"), 2;
  options.folder = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--repeat") options.repeat = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--queries") options.queries = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--seconds") options.seconds = std::strtod(argv[i + 1], nullptr);
    if (name == "--analyzer") options.analyzer = argv[i + 1];
    if (name == "--index-only") options.index_only = std::string(argv[i + 1]) == "1";
  }
  saker::proxy::Bench(options).Run();
  return 0;
}
