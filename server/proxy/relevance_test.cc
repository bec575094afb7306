// Full-text search finds what people judged relevant about as well as BM25 is known to; skipped without the shared data.
#include <gtest/gtest.h>

#include "server/coord/real_world.h"
#include "server/proxy/make_proxy.h"
#include "server/proxy/retrieval_set.h"
#include "server/proxy/test_requests.h"

namespace saker::proxy {
namespace {

TEST(RelevanceTest, ScifactIsRankedAsWellAsBm25IsKnownTo) {
  const char* shared = std::getenv("SAKER_SHARED");
  const std::filesystem::path folder = std::filesystem::path(shared == nullptr ? "../shared" : shared) / "data/ir/scifact";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder;
  const RetrievalSet set = ReadRetrievalSet(folder);
  coord::RealWorld world("saker-proxy-relevance");
  const std::unique_ptr<Proxy> proxy = MakeProxy(world.Open(), nullptr);
  const Context context;
  CreateCollectionRequest create;
  create.target = {"", "scifact"};
  create.shards = 2;
  create.schema.fields = {KeyField(),
                          Field("text", DataType::kVarChar,
                                {{"max_length", "65535"}, {"enable_analyzer", "true"}, {"analyzer_params", R"({"type": "english"})"}}),
                          Field("sparse", DataType::kSparseFloatVector)};
  FunctionSchema function;
  function.name = "bm25";
  function.type = FunctionType::kBm25;
  function.inputs = {"text"};
  function.outputs = {"sparse"};
  create.schema.functions = {function};
  ASSERT_EQ(proxy->CreateCollection(create).message(), "");
  ASSERT_EQ(proxy->CreateIndex({create.target, "sparse", "", {{"index_type", "AUTOINDEX"}, {"metric_type", "BM25"}}}).message(), "");
  ASSERT_EQ(proxy->Load(create.target, {}, false).message(), "");
  for (size_t first = 0; first < set.documents.size(); first += 1000) {
    const size_t end = std::min(set.documents.size(), first + 1000);
    std::vector<int64_t> ids;
    for (size_t i = first; i < end; ++i) ids.push_back(static_cast<int64_t>(i));
    InsertRequest insert;
    insert.target = create.target;
    insert.row_count = ids.size();
    const auto begin = set.documents.begin();
    insert.columns = {Integers("id", ids), Texts("text", {begin + static_cast<ptrdiff_t>(first), begin + static_cast<ptrdiff_t>(end)})};
    ASSERT_EQ(proxy->Insert(std::move(insert), context).status().message(), "");
  }
  double sum = 0;
  for (const auto& [id, text] : set.queries) {
    SearchRequest search;
    search.target = create.target;
    search.ann.queries.kind = Queries::Kind::kTexts;
    search.ann.queries.values = {text};
    search.ann.params = {{"topk", "10"}, {"anns_field", "sparse"}};
    const Result<SearchResponse> found = proxy->Search(search, context);
    ASSERT_EQ(found.status().message(), "");
    sum += NdcgAt10({found->ids.ints.begin(), found->ids.ints.end()}, set.relevant.at(id));
  }
  const double ndcg = sum / static_cast<double>(set.queries.size());
  std::printf("SciFact, %zu claims: nDCG@10 %.4f\n", set.queries.size(), ndcg);
  EXPECT_GT(ndcg, 0.65);
}

}  // namespace
}  // namespace saker::proxy
