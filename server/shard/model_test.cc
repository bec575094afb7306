// Random operations on a shard over real storage against a map, reopening, flushing and compacting on the way: with both types of
// keys over many small segments, and with every dense index type over segments that are large enough for an index.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/shard/test_shard.h"

namespace saker::shard {
namespace {

uint64_t TestSeed() {
  const char* seed = std::getenv("SAKER_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 20261121;
}

struct ModelRow {
  TestRow row;
  int64_t partition = 0;
};
using Model = std::map<int64_t, ModelRow>;

struct ModelCase {
  DataType key = DataType::kInt64;
  const char* type = "HNSW";
  std::map<std::string, std::string> params = {{"M", "8"}, {"efConstruction", "64"}};
  // Of a family: fewer, larger inserts, and the index is waited for after a flush.
  bool large = false;
  int steps = 600;
};
void PrintTo(const ModelCase& one, std::ostream* out) {
  *out << one.type;
}

class ModelTest : public testing::TestWithParam<ModelCase> {
 protected:
  ModelTest() : seed_(TestSeed()), random_(seed_), schema_(TestSchema(GetParam().key)) {
    std::printf("SAKER_SEED=%llu\n", static_cast<unsigned long long>(seed_));
    Reopen();
  }

  size_t Below(size_t n) { return random_() % n; }

  void Reopen() {
    shard_.reset();
    world_.reset();
    world_ = std::make_unique<TestWorld>(directory_.path());
    world_->environment().seal_bytes = GetParam().large ? 512 << 10 : 64 << 10;
    world_->environment().segment_bytes = 1 << 20;
    ShardConfig config;
    config.id = {CollectionId(7), 0};
    config.schema = schema_;
    config.loaded = true;
    config.indexes = {{55, kVectorField, {GetParam().type, index::Metric::kL2, GetParam().params}}};
    Result<std::unique_ptr<Shard>> opened = Shard::Open(std::move(config), world_->environment());
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    shard_ = std::move(*opened);
  }

  TestRow RandomRow(int64_t id) {
    TestRow row;
    row.id = id;
    row.number = static_cast<int64_t>(Below(100));
    // Few values a dimension: equal scores are common.
    for (size_t i = 0; i < kDim; ++i) row.vector.push_back(static_cast<float>(Below(8)));
    if (Below(4) != 0) row.text = "text " + std::to_string(Below(1000));
    return row;
  }

  void Insert(bool upsert) {
    const int64_t partition = 1 + static_cast<int64_t>(Below(3));
    const size_t count = GetParam().large ? 100 + Below(600) : Below(10) == 0 ? 300 : 1 + Below(20);
    std::vector<TestRow> rows;
    std::vector<int64_t> ids;
    for (size_t i = 0; i < count; ++i) {
      rows.push_back(RandomRow(static_cast<int64_t>(Below(keys_))));
      ids.push_back(rows.back().id);
    }
    WriteRequest request = InsertOf(rows, *schema_, partition);
    std::set<int64_t> killed;
    for (const int64_t id : ids) {
      if (model_.contains(id)) killed.insert(id);
    }
    if (upsert) {
      // Keys of the request's own and, as with auto ids, one of another row.
      ids.push_back(static_cast<int64_t>(Below(keys_)));
      if (model_.contains(ids.back())) killed.insert(ids.back());
      const bool rewritten = std::find(ids.begin(), ids.end() - 1, ids.back()) != ids.end() - 1;
      if (!rewritten) model_.erase(ids.back());
      request.kind = WriteRequest::Kind::kUpsert;
      request.delete_keys = ToKeys(ids, *schema_);
    }
    const Result<WriteResult> result = shard_->Write(std::move(request), context_);
    ASSERT_TRUE(result.ok()) << result.status().message();
    EXPECT_EQ(result->deleted, static_cast<int64_t>(killed.size()));
    for (const TestRow& row : rows) model_[row.id] = {row, partition};
  }

  void Delete() {
    WriteRequest request;
    request.kind = WriteRequest::Kind::kDelete;
    if (Below(3) == 0) request.partition = PartitionId(1 + static_cast<int64_t>(Below(3)));
    std::vector<int64_t> ids;
    for (size_t i = 0, count = 1 + Below(30); i < count; ++i) ids.push_back(static_cast<int64_t>(Below(keys_)));
    int64_t killed = 0;
    for (const int64_t id : ids) {
      const auto found = model_.find(id);
      if (found == model_.end() || (request.partition && request.partition->value != found->second.partition)) continue;
      model_.erase(found);
      ++killed;
    }
    request.delete_keys = ToKeys(ids, *schema_);
    const Result<WriteResult> result = shard_->Write(std::move(request), context_);
    ASSERT_TRUE(result.ok()) << result.status().message();
    EXPECT_EQ(result->deleted, killed);
  }

  void DropPartition() {
    const int64_t partition = 1 + static_cast<int64_t>(Below(3));
    std::erase_if(model_, [&](const auto& entry) { return entry.second.partition == partition; });
    const Status status = shard_->DropPartition(PartitionId(partition));
    ASSERT_TRUE(status.ok()) << status.message();
  }

  ReadScope RandomScope(std::function<bool(const ModelRow&)>* matches) {
    ReadScope scope;
    std::optional<int64_t> partition;
    std::optional<int64_t> bound;
    if (Below(3) == 0) {
      partition = 1 + static_cast<int64_t>(Below(3));
      scope.partitions = {PartitionId(*partition)};
    }
    if (Below(2) == 0) {
      bound = static_cast<int64_t>(Below(110));
      scope.filter = std::make_shared<FakeFilter>(*bound);
    }
    *matches = [=](const ModelRow& row) { return (!partition || row.partition == *partition) && (!bound || row.row.number < *bound); };
    return scope;
  }

  void Search() {
    std::function<bool(const ModelRow&)> matches;
    SearchRequest request;
    request.scope = RandomScope(&matches);
    request.field_id = kVectorField;
    request.metric = index::Metric::kL2;
    request.query_count = 1 + Below(3);
    request.k = 1 + Below(40);
    request.params = {{"ef", "200"}, {"search_list", "200"}, {"nprobe", "64"}};
    if (GetParam().large && shard_->GetIndexProgress(55).indexed_rows > 0) ++indexed_searches_;
    request.output_field_ids = {kNumberField, kVectorField, kTextField};
    std::vector<std::vector<float>> queries;
    for (size_t q = 0; q < request.query_count; ++q) {
      queries.push_back(RandomRow(0).vector);
      request.queries.append(reinterpret_cast<const char*>(queries[q].data()), kDim * sizeof(float));
    }
    const Result<SearchResult> result = shard_->Search(request, context_);
    ASSERT_TRUE(result.ok()) << result.status().message();
    size_t at = 0;
    for (size_t q = 0; q < queries.size(); ++q) {
      std::vector<float> truth;
      for (const auto& [id, row] : model_) {
        if (matches(row)) truth.push_back(Distance(row.row.vector, queries[q]));
      }
      std::sort(truth.begin(), truth.end());
      ASSERT_EQ(result->hits_per_query[q], std::min(request.k, truth.size()));
      std::set<int64_t> seen;
      for (size_t i = 0; i < result->hits_per_query[q]; ++i, ++at) {
        const TestRow row = RowAt(result->rows, at);
        ASSERT_TRUE(seen.insert(row.id).second) << "row " << row.id << " twice";
        ASSERT_TRUE(model_.contains(row.id)) << "row " << row.id << " is a ghost";
        const ModelRow& expected = model_.at(row.id);
        EXPECT_EQ(row, expected.row);
        EXPECT_TRUE(matches(expected));
        EXPECT_FLOAT_EQ(result->scores[at], Distance(row.vector, queries[q]));
        if (i > 0) { EXPECT_LE(result->scores[at - 1], result->scores[at]); }
        ++ranks_;
        if (std::abs(result->scores[at] - truth[i]) > 1e-3f) ++misses_;
      }
    }
  }

  void Query() {
    std::function<bool(const ModelRow&)> matches;
    QueryRequest request;
    request.scope = RandomScope(&matches);
    request.output_field_ids = {kNumberField, kVectorField, kTextField};
    std::vector<int64_t> keys;
    if (Below(3) == 0) {
      for (size_t i = 0; i < 20; ++i) keys.push_back(static_cast<int64_t>(Below(keys_)));
      std::sort(keys.begin(), keys.end());
      keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
      request.scope = {};
      request.scope.filter = std::make_shared<FakeFilter>(ToKeys(keys, *schema_));
      matches = [keys](const ModelRow& row) { return std::binary_search(keys.begin(), keys.end(), row.row.id); };
    }
    std::vector<TestRow> truth;
    for (const auto& [id, row] : model_) {
      if (matches(row)) truth.push_back(row.row);
    }
    if (GetParam().key != DataType::kInt64) {
      std::sort(truth.begin(), truth.end(), [](const TestRow& a, const TestRow& b) { return TextKey(a.id) < TextKey(b.id); });
    }
    request.count_only = true;
    Result<QueryResult> counted = shard_->Query(request, context_);
    ASSERT_TRUE(counted.ok()) << counted.status().message();
    ASSERT_EQ(counted->count, truth.size());
    request.count_only = false;
    if (Below(2) == 0) {
      request.limit = Below(50);
      request.offset = Below(20);
      truth.erase(truth.begin(), truth.begin() + static_cast<ptrdiff_t>(std::min(request.offset, truth.size())));
      truth.resize(std::min(truth.size(), *request.limit));
    }
    const Result<QueryResult> result = shard_->Query(request, context_);
    ASSERT_TRUE(result.ok()) << result.status().message();
    ASSERT_EQ(result->rows.row_count, truth.size());
    for (size_t i = 0; i < truth.size(); ++i) ASSERT_EQ(RowAt(result->rows, i), truth[i]) << "row " << i;
    for (int64_t partition = 1; partition <= 3; ++partition) {
      const auto live = std::count_if(model_.begin(), model_.end(), [&](const auto& entry) { return entry.second.partition == partition; });
      EXPECT_EQ(shard_->LiveRows(PartitionId(partition)), static_cast<uint64_t>(live));
    }
    EXPECT_EQ(shard_->LiveRows(std::nullopt), model_.size());
  }

  static float Distance(const std::vector<float>& a, const std::vector<float>& b) {
    float sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
  }

  TestRow RowAt(const RowBatch& rows, size_t at) {
    TestRow row;
    row.id = KeyOf(*rows.Find(kIdField), at);
    row.number = rows.Find(kNumberField)->Get<int64_t>(at);
    row.vector.resize(kDim);
    std::memcpy(row.vector.data(), rows.Find(kVectorField)->Row(at), kDim * sizeof(float));
    if (rows.Find(kTextField)->IsValid(at)) row.text = std::string(rows.Find(kTextField)->Text(at));
    return row;
  }

  void WaitForIndex() {
    for (int i = 0; i < 6000; ++i) {
      const Shard::IndexProgress progress = shard_->GetIndexProgress(55);
      ASSERT_EQ(progress.error, "");
      if (progress.indexed_rows == progress.total_rows && !progress.building) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL() << "the index was not built in 30 s";
  }

  void Step() {
    const size_t die = Below(100);
    if (die < 25) return Insert(false);
    if (die < 40) return Insert(true);
    if (die < 50) return Delete();
    if (die < 70) return Search();
    if (die < 90) return Query();
    if (die < 92) {
      const auto flushed = shard_->Flush(context_);
      ASSERT_TRUE(flushed.ok()) << flushed.status().message();
      if (GetParam().large) WaitForIndex();
    } else if (die < 94) {
      const Status compacted = shard_->Compact(context_, nullptr);
      ASSERT_TRUE(compacted.ok()) << compacted.message();
    } else if (die < 96) {
      shard_->Release();
      Insert(true);
      Delete();
      const Status loaded = shard_->Load(nullptr);
      ASSERT_TRUE(loaded.ok()) << loaded.message();
    } else if (die < 97) {
      DropPartition();
    } else {
      Reopen();
    }
  }

  const uint64_t seed_;
  std::mt19937_64 random_;
  TempDirectory directory_;
  std::shared_ptr<CollectionSchema> schema_;
  std::unique_ptr<TestWorld> world_;
  std::unique_ptr<Shard> shard_;
  Model model_;
  Context context_;
  // Ranks whose score is not the true one: only an approximate index may miss, and seldom.
  size_t ranks_ = 0;
  size_t misses_ = 0;
  size_t indexed_searches_ = 0;
  const size_t keys_ = GetParam().large ? 6000 : 2000;
};

TEST_P(ModelTest, AgreesWithBruteForceUnderRandomOperations) {
  const char* steps_text = std::getenv("SAKER_STEPS");
  const int steps = steps_text != nullptr ? std::atoi(steps_text) : GetParam().steps;
  for (int step = 0; step < steps; ++step) {
    Step();
    if (testing::Test::HasFailure()) FAIL() << "at step " << step << " of seed " << seed_;
  }
  EXPECT_LE(misses_, ranks_ / 100);
  if (GetParam().large) { EXPECT_GT(indexed_searches_, 0u) << "no index was searched"; }
}

INSTANTIATE_TEST_SUITE_P(KeyTypes, ModelTest, testing::Values(ModelCase{}, ModelCase{.key = DataType::kVarChar}));

ModelCase Large(const char* type, std::map<std::string, std::string> params = {}) {
  return {DataType::kInt64, type, std::move(params), true, 60};
}
INSTANTIATE_TEST_SUITE_P(Families, ModelTest,
                         testing::Values(Large("FLAT"), Large("HNSW"), Large("HNSW_SQ"), Large("HNSW_PQ"), Large("HNSW_PRQ"),
                                         Large("DISKANN"), Large("IVF_FLAT", {{"nlist", "64"}}), Large("IVF_SQ8", {{"nlist", "64"}}),
                                         Large("IVF_PQ", {{"nlist", "64"}, {"m", "4"}}), Large("IVF_RABITQ", {{"nlist", "64"}}),
                                         Large("SCANN", {{"nlist", "64"}}), Large("AUTOINDEX")),
                         [](const auto& one) { return std::string(one.param.type); });

}  // namespace
}  // namespace saker::shard
