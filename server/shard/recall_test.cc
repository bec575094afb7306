// What a shard with graphs finds after much deleting and inserting, when it groups, and page by page.
#include <chrono>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "index/bench_data.h"
#include "server/shard/shard_metrics.h"
#include "server/shard/test_shard.h"

namespace saker::shard {
namespace {

class RecallTest : public testing::Test {
 protected:
  RecallTest() : world_(directory_.path()) {
    const IndexDefinition index{21, kVectorField, {"HNSW", index::Metric::kL2, {{"M", "8"}}}};
    Result<std::unique_ptr<Shard>> opened = Shard::Open({{CollectionId(7), 0}, schema_, {index}, true}, world_.environment());
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    shard_ = std::move(*opened);
  }

  TestRow Row(int64_t id, int64_t number, float offset = 0) {
    TestRow row{id, number, std::vector<float>(kDim), std::nullopt};
    for (float& value : row.vector) value = normal_(random_) + offset;
    return row;
  }
  void Insert(const std::vector<TestRow>& rows) { ASSERT_TRUE(shard_->Write(InsertOf(rows, *schema_), context_).ok()); }
  void Delete(const std::vector<int64_t>& ids) {
    WriteRequest request;
    request.kind = WriteRequest::Kind::kDelete;
    request.delete_keys = ToKeys(ids, *schema_);
    ASSERT_TRUE(shard_->Write(std::move(request), context_).ok());
  }
  void FlushAndIndex() {
    ASSERT_TRUE(shard_->Flush(context_).ok());
    for (int i = 0; i < 6000; ++i) {
      const Shard::IndexProgress progress = shard_->GetIndexProgress(21);
      if (progress.indexed_rows == progress.total_rows && !progress.building) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL() << "the index was not built in 30 s";
  }
  SearchRequest SearchFor(const std::vector<float>& vector, size_t k) {
    SearchRequest request;
    request.field_id = kVectorField;
    request.metric = index::Metric::kL2;
    request.k = k;
    request.queries.assign(reinterpret_cast<const char*>(vector.data()), kDim * sizeof(float));
    return request;
  }
  SearchResult Search(const SearchRequest& request) {
    Result<SearchResult> result = shard_->Search(request, context_);
    EXPECT_TRUE(result.ok()) << result.status().message();
    return std::move(result).value();
  }
  double Recall(size_t k) {
    size_t found = 0, wanted = 0;
    for (int q = 0; q < 40; ++q) {
      SearchRequest request = SearchFor(Row(0, 0).vector, k);
      const SearchResult hits = Search(request);
      request.exact = true;
      const SearchResult truth = Search(request);
      EXPECT_EQ(hits.scores.size(), truth.scores.size());
      wanted += truth.scores.size();
      for (const float score : hits.scores) found += score <= truth.scores.back() ? 1 : 0;
    }
    return static_cast<double>(found) / static_cast<double>(wanted);
  }

  std::mt19937 random_{5};
  std::normal_distribution<float> normal_;
  TempDirectory directory_;
  std::shared_ptr<CollectionSchema> schema_ = TestSchema();
  TestWorld world_;
  std::unique_ptr<Shard> shard_;
  Context context_;
};

TEST_F(RecallTest, StaysThroughFiveCyclesOfDeletingAndInserting) {
  std::vector<TestRow> rows;
  for (int64_t id = 0; id < 3000; ++id) rows.push_back(Row(id, id % 10));
  Insert(rows);
  FlushAndIndex();
  EXPECT_GE(Recall(10), 0.97);
  for (int cycle = 0; cycle < 5; ++cycle) {
    std::vector<int64_t> gone;
    std::vector<TestRow> again;
    for (int64_t id = cycle; id < 3000; id += 3) {
      gone.push_back(id);
      again.push_back(Row(id, id % 10));
    }
    Delete(gone);
    EXPECT_GE(Recall(10), 0.97) << "a third is deleted in cycle " << cycle;
    Insert(again);
    FlushAndIndex();
  }
  for (const size_t k : {size_t{1}, size_t{10}, size_t{100}}) EXPECT_GE(Recall(k), 0.97) << k;
  ASSERT_TRUE(shard_->Compact(context_, nullptr).ok());
  FlushAndIndex();
  EXPECT_GE(Recall(10), 0.97);
}

// The same on a real set, with the graph walked before and after: what is scored is far below the rows.
TEST(RealRecallTest, StaysThroughFiveCyclesOfDeletingAndInserting) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "graphs of 12,000 rows, minutes under a sanitizer";
#endif
  const std::optional<std::string> folder = index::SharedFolder("sift-photo-20k");
  if (!folder.has_value()) GTEST_SKIP() << "no shared data sift-photo-20k";
  auto vectors = index::ReadFloatRows(*folder + "/base");
  vectors.resize(12000);
  const auto queries = index::ReadFloatRows(*folder + "/query");
  const auto schema = TestSchema();
  for (FieldSchema& field : schema->fields) {
    if (field.id == kVectorField) field.dim = static_cast<int64_t>(vectors[0].size());
  }
  for (const char* type : {"HNSW", "AUTOINDEX"}) {
    SCOPED_TRACE(type);
    TempDirectory directory;
    TestWorld world(directory.path());
    const IndexDefinition definition{21, kVectorField, {type, index::Metric::kL2, {}}};
    const auto shard = Shard::Open({{CollectionId(7), 0}, schema, {definition}, true}, world.environment()).value();
    const Context context;
    const auto row = [&](size_t id) { return TestRow{static_cast<int64_t>(id), 0, vectors[id], std::nullopt}; };
    const auto insert = [&](const std::vector<TestRow>& rows) {
      for (size_t first = 0; first < rows.size(); first += 4000) {
        const std::vector<TestRow> part(rows.begin() + static_cast<ptrdiff_t>(first),
                                        rows.begin() + static_cast<ptrdiff_t>(std::min(first + 4000, rows.size())));
        ASSERT_TRUE(shard->Write(InsertOf(part, *schema), context).ok());
      }
      ASSERT_TRUE(shard->Flush(context).ok());
      Shard::IndexProgress progress = shard->GetIndexProgress(21);
      for (int i = 0; i < 6000 && (progress.indexed_rows != progress.total_rows || progress.building); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        progress = shard->GetIndexProgress(21);
      }
      ASSERT_EQ(progress.indexed_rows, progress.total_rows);
    };
    const auto expect_found = [&](const std::string& when, bool walked) {
      for (const size_t k : {size_t{1}, size_t{10}, size_t{100}}) {
        size_t found = 0, wanted = 0;
        double scored = 0;
        for (size_t q = 0; q < 30; ++q) {
          SearchRequest request;
          request.field_id = kVectorField;
          request.metric = index::Metric::kL2;
          request.k = k;
          request.params = {{"ef", std::to_string(k + 30)}};  // a walk that costs less than the scan of these rows
          request.queries.assign(reinterpret_cast<const char*>(queries[q].data()), queries[q].size() * sizeof(float));
          const double before = DistanceComputations().value();
          const std::vector<float> scores = shard->Search(request, context).value().scores;
          scored += DistanceComputations().value() - before;
          request.exact = true;
          const std::vector<float> truth = shard->Search(request, context).value().scores;
          ASSERT_EQ(scores.size(), truth.size());
          wanted += truth.size();
          for (const float score : scores) found += score <= truth.back() ? 1 : 0;
        }
        const double recall = static_cast<double>(found) / static_cast<double>(wanted);
        std::printf("%s %s k %zu: recall %.4f, %.0f scored a query\n", type, when.c_str(), k, recall, scored / 30);
        EXPECT_GE(recall, 0.95) << when << " k " << k;
        if (walked && k <= 10) { EXPECT_LT(scored / 30, 0.7 * static_cast<double>(vectors.size())) << when << ": no graph was walked"; }
      }
    };
    std::vector<TestRow> rows;
    for (size_t id = 0; id < vectors.size(); ++id) rows.push_back(row(id));
    insert(rows);
    expect_found("built", true);
    for (size_t cycle = 0; cycle < 5; ++cycle) {
      std::vector<int64_t> gone;
      std::vector<TestRow> again;
      for (size_t id = cycle; id < vectors.size(); id += 4) {
        gone.push_back(static_cast<int64_t>(id));
        again.push_back(row(id));
      }
      WriteRequest request;
      request.kind = WriteRequest::Kind::kDelete;
      request.delete_keys = ToKeys(gone, *schema);
      ASSERT_TRUE(shard->Write(std::move(request), context).ok());
      if (cycle == 2) expect_found("a quarter deleted in cycle 3", false);
      insert(again);
    }
    expect_found("after five cycles", true);
  }
}

// Nearly all that is near belongs to one group: the others are only met after thousands of rows.
TEST_F(RecallTest, GroupsAreFoundBehindALargeOne) {
  std::vector<TestRow> rows;
  for (int64_t id = 0; id < 5000; ++id) rows.push_back(id % 100 == 0 ? Row(id, 1 + id / 100 % 6, 20) : Row(id, 0));
  Insert(rows);
  FlushAndIndex();
  rows.clear();
  for (int64_t id = 5000; id < 5100; ++id) rows.push_back(Row(id, 0));
  rows.push_back(Row(5100, 7, 10));
  Insert(rows);  // not sealed
  SearchRequest request = SearchFor(std::vector<float>(kDim, 0), 7);
  request.group_by_field_id = kNumberField;
  const auto groups_of = [&](const SearchResult& result) {
    std::vector<int64_t> groups;
    for (size_t i = 0; i < result.scores.size(); ++i) groups.push_back(result.rows.Find(kNumberField)->Get<int64_t>(i));
    return groups;
  };
  const SearchResult found = Search(request);
  request.exact = true;
  const SearchResult truth = Search(request);
  ASSERT_EQ(found.scores.size(), 7u);
  EXPECT_EQ(found.scores, truth.scores);
  EXPECT_EQ(groups_of(found), groups_of(truth));
  request.exact = false;
  request.k = 100;  // more than there are
  EXPECT_EQ(Search(request).scores.size(), 8u);
  request.group_size = 3;
  request.strict_group_size = true;
  EXPECT_EQ(Search(request).scores.size(), 22u);
}

TEST_F(RecallTest, PagesBringEachRowOnceWhateverHappensMeanwhile) {
  std::vector<TestRow> rows;
  for (int64_t id = 0; id < 2000; ++id) {
    rows.push_back(Row(id, 0));
    if (id % 4 != 0) rows.back().vector = rows[static_cast<size_t>(id) - 1].vector;  // runs of four equal ones
  }
  Insert(rows);
  FlushAndIndex();
  SearchRequest request = SearchFor(rows[0].vector, 40);
  request.exact = true;
  request.scope.timestamp = shard_->watermark();
  std::set<int64_t> seen;
  for (int page = 0; page < 2000; ++page) {
    request.k = 41;
    const SearchResult result = Search(request);
    if (result.scores.empty()) break;
    size_t keep = result.scores.size();  // a page ends between two scores, as the proxy's do
    if (keep == request.k) {
      while (result.scores[keep - 1] == result.scores.back()) --keep;
      ASSERT_GT(keep, 0u);
    }
    for (size_t i = 0; i < keep; ++i) EXPECT_TRUE(seen.insert(KeyOf(*result.rows.Find(kIdField), i)).second);
    request.after_score = result.scores[keep - 1];
    Delete({page, 1000 + page});
    Insert({Row(3000 + page, 0)});
    ASSERT_TRUE(page % 20 != 7 || shard_->Flush(context_).ok());
  }
  EXPECT_EQ(seen.size(), 2000u);
  EXPECT_LT(*seen.rbegin(), 2000);
}

}  // namespace
}  // namespace saker::shard
