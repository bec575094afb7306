// Graphs over growing rows: searches while they are built, merged and dropped, against brute force over the rows that live.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "server/shard/test_shard.h"

namespace saker::shard {
namespace {

constexpr size_t kBatch = 8192;
constexpr size_t kBatches = 5;  // enough for a merged piece

class GrowingIndexTest : public testing::Test {
 protected:
  GrowingIndexTest() {
    const char* text = std::getenv("SAKER_SEED");
    const auto seed = static_cast<uint32_t>(text != nullptr ? std::strtoul(text, nullptr, 10) : 20261130);
    std::printf("SAKER_SEED=%u\n", seed);
    random_.seed(seed);
  }

  void Open(const std::string& index_type, uint64_t memory_bytes = 1ull << 30) {
    world_ = std::make_unique<TestWorld>(directory_.path(), memory_bytes);
    ShardConfig config;
    config.id = {CollectionId(7), 0};
    config.schema = schema_;
    config.loaded = true;
    config.indexes = {{55, kVectorField, {index_type, index::Metric::kL2, {}}}};
    Result<std::unique_ptr<Shard>> opened = Shard::Open(std::move(config), world_->environment());
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    shard_ = std::move(*opened);
  }

  void Insert(size_t count) {
    std::vector<TestRow> rows;
    for (size_t i = 0; i < count; ++i) {
      TestRow row{
          .id = static_cast<int64_t>(rows_.size()), .number = static_cast<int64_t>(random_() % 100), .vector = RandomVector(), .text = {}};
      rows_.push_back(row);
      rows.push_back(std::move(row));
    }
    const Result<WriteResult> written = shard_->Write(InsertOf(rows, *schema_), context_);
    ASSERT_TRUE(written.ok()) << written.status().message();
  }

  void Delete(size_t count) {
    std::set<int64_t> ids;
    while (ids.size() < count) ids.insert(static_cast<int64_t>(random_() % rows_.size()));
    WriteRequest request;
    request.kind = WriteRequest::Kind::kDelete;
    request.delete_keys = ToKeys({ids.begin(), ids.end()}, *schema_);
    ASSERT_TRUE(shard_->Write(std::move(request), context_).ok());
    dead_.insert(ids.begin(), ids.end());
  }

  std::vector<float> RandomVector() {
    std::vector<float> out(kDim);
    for (float& x : out) x = normal_(random_);
    return out;
  }

  uint64_t IndexBytes() { return world_->memory().Accounts()["index"]; }
  // Until graphs are there and the lane has come to rest, or ten seconds.
  void AwaitGraphs() {
    uint64_t before = 0;
    int still = 0;
    for (int i = 0; i < 200 && still < 6; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      const uint64_t now = IndexBytes();
      still = now == before && now > 0 ? still + 1 : 0;
      before = now;
    }
  }

  // The share of the true neighbours that were found, over some queries; everything else about an answer must be right.
  double Recall(std::optional<int64_t> bound, Timestamp timestamp = kMaxTimestamp, size_t rows = SIZE_MAX) {
    constexpr size_t kQueries = 25, k = 10;
    size_t found = 0, wanted = 0;
    for (size_t n = 0; n < kQueries; ++n) {
      const std::vector<float> query = RandomVector();
      SearchRequest request;
      request.field_id = kVectorField;
      request.metric = index::Metric::kL2;
      request.queries.assign(reinterpret_cast<const char*>(query.data()), kDim * sizeof(float));
      request.k = k;
      request.params = {{"ef", "64"}};
      request.scope.timestamp = timestamp;
      if (bound) request.scope.filter = std::make_shared<FakeFilter>(*bound);
      const auto live = [&](const TestRow& row) {
        return (timestamp != kMaxTimestamp || !dead_.contains(row.id)) && (!bound || row.number < *bound);
      };
      const auto distance = [&](const TestRow& row) {
        double sum = 0;
        for (size_t d = 0; d < kDim; ++d) sum += std::pow(static_cast<double>(row.vector[d]) - static_cast<double>(query[d]), 2);
        return sum;
      };
      std::vector<double> truth;
      for (size_t i = 0; i < std::min(rows, rows_.size()); ++i) {
        if (live(rows_[i])) truth.push_back(distance(rows_[i]));
      }
      const size_t expected = std::min(k, truth.size());
      std::partial_sort(truth.begin(), truth.begin() + static_cast<ptrdiff_t>(expected), truth.end());
      const Result<SearchResult> result = shard_->Search(request, context_);
      EXPECT_TRUE(result.ok()) << result.status().message();
      if (!result.ok()) return 0;
      EXPECT_EQ(result->scores.size(), expected);
      std::set<int64_t> ids;
      for (size_t i = 0; i < result->scores.size(); ++i) {
        const int64_t id = KeyOf(*result->rows.Find(kIdField), i);
        EXPECT_TRUE(ids.insert(id).second) << id;
        EXPECT_TRUE(static_cast<size_t>(id) < std::min(rows, rows_.size()) && live(rows_[static_cast<size_t>(id)])) << id;
        EXPECT_NEAR(static_cast<double>(result->scores[i]), distance(rows_[static_cast<size_t>(id)]), 1e-4);
        if (distance(rows_[static_cast<size_t>(id)]) <= truth[expected - 1] + 1e-6) ++found;
      }
      wanted += expected;
    }
    return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
  }

  TempDirectory directory_;
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
  const std::shared_ptr<CollectionSchema> schema_ = TestSchema();
  const Context context_;
  std::unique_ptr<TestWorld> world_;
  std::unique_ptr<Shard> shard_;
  std::vector<TestRow> rows_;
  std::set<int64_t> dead_;
};

TEST_F(GrowingIndexTest, FreshRowsAreFoundWhileGraphsComeAndMerge) {
  Open("HNSW");
  for (size_t i = 0; i < kBatches; ++i) {
    Insert(kBatch);
    EXPECT_GE(Recall({}), 0.95);
  }
  Insert(100);  // now the last large piece is settled
  const Timestamp before = shard_->watermark();
  const size_t rows_before = rows_.size();
  AwaitGraphs();
  EXPECT_GT(IndexBytes(), 0u);
  EXPECT_GE(Recall({}), 0.95);
  EXPECT_GE(Recall(10), 0.95);
  EXPECT_GE(Recall(1), 0.95);
  Insert(500);
  Delete(rows_.size() / 3);
  EXPECT_GE(Recall({}), 0.95);
  EXPECT_GE(Recall(10), 0.95);
  EXPECT_GE(Recall({}, before, rows_before), 0.95) << "a read of an earlier time";
  ASSERT_TRUE(shard_->Flush(context_).ok());
  EXPECT_GE(Recall({}), 0.95);
}

TEST_F(GrowingIndexTest, AFlatIndexStaysAScan) {
  Open("FLAT");
  Insert(2 * kBatch);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(IndexBytes(), 0u);
  EXPECT_EQ(Recall({}), 1.0);
}

TEST_F(GrowingIndexTest, WithoutMemoryTheRowsAreScanned) {
  Open("HNSW", 4ull << 20);
  Insert(kBatch);
  Insert(kBatch);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(IndexBytes(), 0u);
  EXPECT_EQ(Recall({}), 1.0);
}

TEST_F(GrowingIndexTest, ABuildWithoutMemoryIsRefusedWithWhatWouldFit) {
  Open("HNSW", 7ull << 20);
  Insert(kBatch);
  ASSERT_TRUE(shard_->Flush(context_).ok());
  std::string error;
  for (int i = 0; i < 500 && error.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    error = shard_->GetIndexProgress(55).error;
  }
  EXPECT_NE(error.find("building HNSW over 8192 rows needs "), std::string::npos) << error;
  EXPECT_NE(error.find(" of 7340032 are left"), std::string::npos) << error;
  EXPECT_NE(error.find("; IVF_SQ8 needs "), std::string::npos) << error;
  EXPECT_EQ(IndexBytes(), 0u);
  EXPECT_EQ(Recall({}), 1.0);
}

TEST_F(GrowingIndexTest, AnIndexWhoseCodesDoNotFitIsNotLoaded) {
  Open("HNSW");
  Insert(kBatch);
  ASSERT_TRUE(shard_->Flush(context_).ok());
  const auto indexed = [&] { return shard_->GetIndexProgress(55).indexed_rows == kBatch && IndexBytes() > 0; };
  for (int i = 0; i < 2000 && !indexed(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(indexed());
  AwaitGraphs();  // what the build worked in has gone
  const uint64_t used = world_->memory().used_bytes();
  shard_.reset();
  world_.reset();
  Open("HNSW", used - kBatch * 32);  // half of the codes
  EXPECT_EQ(IndexBytes(), 0u);
  EXPECT_EQ(Recall({}), 1.0);
  shard_.reset();
  world_.reset();
  Open("HNSW", used + (4 << 20));
  EXPECT_GT(IndexBytes(), 0u);
  EXPECT_GE(Recall({}), 0.95);
}

}  // namespace
}  // namespace saker::shard
