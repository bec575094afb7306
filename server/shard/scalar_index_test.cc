// The life of a scalar index: built in the background, kept in the manifest, built again when damaged, dropped, compacted.
#include <chrono>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/shard/local_shard.h"
#include "server/shard/test_shard.h"

namespace saker::shard {
namespace {

constexpr int64_t kNumberIndex = 31;
constexpr int64_t kTextIndex = 32;

class ScalarIndexTest : public testing::Test {
 protected:
  ScalarIndexTest() {
    const auto spec = [&](int64_t field, const char* type) { return scalar_index::MakeSpec(*schema_->FindId(field), type, {}).value(); };
    indexes_ = {{kNumberIndex, kNumberField, {}, spec(kNumberField, "STL_SORT")},
                {kTextIndex, kTextField, {}, spec(kTextField, "INVERTED")}};
    Open();
  }

  void Open(bool loaded = true) {
    shard_.reset();
    world_.reset();
    world_ = std::make_unique<TestWorld>(directory_.path());
    Result<std::unique_ptr<Shard>> opened = Shard::Open({{CollectionId(7), 0}, schema_, indexes_, loaded}, world_->environment());
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    shard_ = std::move(*opened);
  }

  void InsertAndFlush(int64_t first, int64_t count) {
    std::vector<TestRow> rows;
    for (int64_t id = first; id < first + count; ++id) {
      rows.push_back(
          {id, id % 10, std::vector<float>(kDim, 0.5f), id % 3 == 0 ? std::nullopt : std::optional("t" + std::to_string(id % 7))});
    }
    ASSERT_TRUE(shard_->Write(InsertOf(rows, *schema_), Context()).ok());
    ASSERT_TRUE(shard_->Flush(Context()).ok());
  }

  void WaitFor(int64_t index, uint64_t rows) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    Shard::IndexProgress progress;
    do {
      progress = shard_->GetIndexProgress(index);
      if (progress.indexed_rows == rows && progress.total_rows == rows && !progress.building) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    } while (std::chrono::steady_clock::now() < end);
    FAIL() << progress.indexed_rows << " of " << progress.total_rows << " rows: " << progress.error;
  }

  std::vector<std::string> Files() {
    std::vector<std::string> names;
    const Result<std::vector<std::string>> all = world_->storage().blobs().List("7/0/");
    for (const std::string& name : *all) {
      if (name.find("/scalar_") != std::string::npos) names.push_back(name);
    }
    return names;
  }

  const TempDirectory directory_;
  std::shared_ptr<CollectionSchema> schema_ = TestSchema();
  std::vector<IndexDefinition> indexes_;
  std::unique_ptr<TestWorld> world_;
  std::unique_ptr<Shard> shard_;
};

TEST_F(ScalarIndexTest, IsBuiltKeptAndDropped) {
  InsertAndFlush(0, 2000);
  WaitFor(kNumberIndex, 2000);
  WaitFor(kTextIndex, 2000);
  EXPECT_EQ(Files().size(), 2u);
  const std::vector<std::string> files = Files();
  const uint64_t with = shard_->Segments().at(0).memory_bytes;
  Open();
  EXPECT_EQ(shard_->Segments().at(0).memory_bytes, with) << "loaded with both";
  EXPECT_EQ(Files(), files) << "and not built again";
  ASSERT_TRUE(shard_->SetIndexes({indexes_[0]}).ok());
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_LT(shard_->Segments().at(0).memory_bytes, with);
  ASSERT_TRUE(shard_->SetIndexes({}).ok());
  EXPECT_TRUE(Files().empty());
  EXPECT_EQ(shard_->GetIndexProgress(kNumberIndex).total_rows, 0u);
}

TEST_F(ScalarIndexTest, IsBuiltAgainWhenItsFileIsDamaged) {
  InsertAndFlush(0, 2000);
  WaitFor(kNumberIndex, 2000);
  WaitFor(kTextIndex, 2000);
  const std::vector<std::string> before = Files();
  for (const std::string& name : before) {
    std::fstream file(*world_->storage().blobs().LocalPath(name), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(400);
    file.put('\x55');
  }
  Open();
  WaitFor(kNumberIndex, 2000);
  WaitFor(kTextIndex, 2000);
  EXPECT_EQ(Files().size(), 2u);
  EXPECT_NE(Files(), before);
}

TEST_F(ScalarIndexTest, IsBuiltForReleasedAndForCompactedSegments) {
  shard_->Release();
  InsertAndFlush(0, 400);
  InsertAndFlush(400, 400);
  WaitFor(kTextIndex, 800);
  EXPECT_EQ(Files().size(), 4u);
  ASSERT_TRUE(shard_->Load(nullptr).ok());
  ASSERT_TRUE(shard_->Compact(Context(), nullptr).ok());
  WaitFor(kNumberIndex, 800);
  WaitFor(kTextIndex, 800);
  EXPECT_EQ(Files().size(), 2u);
  EXPECT_EQ(shard_->Segments().size(), 1u);
}

// text_match's index: nobody asks for it, it comes with the files of a segment and is loaded with them.
class TokenIndexTest : public ScalarIndexTest {
 protected:
  TokenIndexTest() {
    schema_ = std::make_shared<CollectionSchema>(*schema_);
    for (FieldSchema& field : schema_->fields) {
      if (field.id == kTextField) field.type_params = {{"enable_analyzer", "true"}, {"enable_match", "true"}};
    }
    indexes_.clear();
    Open();
  }

  // Rows whose text has the word.
  size_t Count(const std::string& word) {
    QueryRequest request;
    request.scope.filter = filter::Filter::Compile("text_match(text, '" + word + "')", *schema_).value();
    request.count_only = true;
    const Result<QueryResult> result = shard_->Query(request, Context());
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? result->count : 0;
  }
};

TEST_F(TokenIndexTest, ComesWithTheSegmentAndIsLoadedWithIt) {
  InsertAndFlush(0, 2100);
  ASSERT_EQ(Files().size(), 1u) << "no wait: before the segment's manifest";
  const std::vector<std::string> files = Files();
  const uint64_t memory = shard_->Segments().at(0).memory_bytes;
  EXPECT_EQ(Count("t3"), 200u);
  Open();
  EXPECT_EQ(Files(), files) << "and not built again";
  EXPECT_EQ(shard_->Segments().at(0).memory_bytes, memory);
  EXPECT_EQ(Count("t3"), 200u);
  ASSERT_TRUE(shard_->SetIndexes({}).ok());
  EXPECT_EQ(Files(), files) << "it is no index that could be dropped";
  InsertAndFlush(2100, 2100);
  ASSERT_TRUE(shard_->Compact(Context(), nullptr).ok());
  EXPECT_EQ(shard_->Segments().size(), 1u);
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_EQ(Count("t3"), 400u);
}

TEST_F(TokenIndexTest, IsBuiltAgainWhenItsFileIsDamagedAndForOlderSegments) {
  InsertAndFlush(0, 2100);
  const std::vector<std::string> before = Files();
  {
    std::fstream file(*world_->storage().blobs().LocalPath(before.at(0)), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(400);
    file.put('\x55');
  }
  Open();
  EXPECT_EQ(Count("t3"), 200u) << "by its rows";
  WaitFor(-kTextField, 2100);
  ASSERT_EQ(Files().size(), 1u);
  EXPECT_NE(Files(), before);
  auto plain = std::make_shared<CollectionSchema>(*schema_);
  for (FieldSchema& field : plain->fields) field.type_params.clear();
  ASSERT_TRUE(shard_->SetSchema(plain).ok());
  EXPECT_TRUE(Files().empty());
  ASSERT_TRUE(shard_->SetSchema(schema_).ok());
  WaitFor(-kTextField, 2100);
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_EQ(Count("t3"), 200u);
}

TEST_F(ScalarIndexTest, AFieldThatASegmentLacksNeedsNone) {
  InsertAndFlush(0, 600);
  FieldSchema more;
  more.id = kAddedField;
  more.name = "more";
  more.type = DataType::kInt64;
  more.nullable = true;
  schema_ = std::make_shared<CollectionSchema>(*schema_);
  schema_->fields.push_back(more);
  schema_->version = 2;
  ASSERT_TRUE(shard_->SetSchema(schema_).ok());
  indexes_.push_back({33, kAddedField, {}, scalar_index::MakeSpec(more, "AUTOINDEX", {}).value()});
  ASSERT_TRUE(shard_->SetIndexes(indexes_).ok());
  WaitFor(33, 600);
  WaitFor(kTextIndex, 600);
  EXPECT_EQ(Files().size(), 2u);
}

}  // namespace
}  // namespace saker::shard
