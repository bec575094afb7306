#include "server/coord/coordinator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/coord/fake_world.h"
#include "server/schema/error.h"

namespace saker::coord {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

CollectionSchema SmallSchema() {
  CollectionSchema schema;
  FieldSchema id;
  id.id = 100;
  id.name = "id";
  id.type = DataType::kInt64;
  id.is_primary_key = true;
  FieldSchema vector;
  vector.id = 101;
  vector.name = "vector";
  vector.type = DataType::kFloatVector;
  vector.dim = 2;
  schema.fields = {id, vector};
  return schema;
}

CollectionDraft Draft(const std::string& name) {
  CollectionDraft draft;
  draft.name = name;
  draft.schema = SmallSchema();
  draft.schema.name = name;
  return draft;
}

std::vector<std::string> Names(const std::vector<Coordinator::CollectionPtr>& collections) {
  std::vector<std::string> names;
  for (const auto& collection : collections) names.push_back(collection->name);
  return names;
}

// What happens in the background has a few seconds to happen.
void Eventually(const std::function<bool()>& happened) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!happened() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(Coordinator, HasADefaultDatabaseFromTheStart) {
  FakeWorld world;
  auto coordinator = world.Open();
  ASSERT_EQ(coordinator->ListDatabases().size(), 1u);
  EXPECT_EQ(coordinator->ListDatabases()[0].name, "default");
  EXPECT_THAT(coordinator->DropDatabase("default").message(), HasSubstr("can not drop default database"));
}

TEST(Coordinator, RemembersEverythingAcrossARestart) {
  FakeWorld world;
  {
    auto coordinator = world.Open();
    ASSERT_TRUE(coordinator->CreateDatabase("shop", {{"a", "b"}}).ok());
    CollectionDraft draft = Draft("books");
    draft.database = "shop";
    draft.shard_count = 3;
    draft.properties = {{"collection.ttl.seconds", "60"}};
    ASSERT_TRUE(coordinator->CreateCollection(draft).ok());
    ASSERT_TRUE(coordinator->CreatePartition("shop", "books", "old").ok());
    ASSERT_TRUE(coordinator->CreateAlias("shop", "books", "volumes").ok());
    IndexDefinition index;
    index.name = "vector";
    index.field = "vector";
    index.field_id = 101;
    index.is_vector = true;
    index.params = {{"index_type", "HNSW"}, {"M", "16"}};
    index.spec = {"HNSW", index::Metric::kL2, {{"M", "16"}}};
    ASSERT_TRUE(coordinator->CreateIndex("shop", "books", index).ok());
    ASSERT_TRUE(coordinator->Load("shop", "books", {"old"}).ok());
    ASSERT_TRUE(coordinator->PutUser("root", "hash").ok());
  }
  auto coordinator = world.Open();
  const auto books = coordinator->Find("shop", "volumes").value();
  EXPECT_EQ(books->name, "books");
  EXPECT_EQ(books->shards.size(), 3u);
  EXPECT_EQ(books->schema->fields[1].dim, 2);
  ASSERT_EQ(books->partitions.size(), 2u);
  EXPECT_FALSE(books->FindPartition("_default")->loaded);
  EXPECT_TRUE(books->FindPartition("old")->loaded);
  ASSERT_EQ(books->indexes.size(), 1u);
  EXPECT_EQ(books->indexes[0].spec.params.at("M"), "16");
  EXPECT_EQ(books->indexes[0].spec.metric, index::Metric::kL2);
  EXPECT_EQ(*FindValue(books->properties, "collection.ttl.seconds"), "60");
  EXPECT_EQ(coordinator->GetUser("root").value(), "hash");
  EXPECT_EQ(*FindValue(coordinator->FindDatabase("shop")->properties, "a"), "b");
}

TEST(Coordinator, SameDefinitionAgainIsFineAnotherOneIsNot) {
  FakeWorld world;
  auto coordinator = world.Open();
  ASSERT_TRUE(coordinator->CreateCollection(Draft("c")).ok());
  EXPECT_TRUE(coordinator->CreateCollection(Draft("c")).ok());
  CollectionDraft other = Draft("c");
  other.schema.fields[1].dim = 4;
  const Status refused = coordinator->CreateCollection(other);
  EXPECT_THAT(refused.message(), HasSubstr("create duplicate collection with different parameters, collection: c"));
}

TEST(Coordinator, AliasesFollowTheRules) {
  FakeWorld world;
  auto coordinator = world.Open();
  ASSERT_TRUE(coordinator->CreateCollection(Draft("a")).ok());
  ASSERT_TRUE(coordinator->CreateCollection(Draft("b")).ok());
  ASSERT_TRUE(coordinator->CreateAlias("", "a", "x").ok());
  EXPECT_TRUE(coordinator->CreateAlias("", "a", "x").ok());
  EXPECT_EQ(coordinator->CreateAlias("", "b", "x").detail_code(), 1602);
  EXPECT_EQ(coordinator->CreateAlias("", "b", "a").detail_code(), 1601);
  EXPECT_EQ(coordinator->CreateCollection(Draft("x")).detail_code(), 1601);
  EXPECT_THAT(coordinator->DropCollection("", "x").message(), HasSubstr("cannot drop the collection via alias = x"));
  EXPECT_THAT(coordinator->DropCollection("", "a").message(), HasSubstr("associated aliases [x]"));
  ASSERT_TRUE(coordinator->AlterAlias("", "b", "x").ok());
  EXPECT_EQ(coordinator->DescribeAlias("", "x").value(), "b");
  EXPECT_TRUE(coordinator->Find("", "a").value()->aliases.empty());
  EXPECT_EQ(coordinator->AlterAlias("", "b", "none").detail_code(), 1600);
  ASSERT_TRUE(coordinator->DropAlias("", "x").ok());
  EXPECT_TRUE(coordinator->DropAlias("", "x").ok());
  EXPECT_TRUE(coordinator->DropCollection("", "b").ok());
}

TEST(Coordinator, RenamesBetweenDatabases) {
  FakeWorld world;
  auto coordinator = world.Open();
  ASSERT_TRUE(coordinator->CreateDatabase("other", {}).ok());
  ASSERT_TRUE(coordinator->CreateCollection(Draft("a")).ok());
  EXPECT_THAT(coordinator->RenameCollection("", "a", "", "a").message(), HasSubstr("should be different"));
  ASSERT_TRUE(coordinator->RenameCollection("", "a", "other", "b").ok());
  EXPECT_EQ(coordinator->Find("", "a").status().detail_code(), 100);
  EXPECT_TRUE(coordinator->Find("other", "b").ok());
  EXPECT_THAT(coordinator->DropDatabase("other").message(), HasSubstr("not empty"));
}

TEST(Coordinator, DropIsFinishedAtTheNextStart) {
  FakeWorld world;
  ShardId gone;
  {
    auto coordinator = world.Open();
    ASSERT_TRUE(coordinator->CreateCollection(Draft("gone")).ok());
    ASSERT_TRUE(coordinator->CreateCollection(Draft("stays")).ok());
    gone = coordinator->Find("", "gone").value()->shards[0]->id();
    world.fail_destroy = true;
    ASSERT_TRUE(coordinator->DropCollection("", "gone").ok());
    EXPECT_THAT(Names(coordinator->List("").value()), ElementsAre("stays"));
    EXPECT_TRUE(world.HasShard(gone));
  }
  world.fail_destroy = false;
  {
    auto coordinator = world.Open();
    EXPECT_THAT(Names(coordinator->List("").value()), ElementsAre("stays"));
    ASSERT_TRUE(coordinator->CreateCollection(Draft("gone")).ok());  // the name is free
    Eventually([&] { return !world.HasShard(gone) && world.storage.fake_catalog().Count(storage::CatalogKind::kCollection) == 2; });
  }
  EXPECT_EQ(world.storage.fake_catalog().Count(storage::CatalogKind::kCollection), 2u);
  EXPECT_EQ(world.storage.fake_catalog().Count(storage::CatalogKind::kPartition), 2u);
  EXPECT_FALSE(world.HasShard(gone));
}

TEST(Coordinator, TruncationGivesFreshShardsAndRemovesTheOld) {
  FakeWorld world;
  auto coordinator = world.Open();
  ASSERT_TRUE(coordinator->CreateCollection(Draft("c")).ok());
  const auto before = coordinator->Find("", "c").value();
  ASSERT_TRUE(before->shards[0]->EnsureOpen(Context()).ok());
  world.fail_destroy = true;
  ASSERT_TRUE(coordinator->TruncateCollection("", "c").ok());
  EXPECT_TRUE(coordinator->GetReadiness().ready);
  const auto after = coordinator->Find("", "c").value();
  EXPECT_NE(after->shards[0]->id(), before->shards[0]->id());
  EXPECT_EQ(world.State(before->shards[0]->id()) != nullptr, true);
  world.fail_destroy = false;
  coordinator.reset();
  auto again = world.Open();
  EXPECT_EQ(again->Find("", "c").value()->shards[0]->id(), after->shards[0]->id());
  Eventually([&] { return world.shard_count() == 1; });
  EXPECT_EQ(world.shard_count(), 1u);
}

TEST(Coordinator, EveryWriteOfACreateMayBeTheLast) {
  for (int last = 0; last < 8; ++last) {
    FakeWorld world;
    {
      auto coordinator = world.Open();
      world.storage.fake_catalog().fail_after_writes = world.storage.fake_catalog().writes() + last;
      const bool created = coordinator->CreateCollection(Draft("c")).ok();
      const bool parted = coordinator->CreatePartition("", "c", "p").ok();
      const bool aliased = coordinator->CreateAlias("", "c", "x").ok();
      world.storage.fake_catalog().fail_after_writes.reset();
      coordinator.reset();
      auto again = world.Open();
      EXPECT_EQ(again->Find("", "c").ok(), created) << last;
      EXPECT_EQ(again->Find("", "x").ok(), aliased) << last;
      if (created) { EXPECT_EQ(again->Find("", "c").value()->FindPartition("p") != nullptr, parted) << last; }
    }
  }
}

TEST(Coordinator, LoadsAndReleasesByPartition) {
  FakeWorld world;
  auto coordinator = world.Open();
  ASSERT_TRUE(coordinator->CreateCollection(Draft("c")).ok());
  ASSERT_TRUE(coordinator->CreatePartition("", "c", "p").ok());
  EXPECT_EQ(coordinator->AwaitLoad(*coordinator->Find("", "c").value(), Context()).detail_code(), 101);
  ASSERT_TRUE(coordinator->Load("", "c", {"p"}).ok());
  auto collection = coordinator->Find("", "c").value();
  ASSERT_TRUE(coordinator->AwaitLoad(*collection, Context()).ok());
  EXPECT_EQ(coordinator->GetLoadStatus(*collection).percent, 100);
  EXPECT_FALSE(collection->EveryLoaded());
  EXPECT_THAT(coordinator->DropPartition("", "c", "p").message(), HasSubstr("partition is loaded, please release it first"));
  ASSERT_TRUE(coordinator->Release("", "c", {"p"}).ok());
  EXPECT_EQ(coordinator->GetLoadStatus(*coordinator->Find("", "c").value()).phase, LoadPhase::kReleased);
  EXPECT_TRUE(coordinator->DropPartition("", "c", "p").ok());
  EXPECT_EQ(coordinator->Load("", "c", {"p"}).detail_code(), 200);
}

TEST(Coordinator, FailedLoadIsReportedAndUndone) {
  FakeWorld world;
  auto coordinator = world.Open();
  ASSERT_TRUE(coordinator->CreateCollection(Draft("c")).ok());
  world.fail_load = true;
  ASSERT_TRUE(coordinator->Load("", "c", {}).ok());
  EXPECT_FALSE(coordinator->AwaitLoad(*coordinator->Find("", "c").value(), Context()).ok());
  LoadStatus status;
  Eventually([&] {
    status = coordinator->GetLoadStatus(*coordinator->Find("", "c").value());
    return status.phase == LoadPhase::kReleased && !status.error.ok();
  });
  EXPECT_EQ(status.phase, LoadPhase::kReleased);
  EXPECT_THAT(status.error.message(), HasSubstr("no memory"));
}

TEST(Coordinator, OneIndexForEachField) {
  FakeWorld world;
  auto coordinator = world.Open();
  ASSERT_TRUE(coordinator->CreateCollection(Draft("c")).ok());
  IndexDefinition index;
  index.name = "i";
  index.field = "vector";
  index.field_id = 101;
  index.is_vector = true;
  index.params = {{"index_type", "FLAT"}};
  ASSERT_TRUE(coordinator->CreateIndex("", "c", index).ok());
  EXPECT_TRUE(coordinator->CreateIndex("", "c", index).ok());
  EXPECT_EQ(coordinator->Find("", "c").value()->indexes.size(), 1u);
  index.params = {{"index_type", "HNSW"}};
  EXPECT_THAT(coordinator->CreateIndex("", "c", index).message(), HasSubstr("at most one distinct index is allowed per field"));
  ASSERT_TRUE(coordinator->Load("", "c", {}).ok());
  EXPECT_THAT(coordinator->DropIndex("", "c", "vector", "i").message(), HasSubstr("vector index cannot be dropped on loaded collection"));
  ASSERT_TRUE(coordinator->Release("", "c", {}).ok());
  EXPECT_TRUE(coordinator->DropIndex("", "c", "vector", "i").ok());
  EXPECT_TRUE(coordinator->DropIndex("", "c", "vector", "i").ok());
}

TEST(Coordinator, IsReadyWhenEveryShardIsOpen) {
  FakeWorld world;
  auto coordinator = world.Open();
  ASSERT_TRUE(coordinator->CreateCollection(Draft("c")).ok());
  EXPECT_TRUE(coordinator->GetReadiness().ready);
  coordinator.reset();
  coordinator = world.Open();
  Eventually([&] { return coordinator->GetReadiness().ready; });
  EXPECT_TRUE(coordinator->GetReadiness().ready);
  EXPECT_EQ(coordinator->GetReadiness().shards_open, 1u);
}

}  // namespace
}  // namespace saker::coord
