// Searches while everything else goes on: rows are rewritten, inserted and deleted, segments seal and merge, graphs and scalar
// indexes are built, installed and dropped. Run under ThreadSanitizer too. Rows that live never change, so every answer is checked.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "server/shard/test_shard.h"

namespace saker::shard {
namespace {

constexpr int64_t kKeys = 4000;
constexpr int64_t kGraph = 41, kNumbers = 42;
constexpr size_t kResults = 10;
constexpr auto kDuration = std::chrono::seconds(3);

class BuildRaceTest : public testing::Test {
 protected:
  BuildRaceTest() : world_(directory_.path()) {
    const char* text = std::getenv("SAKER_SEED");
    seed_ = static_cast<uint32_t>(text != nullptr ? std::strtoul(text, nullptr, 10) : 20261130);
    std::printf("SAKER_SEED=%u\n", seed_);
    std::mt19937 random(seed_);
    std::normal_distribution<float> normal;
    for (int64_t id = 0; id < kKeys; ++id) {
      std::vector<float> vector(kDim);
      for (float& x : vector) x = normal(random);
      rows_.push_back({.id = id, .number = id % 10, .vector = std::move(vector), .text = {}});
    }
    ShardConfig config;
    config.id = {CollectionId(7), 0};
    config.schema = schema_;
    config.loaded = true;
    config.indexes = {{kGraph, kVectorField, {"HNSW", index::Metric::kL2, {}}},
                      {kNumbers, kNumberField, {}, scalar_index::MakeSpec(*schema_->FindId(kNumberField), "STL_SORT", {}).value()}};
    shard_ = Shard::Open(std::move(config), world_.environment()).value();
  }

  Status Write(const std::vector<TestRow>& rows) { return shard_->Write(InsertOf(rows, *schema_), Context()).status(); }
  Status Delete(const std::vector<int64_t>& ids) {
    WriteRequest request;
    request.kind = WriteRequest::Kind::kDelete;
    request.delete_keys = ToKeys(ids, *schema_);
    return shard_->Write(std::move(request), Context()).status();
  }

  double Distance(const std::vector<float>& query, int64_t id) const {
    double sum = 0;
    for (size_t d = 0; d < kDim; ++d) {
      const double difference = static_cast<double>(query[d]) - static_cast<double>(rows_[static_cast<size_t>(id)].vector[d]);
      sum += difference * difference;
    }
    return sum;
  }

  // Searches for rows with number < bound (10: all) near some of the rows that live; returns how many of the true ten were found,
  // nothing where an answer breaks a promise.
  std::optional<size_t> Search(std::mt19937& random, int64_t bound) {
    std::vector<float> query = rows_[random() % kKeys].vector;
    for (float& x : query) x += 0.1f;
    SearchRequest request;
    request.field_id = kVectorField;
    request.metric = index::Metric::kL2;
    request.queries.assign(reinterpret_cast<const char*>(query.data()), kDim * sizeof(float));
    request.k = kResults;
    request.params = {{"ef", "64"}};
    if (bound < 10) request.scope.filter = std::make_shared<FakeFilter>(bound);
    const Result<SearchResult> result = shard_->Search(request, Context());
    if (!result.ok() || result->scores.size() != kResults) return std::nullopt;
    std::vector<double> truth;
    for (const TestRow& row : rows_) {
      if (row.number < bound) truth.push_back(Distance(query, row.id));
    }
    std::nth_element(truth.begin(), truth.begin() + kResults - 1, truth.end());
    size_t found = 0;
    std::set<int64_t> seen;
    for (size_t i = 0; i < kResults; ++i) {
      const int64_t id = KeyOf(*result->rows.Find(kIdField), i);
      if (id >= kKeys) continue;  // one that comes and goes
      if (!seen.insert(id).second || rows_[static_cast<size_t>(id)].number >= bound) return std::nullopt;
      if (Distance(query, id) <= truth[kResults - 1] + 1e-5) ++found;
    }
    return found;
  }

  uint32_t seed_;
  TempDirectory directory_;
  TestWorld world_;
  std::shared_ptr<const CollectionSchema> schema_ = TestSchema();
  std::vector<TestRow> rows_;
  std::unique_ptr<Shard> shard_;
};

TEST_F(BuildRaceTest, EveryAnswerIsRightWhileGraphsAreBuiltAndReplaced) {
  ASSERT_TRUE(Write(rows_).ok());
  std::atomic<bool> stop{false};
  std::atomic<int> broken{0}, writes_failed{0};
  std::atomic<size_t> searches{0}, found{0}, flushes{0};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {  // the rows that live, written again for ever
    std::mt19937 random(seed_ + 1);
    while (!stop) {
      const auto first = static_cast<ptrdiff_t>(random() % (kKeys - 500));
      if (!Write({rows_.begin() + first, rows_.begin() + first + 500}).ok()) ++writes_failed;
    }
  });
  threads.emplace_back([&] {  // rows far from every query, that come and go
    for (int64_t next = kKeys; !stop; next += 300) {
      std::vector<TestRow> rows;
      std::vector<int64_t> ids;
      for (int64_t id = next; id < next + 300; ++id) {
        rows.push_back({.id = id, .number = id % 10, .vector = std::vector<float>(kDim, 1000.0f), .text = {}});
        ids.push_back(id);
      }
      if (!Write(rows).ok() || !Delete(ids).ok()) ++writes_failed;
    }
  });
  threads.emplace_back([&] {
    for (size_t i = 0; !stop; ++i) {
      if (!shard_->Flush(Context()).ok()) ++writes_failed;
      if (i % 3 == 2 && !shard_->Compact(Context(), nullptr).ok()) ++writes_failed;
      ++flushes;
    }
  });
  for (uint32_t reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&, reader] {
      std::mt19937 random(seed_ + 10 + reader);
      for (size_t i = 0; !stop; ++i) {
        const std::optional<size_t> hits = Search(random, std::array<int64_t, 3>{10, 5, 1}[i % 3]);
        if (!hits) ++broken;
        found += hits.value_or(0);
        ++searches;
      }
    });
  }
  std::this_thread::sleep_for(kDuration);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(broken, 0) << "of " << searches << " searches";
  EXPECT_EQ(writes_failed, 0);
  EXPECT_GT(searches, 20u);
  EXPECT_GE(static_cast<double>(found), 0.97 * static_cast<double>(searches * kResults)) << "of " << searches << " searches";

  // Then what was left to build is built, and nothing was lost.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  Shard::IndexProgress progress;
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    progress = shard_->GetIndexProgress(kGraph);
  } while ((progress.indexed_rows < progress.total_rows || progress.building) && std::chrono::steady_clock::now() < end);
  EXPECT_GT(progress.indexed_rows, 0u) << progress.error;
  QueryRequest count;
  count.count_only = true;
  EXPECT_EQ(shard_->Query(count, Context())->count, static_cast<uint64_t>(kKeys));
  std::mt19937 random(seed_);
  size_t hits = 0;
  for (int i = 0; i < 50; ++i) hits += Search(random, 10).value_or(0);
  EXPECT_GE(hits, 485u);
  std::printf("%zu searches, %zu flushes\n", searches.load(), flushes.load());
}

}  // namespace
}  // namespace saker::shard
