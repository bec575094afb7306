#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"
#include "server/shard/test_fault_storage.h"
#include "server/shard/test_shard.h"

namespace saker::shard {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ShardTest : public testing::Test {
 protected:
  ShardTest() { Open(); }

  void Open(bool loaded = true) {
    shard_.reset();
    world_.reset();
    world_ = std::make_unique<TestWorld>(directory_.path());
    fault_ = std::make_unique<FaultStorage>(world_->storage());
    const Environment& real = world_->environment();
    environment_.emplace(
        Environment{*fault_, real.search_pool, real.background_pool, real.build_pool, real.memory, real.timestamps, real.ids});
    ShardConfig config{{CollectionId(7), 0}, schema_, indexes_, loaded};
    Result<std::unique_ptr<Shard>> opened = Shard::Open(std::move(config), *environment_);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    shard_ = std::move(*opened);
  }

  static TestRow Row(int64_t id, int64_t number = 0) {
    TestRow row{id, number, std::vector<float>(kDim), std::nullopt};
    row.vector[0] = static_cast<float>(id);
    return row;
  }

  static std::vector<TestRow> Rows(int64_t first, int64_t count) {
    std::vector<TestRow> rows;
    for (int64_t id = first; id < first + count; ++id) rows.push_back(Row(id, id % 10));
    return rows;
  }

  Result<WriteResult> Insert(const std::vector<TestRow>& rows, int64_t partition = 1) {
    return shard_->Write(InsertOf(rows, *schema_, partition), context_);
  }

  Result<WriteResult> Delete(const std::vector<int64_t>& ids) {
    WriteRequest request;
    request.kind = WriteRequest::Kind::kDelete;
    request.delete_keys = ToKeys(ids, *schema_);
    return shard_->Write(std::move(request), context_);
  }

  std::vector<int64_t> IdsAt(Timestamp timestamp) {
    QueryRequest request;
    request.scope.timestamp = timestamp;
    const Result<QueryResult> result = shard_->Query(request, context_);
    EXPECT_TRUE(result.ok()) << result.status().message();
    std::vector<int64_t> ids;
    for (size_t row = 0; result.ok() && row < result->rows.row_count; ++row) ids.push_back(KeyOf(*result->rows.Find(kIdField), row));
    return ids;
  }
  std::vector<int64_t> Ids() { return IdsAt(kMaxTimestamp); }

  SearchRequest SearchFor(float value, size_t k) {
    std::vector<float> vector(kDim);
    vector[0] = value;
    SearchRequest request;
    request.field_id = kVectorField;
    request.metric = index::Metric::kL2;
    request.k = k;
    request.queries.assign(reinterpret_cast<const char*>(vector.data()), kDim * sizeof(float));
    return request;
  }

  std::vector<int64_t> Found(const SearchRequest& request) {
    const Result<SearchResult> result = shard_->Search(request, context_);
    EXPECT_TRUE(result.ok()) << result.status().message();
    std::vector<int64_t> ids;
    for (size_t row = 0; result.ok() && row < result->rows.row_count; ++row) ids.push_back(KeyOf(*result->rows.Find(kIdField), row));
    return ids;
  }

  void WaitForIndex(int64_t index_id) {
    for (int i = 0; i < 3000; ++i) {
      const Shard::IndexProgress progress = shard_->GetIndexProgress(index_id);
      if (progress.indexed_rows == progress.total_rows && !progress.building) return;
      ASSERT_EQ(progress.error, "");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << "the index was not built in 30 s";
  }

  IndexDefinition Hnsw(int64_t id) { return {id, kVectorField, {"HNSW", index::Metric::kL2, {{"M", "8"}, {"efConstruction", "64"}}}}; }

  TempDirectory directory_;
  std::shared_ptr<CollectionSchema> schema_ = TestSchema();
  std::vector<IndexDefinition> indexes_;
  std::unique_ptr<TestWorld> world_;
  std::unique_ptr<FaultStorage> fault_;
  std::optional<Environment> environment_;
  std::unique_ptr<Shard> shard_;
  Context context_;
};

TEST_F(ShardTest, AReadAtAnOldTimestampSeesThatMoment) {
  ASSERT_TRUE(Insert({Row(1), Row(2), Row(3)}).ok());
  const Timestamp first = shard_->watermark();
  ASSERT_TRUE(Delete({2}).ok());
  const Timestamp second = shard_->watermark();
  ASSERT_TRUE(Insert({Row(3, 7), Row(4)}).ok());
  const auto all = [&] {
    EXPECT_THAT(IdsAt(first), ElementsAre(1, 2, 3));
    EXPECT_THAT(IdsAt(second), ElementsAre(1, 3));
    EXPECT_THAT(Ids(), ElementsAre(1, 3, 4));
  };
  all();
  ASSERT_TRUE(shard_->Flush(context_).ok());
  all();
  ASSERT_TRUE(Delete({1}).ok());
  ASSERT_TRUE(shard_->Compact(context_, nullptr).ok());
  EXPECT_THAT(IdsAt(first), ElementsAre(1, 2, 3)) << "compaction keeps what was read lately";
  EXPECT_THAT(IdsAt(second), ElementsAre(1, 3));
  EXPECT_THAT(Ids(), ElementsAre(3, 4));
}

TEST_F(ShardTest, TheLastOfEqualKeysInOneWriteWins) {
  const Result<WriteResult> result = Insert({Row(1, 10), Row(2, 20), Row(1, 30)});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->deleted, 0);
  EXPECT_THAT(Ids(), ElementsAre(1, 2));
  SearchRequest request = SearchFor(1, 5);
  request.output_field_ids = {kNumberField};
  const Result<SearchResult> found = shard_->Search(request, context_);
  ASSERT_EQ(found->rows.row_count, 2u);
  EXPECT_EQ(found->rows.Find(kNumberField)->GetInteger(0), 30);
  Open();
  EXPECT_THAT(Ids(), ElementsAre(1, 2));
}

// Seed 1 of the model test: the older, dead copy is replayed while the newer one has long been sealed.
TEST_F(ShardTest, ARestartFindsAKeyWhoseNewerCopyWasSealedFirst) {
  environment_->seal_bytes = 200 << 10;
  ASSERT_TRUE(Insert({Row(1)}, 1).ok());
  ASSERT_TRUE(Insert(Rows(0, 2000), 2).ok());
  const auto sealed = [&] {
    const std::vector<SegmentStatus> segments = shard_->Segments();
    return std::count_if(segments.begin(), segments.end(), [](const SegmentStatus& segment) { return segment.sealed; });
  };
  for (int i = 0; i < 1000 && sealed() == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_EQ(sealed(), 1) << "partition 1 is still growing";
  Open();
  EXPECT_EQ(Insert({Row(1, 7)}, 1)->deleted, 1);
  EXPECT_EQ(Ids().size(), 2000u);
  EXPECT_EQ(Delete({1})->deleted, 1);
}

// Seed 6 of the model test: the checkpoint ends between two records of a segment that the log drops further on.
TEST_F(ShardTest, TheCheckpointMayCutADroppedPartitionsSegment) {
  ASSERT_TRUE(Insert({Row(1)}, 2).ok());
  ASSERT_TRUE(Insert({Row(2)}, 1).ok());  // its segment keeps the log from here on
  ASSERT_TRUE(Insert({Row(3)}, 2).ok());
  ASSERT_TRUE(shard_->DropPartition(PartitionId(2)).ok());
  environment_->seal_bytes = 200 << 10;
  ASSERT_TRUE(Insert(Rows(100, 2000), 3).ok());
  for (int i = 0; i < 1000 && !shard_->Segments()[0].sealed; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(shard_->Segments()[0].sealed);
  Open();
  EXPECT_EQ(Ids().size(), 2001u);
}

TEST_F(ShardTest, AFullDiskUndoesTheWriteExactly) {
  ASSERT_TRUE(Insert({Row(1, 10), Row(2, 20)}).ok());
  ASSERT_TRUE(shard_->Flush(context_).ok());
  ASSERT_TRUE(Insert({Row(3, 30)}).ok());
  fault_->log().refusal = ResourceExhausted("the disk is full");
  EXPECT_EQ(Insert({Row(1, 11), Row(3, 31), Row(4, 41), Row(4, 42)}).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Insert({Row(9)}, 2).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Delete({2, 3}).status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(Ids(), ElementsAre(1, 2, 3));
  fault_->log().refusal = OkStatus();
  EXPECT_EQ(Insert({Row(4, 43), Row(1, 12)})->deleted, 1) << "the sealed copy of 1 is alive again, 4 never was";
  EXPECT_EQ(Delete({2, 3, 9})->deleted, 2);
  EXPECT_THAT(Ids(), ElementsAre(1, 4));
  EXPECT_EQ(shard_->LiveRows(std::nullopt), 2u);
  Open();
  EXPECT_THAT(Ids(), ElementsAre(1, 4));
}

TEST_F(ShardTest, AFailedSyncEndsWritingAndSaysWhy) {
  ASSERT_TRUE(Insert({Row(1)}).ok());
  fault_->log().refusal = Unavailable("fsync failed: input/output error");
  EXPECT_FALSE(Insert({Row(2)}).ok());
  fault_->log().refusal = OkStatus();
  const Status refused = Insert({Row(3)}).status();
  EXPECT_EQ(refused.code(), StatusCode::kUnavailable);
  EXPECT_THAT(refused.message(), HasSubstr("fsync failed"));
  EXPECT_THAT(Ids(), ElementsAre(1));
}

TEST_F(ShardTest, RefusesWhatDoesNotFitTheSchema) {
  WriteRequest request = InsertOf({Row(1)}, *schema_);
  request.rows.columns.pop_back();
  EXPECT_EQ(shard_->Write(std::move(request), context_).status().code(), StatusCode::kInvalidArgument);
  request = InsertOf({Row(1)}, *schema_);
  request.partition.reset();
  EXPECT_EQ(shard_->Write(std::move(request), context_).status().code(), StatusCode::kInvalidArgument);
  request = InsertOf({Row(1)}, *schema_);
  request.rows.columns[1] = Column(DataType::kFloatVector, DataType::kNone, 12);
  EXPECT_EQ(shard_->Write(std::move(request), context_).status().code(), StatusCode::kInvalidArgument);
  WriteRequest deletion;
  deletion.kind = WriteRequest::Kind::kDelete;
  deletion.delete_keys.type = DataType::kVarChar;
  deletion.delete_keys.strings = {"a"};
  EXPECT_EQ(shard_->Write(std::move(deletion), context_).status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Ids(), testing::IsEmpty());
}

TEST_F(ShardTest, GroupsHoldTheBestHitsOfEachValue) {
  ASSERT_TRUE(Insert(Rows(0, 100)).ok());
  ASSERT_TRUE(shard_->Flush(context_).ok());
  ASSERT_TRUE(Insert(Rows(100, 100)).ok());
  SearchRequest request = SearchFor(0, 3);
  request.group_by_field_id = kNumberField;
  request.group_size = 2;
  request.strict_group_size = true;
  EXPECT_THAT(Found(request), ElementsAre(0, 1, 2, 10, 11, 12));
  request.k = 50;  // there are ten values only
  request.group_size = 100;
  EXPECT_EQ(Found(request).size(), 200u);
}

TEST_F(ShardTest, RangesAndIteratorsMeetEveryRowOnce) {
  ASSERT_TRUE(Insert(Rows(0, 500)).ok());
  ASSERT_TRUE(shard_->Flush(context_).ok());
  ASSERT_TRUE(Insert(Rows(500, 100)).ok());
  SearchRequest request = SearchFor(0, 1000);
  request.radius = 100;  // d < 100
  request.range_filter = 4;
  EXPECT_THAT(Found(request), ElementsAre(2, 3, 4, 5, 6, 7, 8, 9));
  request = SearchFor(0, 37);
  std::set<int64_t> seen;
  for (;;) {
    const Result<SearchResult> page = shard_->Search(request, context_);
    ASSERT_TRUE(page.ok());
    if (page->scores.empty()) break;
    for (size_t row = 0; row < page->rows.row_count; ++row) EXPECT_TRUE(seen.insert(KeyOf(*page->rows.Find(kIdField), row)).second);
    request.after_score = page->scores.back();
  }
  EXPECT_EQ(seen.size(), 600u);
}

TEST_F(ShardTest, RowsOlderThanAFieldReadAsItsDefault) {
  ASSERT_TRUE(Insert({Row(1)}).ok());
  ASSERT_TRUE(shard_->Flush(context_).ok());
  ASSERT_TRUE(Insert({Row(2)}).ok());
  FieldSchema added;
  added.id = kAddedField;
  added.name = "added";
  added.type = DataType::kInt32;
  added.nullable = true;
  added.default_value = int64_t{5};
  auto wider = std::make_shared<CollectionSchema>(*schema_);
  wider->fields.push_back(added);
  wider->version = 2;
  ASSERT_TRUE(shard_->SetSchema(wider).ok());
  schema_ = wider;
  ASSERT_TRUE(Insert({Row(3)}).ok());
  const auto check = [&] {
    QueryRequest request;
    request.output_field_ids = {kAddedField};
    const Result<QueryResult> result = shard_->Query(request, context_);
    ASSERT_TRUE(result.ok()) << result.status().message();
    const Column& column = *result->rows.Find(kAddedField);
    ASSERT_EQ(column.row_count(), 3u);
    EXPECT_EQ(column.GetInteger(0), 5);
    EXPECT_EQ(column.GetInteger(1), 5);
    EXPECT_FALSE(column.IsValid(2));
  };
  check();
  ASSERT_TRUE(shard_->Flush(context_).ok());
  check();
  ASSERT_TRUE(shard_->Compact(context_, nullptr).ok());
  check();
  Open();
  check();
}

TEST_F(ShardTest, ExpiredRowsAreHidden) {
  ASSERT_TRUE(Insert({Row(1)}).ok());
  const Timestamp later = Insert({Row(2)})->timestamp;
  QueryRequest request;
  request.scope.min_timestamp = later;
  request.count_only = true;
  EXPECT_EQ(shard_->Query(request, context_)->count, 1u);
  SearchRequest search = SearchFor(1, 10);
  search.scope.min_timestamp = later;
  EXPECT_THAT(Found(search), ElementsAre(2));
}

TEST_F(ShardTest, TooLargeAnAnswerIsRefused) {
  ASSERT_TRUE(Insert(Rows(0, 1000)).ok());
  QueryRequest request;
  request.output_field_ids = {kVectorField};
  request.max_bytes = 10000;
  const Status refused = shard_->Query(request, context_).status();
  EXPECT_THAT(refused.message(), HasSubstr("query results exceed the maxOutputSize Limit"));
}

TEST_F(ShardTest, AReleasedShardTakesWritesButNoReads) {
  ASSERT_TRUE(Insert(Rows(0, 50)).ok());
  ASSERT_TRUE(shard_->Flush(context_).ok());
  const uint64_t loaded = world_->memory().used_bytes();
  shard_->Release();
  EXPECT_LT(world_->memory().used_bytes(), loaded);
  EXPECT_EQ(shard_->Search(SearchFor(0, 1), context_).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(shard_->Query({}, context_).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Delete({3})->deleted, 1);
  EXPECT_EQ(Insert({Row(4, 99), Row(60)})->deleted, 1);
  ASSERT_TRUE(shard_->Flush(context_).ok());
  EXPECT_EQ(shard_->LiveRows(std::nullopt), 50u);
  ASSERT_TRUE(shard_->Load(nullptr).ok());
  EXPECT_EQ(Ids().size(), 50u);
  Open(/*loaded=*/false);
  EXPECT_EQ(shard_->Query({}, context_).status().code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(shard_->Load(nullptr).ok());
  EXPECT_EQ(Ids().size(), 50u);
}

TEST_F(ShardTest, AnIndexIsBuiltUsedReplacedAndDropped) {
  ASSERT_TRUE(Insert(Rows(0, 3000)).ok());
  ASSERT_TRUE(shard_->Flush(context_).ok());
  ASSERT_TRUE(shard_->SetIndexes({Hnsw(21)}).ok());
  WaitForIndex(21);
  const auto indexes = [&] { return shard_->Segments().at(0).indexes; };
  EXPECT_EQ(indexes(), (std::map<int64_t, int64_t>{{kVectorField, 21}}));
  EXPECT_THAT(Found(SearchFor(1500, 3)), ElementsAre(1500, 1499, 1501));
  indexes_ = {Hnsw(21)};
  Open();
  EXPECT_EQ(indexes().size(), 1u);
  EXPECT_THAT(Found(SearchFor(1500, 3)), ElementsAre(1500, 1499, 1501));
  ASSERT_TRUE(Delete({1500}).ok());
  EXPECT_THAT(Found(SearchFor(1500, 2)), ElementsAre(1499, 1501));
  SearchRequest all = SearchFor(0, 16384);
  EXPECT_EQ(Found(all).size(), 2999u) << "as many rows as match, whatever the index";
  ASSERT_TRUE(shard_->SetIndexes({Hnsw(22)}).ok());
  WaitForIndex(22);
  EXPECT_EQ(indexes(), (std::map<int64_t, int64_t>{{kVectorField, 22}}));
  ASSERT_TRUE(shard_->SetIndexes({}).ok());
  EXPECT_TRUE(indexes().empty());
  EXPECT_EQ(world_->storage().blobs().List("7/0/")->size(), 1u) << "only the vector file is left";
}

TEST_F(ShardTest, AnIndexOnDiskLeavesTheVectorsThere) {
  indexes_ = {{21, kVectorField, {"DISKANN", index::Metric::kL2, {}}}};
  Open();
  ASSERT_TRUE(Insert(Rows(0, 3000)).ok());
  ASSERT_TRUE(shard_->Flush(context_).ok());
  WaitForIndex(21);
  for (const bool reopened : {false, true}) {
    SCOPED_TRACE(reopened);
    if (reopened) Open();
    EXPECT_EQ(shard_->Segments().at(0).indexes.size(), 1u);
    EXPECT_THAT(Found(SearchFor(1500, 3)), ElementsAre(1500, 1499, 1501));
    EXPECT_EQ(Found(SearchFor(0, 16384)).size(), 3000u);
    const auto accounts = world_->memory().Accounts();
    EXPECT_EQ(accounts.contains("vectors") ? accounts.at("vectors") : 0, 0u);
    EXPECT_GT(accounts.at("index"), 0u);
    EXPECT_LT(accounts.at("index"), 1u << 20);
  }
  EXPECT_EQ(world_->storage().blobs().List("7/0/")->size(), 2u) << "nothing of the build is left";
}

TEST_F(ShardTest, ADamagedIndexIsBuiltAgain) {
  indexes_ = {Hnsw(21)};
  Open();
  ASSERT_TRUE(Insert(Rows(0, 2000)).ok());
  ASSERT_TRUE(shard_->Flush(context_).ok());
  WaitForIndex(21);
  std::string path;
  const Result<std::vector<std::string>> names = world_->storage().blobs().List("7/0/");
  for (const std::string& name : *names) {
    if (name.find("index_") != std::string::npos) path = *world_->storage().blobs().LocalPath(name);
  }
  ASSERT_FALSE(path.empty());
  shard_.reset();
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1000);
    const char garbage[] = "garbage";
    file.write(garbage, sizeof(garbage));
  }
  Open();
  EXPECT_THAT(Found(SearchFor(700, 1)), ElementsAre(700));
  WaitForIndex(21);
  EXPECT_THAT(Found(SearchFor(700, 1)), ElementsAre(700));
}

// Pages of a graph on disk are read while it answers, so their damage shows then.
TEST_F(ShardTest, DamageThatASearchFindsIsAnsweredForAndMended) {
  indexes_ = {{31, kVectorField, {"DISKANN", index::Metric::kL2, {{"search_cache_budget_gb_ratio", "0"}}}}};
  Open();
  ASSERT_TRUE(Insert(Rows(0, 2000)).ok());
  ASSERT_TRUE(shard_->Flush(context_).ok());
  WaitForIndex(31);
  for (const int64_t id : {700, 1400, 1990}) EXPECT_THAT(Found(SearchFor(id, 1)), ElementsAre(id)) << "whole";
  const double before = DamagedIndexes("search").value();
  std::string path;
  const Result<std::vector<std::string>> names = world_->storage().blobs().List("7/0/");
  for (const std::string& name : *names) {
    if (name.find("index_") != std::string::npos) path = *world_->storage().blobs().LocalPath(name);
  }
  ASSERT_FALSE(path.empty());
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary | std::ios::ate);
    const std::string garbage(static_cast<size_t>(file.tellg()) / 2, 'x');  // the pages stand at the end
    file.seekp(static_cast<std::streamoff>(garbage.size()));
    file.write(garbage.data(), static_cast<std::streamsize>(garbage.size()));
  }
  for (const int64_t id : {700, 1400, 1990}) EXPECT_THAT(Found(SearchFor(id, 1)), ElementsAre(id));
  EXPECT_EQ(DamagedIndexes("search").value(), before + 1) << "set aside once found";
  WaitForIndex(31);
  EXPECT_FALSE(std::filesystem::exists(path)) << "a new file took its place";
  const double mended = DamagedIndexes("search").value();
  EXPECT_THAT(Found(SearchFor(700, 1)), ElementsAre(700));
  EXPECT_EQ(DamagedIndexes("search").value(), mended);
}

TEST_F(ShardTest, ADamagedVectorFileIsRefused) {
  ASSERT_TRUE(Insert(Rows(0, 200)).ok());
  ASSERT_TRUE(shard_->Flush(context_).ok());
  const Result<std::vector<std::string>> names = world_->storage().blobs().List("7/0/");
  const std::string path = *world_->storage().blobs().LocalPath(names->at(0));
  shard_.reset();
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4200);
  file.put('\x55');
  file.close();
  Result<std::unique_ptr<Shard>> opened = Shard::Open({{CollectionId(7), 0}, schema_, {}, true}, *environment_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
}

TEST_F(ShardTest, CompactionMergesAndDropsDeadRows) {
  for (int64_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(Insert(Rows(i * 100, 100)).ok());
    ASSERT_TRUE(shard_->Flush(context_).ok());
  }
  std::vector<int64_t> dead;
  for (int64_t id = 0; id < 250; ++id) dead.push_back(id);
  EXPECT_EQ(Delete(dead)->deleted, 250);
  std::vector<std::pair<std::vector<SegmentId>, SegmentId>> merges;
  ASSERT_TRUE(shard_->Compact(context_, &merges).ok());
  const std::vector<SegmentStatus> segments = shard_->Segments();
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_EQ(segments[0].rows, 250u);
  EXPECT_EQ(segments[0].level, 2);
  EXPECT_EQ(Ids().size(), 250u);
  EXPECT_EQ(Delete({249, 250, 251})->deleted, 2);
  Open();
  EXPECT_EQ(Ids().size(), 248u);
  EXPECT_EQ(shard_->Segments().size(), 1u);
}

TEST_F(ShardTest, DestroyLeavesNothingAndMayBeRepeated) {
  ASSERT_TRUE(Insert(Rows(0, 100)).ok());
  ASSERT_TRUE(shard_->Flush(context_).ok());
  ASSERT_TRUE(Insert(Rows(50, 100)).ok());
  ASSERT_TRUE(shard_->Destroy().ok());
  ASSERT_TRUE(shard_->Destroy().ok());
  EXPECT_FALSE(Insert({Row(1)}).ok());
  Open();
  EXPECT_THAT(Ids(), testing::IsEmpty());
  EXPECT_TRUE(world_->storage().blobs().List("7/0/")->empty());
  EXPECT_TRUE(world_->storage().rows().Segments()->empty());
}

TEST_F(ShardTest, MemoryIsAskedForFirst) {
  shard_.reset();
  world_ = nullptr;
  world_ = std::make_unique<TestWorld>(directory_.path(), 3 << 20);
  Result<std::unique_ptr<Shard>> opened = Shard::Open({{CollectionId(7), 0}, schema_, {}, true}, world_->environment());
  ASSERT_TRUE(opened.ok());
  shard_ = std::move(*opened);
  Status refused;
  int64_t written = 0;
  for (; written < 100000 && refused.ok(); written += 1000) refused = Insert(Rows(written, 1000)).status();
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(static_cast<int64_t>(Ids().size()), written - 1000);
}

TEST_F(ShardTest, AWriteAfterItsDeadlineIsNotTaken) {
  const Context late(Context::Clock::now() - std::chrono::seconds(1));
  EXPECT_EQ(shard_->Write(InsertOf({Row(1)}, *schema_), late).status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Ids(), testing::IsEmpty());
}

// Writers, readers, flushes and compactions at once; each key is rewritten for ever and must always be there exactly once.
TEST_F(ShardTest, ReadersSeeEveryKeyOnceWhileWritersRewriteThem) {
  constexpr int64_t kKeys = 200;
  ASSERT_TRUE(Insert(Rows(0, kKeys)).ok());
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 3; ++writer) {
    threads.emplace_back([&, writer] {
      for (int64_t i = writer; !stop; i += 7) {
        if (!Insert({Row(i % kKeys, i), Row((i * 13 + 1) % kKeys, i)}, 1 + i % 2).ok()) ++failures;
      }
    });
  }
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&] {
      while (!stop) {
        QueryRequest query;
        query.count_only = true;
        const Result<QueryResult> counted = shard_->Query(query, context_);
        const Result<SearchResult> found = shard_->Search(SearchFor(50, kKeys + 10), context_);
        if (!counted.ok() || counted->count != kKeys || !found.ok() || found->scores.size() != kKeys) ++failures;
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) {
      if (!shard_->Flush(context_).ok() || !shard_->Compact(context_, nullptr).ok()) ++failures;
    }
  });
  std::this_thread::sleep_for(std::chrono::seconds(3));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(Ids().size(), static_cast<size_t>(kKeys));
  Open();
  EXPECT_EQ(Ids().size(), static_cast<size_t>(kKeys));
}

TEST(Record, KeepsItsBytes) {
  const auto schema = TestSchema();
  RowBatch rows = ToBatch({{1, 2, std::vector<float>(kDim, 0.5f), "x"}}, *schema);
  std::string payload = EncodeRecordBody(rows);
  PutRecordHeader({RecordKind::kUpsert, 77, PartitionId(5), SegmentId(9), 3}, &payload);
  const Result<Record> record = DecodeRecord(payload);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->header.kind, RecordKind::kUpsert);
  EXPECT_EQ(record->header.timestamp, 77u);
  EXPECT_EQ(record->header.partition, PartitionId(5));
  EXPECT_EQ(record->header.segment, SegmentId(9));
  EXPECT_EQ(record->header.first_row, 3u);
  EXPECT_EQ(record->rows.row_count, 1u);
  for (size_t size = 0; size < payload.size(); ++size) {
    if (size == kRecordHeaderBytes) continue;  // a record without rows
    EXPECT_FALSE(DecodeRecord(std::string_view(payload).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeRecord(payload + "x").ok());
}

TEST(Record, OpensTheFirstVersion) {
  // A drop of partition 6 at timestamp 0x1122334455667788, as version 1 wrote it.
  const std::string golden("\x01\x04\x00\x00\x00\x00\x00\x00\x88\x77\x66\x55\x44\x33\x22\x11\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
  const Result<Record> record = DecodeRecord(golden);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->header.kind, RecordKind::kDropPartition);
  EXPECT_EQ(record->header.timestamp, 0x1122334455667788u);
  EXPECT_EQ(record->header.partition, PartitionId(6));
  std::string again = EncodeRecordBody({});
  PutRecordHeader(record->header, &again);
  EXPECT_EQ(again, golden);
}

}  // namespace
}  // namespace saker::shard
