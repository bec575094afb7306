// A graph on disk over int8 vectors in a shard, against brute force: built, opened again, with rows of zeros and rows deleted.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "server/shard/test_shard.h"

namespace saker::shard {
namespace {

constexpr size_t kRows = 3000, kQueries = 20, kK = 10;
constexpr int64_t kIndex = 61;

using Bytes = std::array<int8_t, kDim>;

double ScoreOf(index::Metric metric, const Bytes& a, const Bytes& b) {
  int64_t product = 0, squares_a = 0, squares_b = 0, distance = 0;
  for (size_t i = 0; i < kDim; ++i) {
    product += a[i] * b[i];
    squares_a += a[i] * a[i];
    squares_b += b[i] * b[i];
    distance += (a[i] - b[i]) * (a[i] - b[i]);
  }
  if (metric == index::Metric::kL2) return static_cast<double>(distance);
  if (squares_a == 0 || squares_b == 0) return 0;
  return static_cast<double>(product) / std::sqrt(static_cast<double>(squares_a) * static_cast<double>(squares_b));
}

class Int8DiskTest : public testing::TestWithParam<index::Metric> {
 protected:
  Int8DiskTest() {
    const char* text = std::getenv("SAKER_SEED");
    const auto seed = static_cast<uint32_t>(text != nullptr ? std::strtoul(text, nullptr, 10) : 20261201);
    std::printf("SAKER_SEED=%u\n", seed);
    random_.seed(seed);
    schema_->fields[1].type = DataType::kInt8Vector;
  }

  void Open() {
    shard_.reset();
    world_.reset();
    world_ = std::make_unique<TestWorld>(directory_.path());
    ShardConfig config{{CollectionId(7), 0}, schema_, {{kIndex, kVectorField, {"DISKANN", GetParam(), {}}}}, true};
    Result<std::unique_ptr<Shard>> opened = Shard::Open(std::move(config), world_->environment());
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    shard_ = std::move(*opened);
  }

  Bytes AnyVector() {
    Bytes vector;
    for (int8_t& element : vector) element = static_cast<int8_t>(static_cast<int>(random_() % 256) - 128);
    return vector;
  }

  // Every tenth row is zero.
  void InsertAll() {
    std::vector<TestRow> rows;
    for (size_t i = 0; i < kRows; ++i) {
      vectors_.push_back(i % 10 == 0 ? Bytes{} : AnyVector());
      TestRow row{static_cast<int64_t>(i), 0, std::vector<float>(kDim), std::nullopt};
      std::memcpy(row.vector.data(), vectors_.back().data(), kDim);  // a column takes the bytes it is wide
      rows.push_back(std::move(row));
    }
    ASSERT_TRUE(shard_->Write(InsertOf(rows, *schema_), context_).ok());
    ASSERT_TRUE(shard_->Flush(context_).ok());
  }

  void AwaitIndex() {
    for (int i = 0; i < 3000; ++i) {
      const Shard::IndexProgress progress = shard_->GetIndexProgress(kIndex);
      ASSERT_EQ(progress.error, "");
      if (progress.indexed_rows == progress.total_rows && !progress.building) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << "the index was not built in 30 s";
  }

  double SignedScore(size_t row, const Bytes& query) const {  // smaller is better
    const double score = ScoreOf(GetParam(), vectors_[row], query);
    return GetParam() == index::Metric::kL2 ? score : -score;
  }

  void ExpectNearlyAllFound() {
    size_t found = 0;
    for (size_t q = 0; q < kQueries; ++q) {
      const Bytes query = AnyVector();
      std::vector<double> scores;
      for (size_t row = 0; row < kRows; ++row) {
        if (!dead_.contains(static_cast<int64_t>(row))) scores.push_back(SignedScore(row, query));
      }
      std::nth_element(scores.begin(), scores.begin() + kK - 1, scores.end());
      SearchRequest request;
      request.field_id = kVectorField;
      request.metric = GetParam();
      request.k = kK;
      request.queries.assign(reinterpret_cast<const char*>(query.data()), kDim);
      const Result<SearchResult> result = shard_->Search(request, context_);
      ASSERT_TRUE(result.ok()) << result.status().message();
      ASSERT_EQ(result->rows.row_count, kK);
      for (size_t i = 0; i < kK; ++i) {
        const int64_t id = KeyOf(*result->rows.Find(kIdField), i);
        EXPECT_FALSE(dead_.contains(id)) << id;
        const double score = ScoreOf(GetParam(), vectors_[static_cast<size_t>(id)], query);
        EXPECT_NEAR(static_cast<double>(result->scores[i]), score, 1e-5 * std::max(1.0, score));
        found += SignedScore(static_cast<size_t>(id), query) <= scores[kK - 1] + 1e-6 ? 1 : 0;
      }
    }
    EXPECT_GE(static_cast<double>(found), 0.95 * kQueries * kK);
  }

  TempDirectory directory_;
  std::shared_ptr<CollectionSchema> schema_ = TestSchema();
  std::unique_ptr<TestWorld> world_;
  std::unique_ptr<Shard> shard_;
  std::mt19937 random_;
  std::vector<Bytes> vectors_;
  std::set<int64_t> dead_;
  Context context_;
};

TEST_P(Int8DiskTest, FindsWhatBruteForceFindsThroughOpenAndDeletes) {
  Open();
  InsertAll();
  AwaitIndex();
  for (const bool reopened : {false, true}) {
    SCOPED_TRACE(reopened);
    if (reopened) Open();
    ASSERT_EQ(shard_->Segments().at(0).indexes.size(), 1u);
    ExpectNearlyAllFound();
  }
  std::vector<int64_t> ids;
  for (int64_t id = 0; id < static_cast<int64_t>(kRows); id += 3) ids.push_back(id);
  WriteRequest request;
  request.kind = WriteRequest::Kind::kDelete;
  request.delete_keys = ToKeys(ids, *schema_);
  ASSERT_TRUE(shard_->Write(std::move(request), context_).ok());
  dead_.insert(ids.begin(), ids.end());
  ExpectNearlyAllFound();
}

INSTANTIATE_TEST_SUITE_P(Metrics, Int8DiskTest, testing::Values(index::Metric::kL2, index::Metric::kCosine));

}  // namespace
}  // namespace saker::shard
