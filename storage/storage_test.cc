// The local drivers through the seams: what the headers of storage/ promise.
#include "storage/storage.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "storage/test_directory.h"

namespace saker::storage {
namespace {

constexpr ShardId kShard{CollectionId(7), 1};
constexpr ShardId kOther{CollectionId(7), 2};

std::vector<std::pair<SequenceNumber, std::string>> Replayed(Log& log, ShardId shard, SequenceNumber after) {
  std::vector<std::pair<SequenceNumber, std::string>> out;
  const Status status = log.Replay(shard, after, [&](SequenceNumber number, std::string_view payload) {
    out.emplace_back(number, payload);
    return OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status.ToString();
  return out;
}

std::vector<LogAppend> Records(std::initializer_list<std::string> payloads) {
  std::vector<LogAppend> out;
  for (const std::string& payload : payloads) out.push_back({payload, {}});
  return out;
}

TEST(Log, NumbersRecordsPerShardFromOneAndKeepsThemOverAReopen) {
  TestDirectory directory;
  auto storage = directory.Open();
  EXPECT_EQ(*storage->log().LastSequence(kShard), 0u);
  EXPECT_EQ(*storage->log().Append(kShard, Records({"a", "b"})), 1u);
  EXPECT_EQ(*storage->log().Append(kOther, Records({"x"})), 1u);
  EXPECT_EQ(*storage->log().Append(kShard, Records({std::string()})), 3u);
  storage.reset();
  storage = directory.Open();
  EXPECT_EQ(*storage->log().LastSequence(kShard), 3u);
  EXPECT_EQ(Replayed(storage->log(), kShard, 0), (std::vector<std::pair<SequenceNumber, std::string>>{{1, "a"}, {2, "b"}, {3, ""}}));
  EXPECT_EQ(Replayed(storage->log(), kShard, 2).size(), 1u);
  EXPECT_EQ(Replayed(storage->log(), kOther, 0).size(), 1u);
  EXPECT_EQ(Replayed(storage->log(), ShardId{CollectionId(8), 0}, 0).size(), 0u);
}

TEST(Log, CountsTrimmedRecordsAndRefusesToReplayThem) {
  TestDirectory directory;
  auto storage = directory.Open();
  ASSERT_TRUE(storage->log().Append(kShard, Records({"a", "b", "c"})).ok());
  EXPECT_EQ(storage->log().Trim(kShard, 4).code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(storage->log().Trim(kShard, 3).ok());
  EXPECT_EQ(storage->log().SizeBytes(kShard), 0u);
  storage.reset();
  storage = directory.Open();
  EXPECT_EQ(*storage->log().LastSequence(kShard), 3u);
  EXPECT_EQ(Replayed(storage->log(), kShard, 3).size(), 0u);
  EXPECT_EQ(storage->log().Replay(kShard, 1, [](SequenceNumber, std::string_view) { return OkStatus(); }).code(), StatusCode::kDataLoss);
  EXPECT_EQ(*storage->log().Append(kShard, Records({"d"})), 4u);
  EXPECT_EQ(Replayed(storage->log(), kShard, 3).front().second, "d");
}

TEST(Log, StopsAtTheFirstErrorOfApply) {
  TestDirectory directory;
  auto storage = directory.Open();
  ASSERT_TRUE(storage->log().Append(kShard, Records({"a", "b", "c"})).ok());
  int seen = 0;
  const Status status =
      storage->log().Replay(kShard, 0, [&](SequenceNumber, std::string_view) { return ++seen == 2 ? Cancelled("enough") : OkStatus(); });
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_EQ(seen, 2);
}

TEST(Log, KeepsTombstonesBySegmentUntilTheirSegmentIsRemoved) {
  TestDirectory directory;
  auto storage = directory.Open();
  std::vector<LogAppend> records = {{"delete", {{SegmentId(5), 9, 100}, {SegmentId(6), 1, 101}, {SegmentId(5), 2, 102}}}};
  ASSERT_TRUE(storage->log().Append(kShard, records).ok());
  const auto rows_of = [&](SegmentId segment) {
    std::vector<std::pair<RowOffset, Timestamp>> out;
    EXPECT_TRUE(
        storage->log().ScanTombstones(kShard, segment, [&](const Tombstone& dead) { out.emplace_back(dead.row, dead.timestamp); }).ok());
    return out;
  };
  EXPECT_EQ(rows_of(SegmentId(5)), (std::vector<std::pair<RowOffset, Timestamp>>{{2, 102}, {9, 100}}));
  ManifestEdit edit;
  edit.shard = kShard;
  edit.remove = {SegmentId(5)};
  edit.tombstones = {{SegmentId(8), 3, 103}};
  ASSERT_TRUE(storage->manifests().Commit(edit).ok());
  EXPECT_TRUE(rows_of(SegmentId(5)).empty());
  EXPECT_EQ(rows_of(SegmentId(6)).size(), 1u);
  EXPECT_EQ(rows_of(SegmentId(8)).size(), 1u);
  ASSERT_TRUE(storage->log().Drop(kShard).ok());
  ASSERT_TRUE(storage->log().Drop(kShard).ok());
  EXPECT_TRUE(rows_of(SegmentId(6)).empty());
  EXPECT_EQ(*storage->log().LastSequence(kShard), 0u);
}

TEST(Log, TakesRecordsOfManyShardsAtOnce) {
  TestDirectory directory;
  auto storage = directory.Open();
  std::vector<std::thread> writers;
  for (int shard = 0; shard < 8; ++shard) {
    writers.emplace_back([&, shard] {
      for (int i = 0; i < 20; ++i) {
        const auto first = storage->log().Append({CollectionId(1), shard}, Records({std::to_string(i), "second"}));
        ASSERT_TRUE(first.ok());
        ASSERT_EQ(*first, static_cast<SequenceNumber>(2 * i + 1));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  for (int shard = 0; shard < 8; ++shard) EXPECT_EQ(Replayed(storage->log(), {CollectionId(1), shard}, 0).size(), 40u);
}

uint64_t DiskBytes(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code ignored;  // files come and go while we look
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, ignored)) {
    const uint64_t size = entry.is_regular_file(ignored) ? entry.file_size(ignored) : 0;
    if (!ignored) bytes += size;
  }
  return bytes;
}

TEST(Log, GivesTheDiskBackAfterATrim) {
  TestDirectory directory;
  auto storage = directory.Open();
  const LogAppend record{std::string(1 << 20, 'x'), {}};
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(storage->log().Append(kShard, std::span(&record, 1)).ok());
  EXPECT_GT(DiskBytes(directory.path()), 40u << 20);
  EXPECT_GE(storage->log().SizeBytes(kShard), 40u << 20);
  ASSERT_TRUE(storage->log().Trim(kShard, 39).ok());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (DiskBytes(directory.path()) > 8 << 20 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_LT(DiskBytes(directory.path()), 8u << 20);
  EXPECT_LT(storage->MemoryBytes(), 16u << 20);
  EXPECT_EQ(Replayed(storage->log(), kShard, 39).size(), 1u);
}

// Random appends, trims, replays, drops and reopens against a map.
TEST(Log, AgreesWithAMapUnderRandomOperations) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("SAKER_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  TestDirectory directory;
  auto storage = directory.Open();
  struct Model {
    std::map<SequenceNumber, std::string> records;
    SequenceNumber last = 0, trimmed = 0;
  };
  std::map<int32_t, Model> models;
  for (int step = 0; step < 400; ++step) {
    const auto number = static_cast<int32_t>(random() % 3);
    const ShardId shard{CollectionId(3), number};
    Model& model = models[number];
    const int action = static_cast<int>(random() % 20);
    if (action < 12) {
      std::vector<LogAppend> records(1 + random() % 4);
      for (LogAppend& record : records) {
        record.payload.assign(random() % 3 == 0 ? random() % 100000 : random() % 50, static_cast<char>('a' + random() % 26));
        model.records[++model.last] = record.payload;
      }
      ASSERT_EQ(*storage->log().Append(shard, records), model.last - records.size() + 1) << "step " << step;
    } else if (action < 15) {
      if (model.last == 0) continue;
      const SequenceNumber through = model.trimmed + random() % (model.last - model.trimmed + 1);
      ASSERT_TRUE(storage->log().Trim(shard, through).ok()) << "step " << step;
      model.trimmed = through;
      model.records.erase(model.records.begin(), model.records.upper_bound(through));
    } else if (action < 18) {
      const SequenceNumber after = model.trimmed + random() % (model.last - model.trimmed + 1);
      const std::vector<std::pair<SequenceNumber, std::string>> expected(model.records.upper_bound(after), model.records.end());
      ASSERT_EQ(Replayed(storage->log(), shard, after), expected) << "step " << step;
    } else if (action == 18) {
      storage.reset();
      storage = directory.Open();
    } else if (random() % 4 == 0) {
      ASSERT_TRUE(storage->log().Drop(shard).ok());
      model = Model();
    }
    ASSERT_EQ(*storage->log().LastSequence(shard), model.last) << "step " << step;
  }
}

TEST(Catalog, WritesAllChangesOrNone) {
  TestDirectory directory;
  auto storage = directory.Open();
  Catalog& catalog = storage->catalog();
  ASSERT_TRUE(catalog.Write({{CatalogKind::kDatabase, "default", "d"}, {CatalogKind::kUser, "root", std::string("\0x", 2)}}).ok());
  ASSERT_TRUE(
      catalog
          .Write(
              {{CatalogKind::kDatabase, "default", std::nullopt}, {CatalogKind::kDatabase, "b", "2"}, {CatalogKind::kDatabase, "a", "1"}})
          .ok());
  EXPECT_EQ(catalog.Read(CatalogKind::kDatabase, "default").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(*catalog.Read(CatalogKind::kUser, "root"), std::string("\0x", 2));
  EXPECT_EQ(catalog.Write({{CatalogKind::kRole, "r", "1"}, {CatalogKind::kRole, std::string(5000, 'x'), "2"}}).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(catalog.Read(CatalogKind::kRole, "r").status().code(), StatusCode::kNotFound);
  storage.reset();
  storage = directory.Open();
  std::string seen;
  ASSERT_TRUE(storage->catalog()
                  .Scan(CatalogKind::kDatabase,
                        [&](std::string_view key, std::string_view value) {
                          seen.append(key).append("=").append(value).append(" ");
                          return OkStatus();
                        })
                  .ok());
  EXPECT_EQ(seen, "a=1 b=2 ");
}

SegmentManifest Manifest(int64_t segment) {
  SegmentManifest manifest;
  manifest.segment = SegmentId(segment);
  manifest.shard = kShard;
  manifest.partition = PartitionId(3);
  manifest.row_count = 1000;
  manifest.min_timestamp = 5;
  manifest.max_timestamp = kMaxTimestamp;
  manifest.vector_files[101] = {"7/5/101.vec", 4096, 0xdeadbeefcafe};
  manifest.index_files[101] = {12, {"7/5/101.12.idx", 99, 1}};
  manifest.schema_version = 2;
  return manifest;
}

TEST(Manifests, KeepWhatWasCommitted) {
  TestDirectory directory;
  auto storage = directory.Open();
  EXPECT_EQ(storage->manifests().LoadCheckpoint(kShard)->through, 0u);
  ManifestEdit edit;
  edit.shard = kShard;
  edit.put = {Manifest(300), Manifest(5)};
  edit.checkpoint = Checkpoint{42};
  ASSERT_TRUE(storage->manifests().Commit(edit).ok());
  storage.reset();
  storage = directory.Open();
  EXPECT_EQ(*storage->manifests().Load(kShard), (std::vector<SegmentManifest>{Manifest(5), Manifest(300)}));
  EXPECT_EQ(storage->manifests().LoadCheckpoint(kShard)->through, 42u);
  EXPECT_TRUE(storage->manifests().Load(kOther)->empty());
  edit = ManifestEdit();
  edit.shard = kShard;
  edit.remove = {SegmentId(5)};
  ASSERT_TRUE(storage->manifests().Commit(edit).ok());
  EXPECT_EQ(storage->manifests().Load(kShard)->size(), 1u);
  edit.shard = kOther;
  edit.put = {Manifest(6)};
  EXPECT_EQ(storage->manifests().Commit(edit).code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(storage->manifests().Drop(kShard).ok());
  ASSERT_TRUE(storage->manifests().Drop(kShard).ok());
  EXPECT_TRUE(storage->manifests().Load(kShard)->empty());
  EXPECT_EQ(storage->manifests().LoadCheckpoint(kShard)->through, 0u);
}

Status IngestChunks(Rows& rows, SegmentId segment, const std::vector<RowChunk>& chunks) {
  size_t next = 0;
  return rows.Ingest(segment, [&](RowChunk* out) -> Result<bool> {
    if (next == chunks.size()) return false;
    *out = chunks[next++];
    return true;
  });
}

std::map<RowOffset, std::string> Chunks(Rows& rows, SegmentId segment) {
  std::map<RowOffset, std::string> out;
  const Status status = rows.Scan(segment, [&](RowOffset first, std::string_view payload) {
    out[first] = payload;
    return OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status.ToString();
  return out;
}

TEST(Rows, ComeBackInOrderAndAnIngestReplacesAnOlderOne) {
  TestDirectory directory;
  auto storage = directory.Open();
  Rows& rows = storage->rows();
  ASSERT_TRUE(IngestChunks(rows, SegmentId(1), {{0, "old"}, {10, "old"}, {20, "old"}}).ok());
  ASSERT_TRUE(IngestChunks(rows, SegmentId(1), {{0, "a"}, {15, std::string(100000, 'b')}}).ok());
  ASSERT_TRUE(IngestChunks(rows, SegmentId(300), {{0, "c"}}).ok());
  ASSERT_TRUE(IngestChunks(rows, SegmentId(2), {}).ok());
  const std::map<RowOffset, std::string> expected = {{0, "a"}, {15, std::string(100000, 'b')}};
  EXPECT_EQ(Chunks(rows, SegmentId(1)), expected);
  EXPECT_EQ(*rows.Segments(), (std::vector<SegmentId>{SegmentId(1), SegmentId(300)}));
  EXPECT_EQ(IngestChunks(rows, SegmentId(4), {{5, "x"}, {5, "y"}}).code(), StatusCode::kInvalidArgument);
  storage.reset();
  storage = directory.Open();
  EXPECT_EQ(Chunks(storage->rows(), SegmentId(1)), expected);
  ASSERT_TRUE(storage->rows().Drop(SegmentId(1)).ok());
  ASSERT_TRUE(storage->rows().Drop(SegmentId(1)).ok());
  EXPECT_TRUE(Chunks(storage->rows(), SegmentId(1)).empty());
  EXPECT_EQ(*storage->rows().Segments(), std::vector<SegmentId>{SegmentId(300)});
  EXPECT_TRUE(std::filesystem::is_empty(directory.path() + "/ingest"));
}

TEST(Storage, RefusesASecondServerOnTheSameDirectory) {
  TestDirectory directory;
  auto storage = directory.Open();
  const auto second = OpenStorage(directory.options());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(second.status().message(), "another server (pid " + std::to_string(getpid()) + ") uses " + directory.path());
  storage.reset();
  EXPECT_NE(directory.Open(), nullptr);
}

TEST(Storage, RefusesAnotherFormatAndADamagedVersion) {
  TestDirectory directory;
  directory.Open().reset();
  std::filesystem::copy(directory.path() + "/VERSION", directory.path() + "/kept");
  ASSERT_TRUE(WriteFileAtomically(FileSystem::Posix(), directory.path() + "/VERSION", "saker data format 2\n").ok());
  EXPECT_EQ(OpenStorage(directory.options()).status().code(), StatusCode::kDataLoss);
  std::filesystem::remove(directory.path() + "/VERSION");
  EXPECT_NE(directory.Open(), nullptr);  // nothing was ever written to it
}

TEST(Storage, NoticesAMissingVersionOrWitnessOfAUsedDirectory) {
  TestDirectory directory;
  {
    auto storage = directory.Open();
    ASSERT_TRUE(storage->log().Append(kShard, Records({"a"})).ok());
  }
  for (const char* name : {"/VERSION", "/witness"}) {
    TestDirectory copy(directory);
    std::filesystem::remove(copy.path() + name);
    EXPECT_EQ(OpenStorage(copy.options()).status().code(), StatusCode::kDataLoss) << name;
  }
}

TEST(Storage, AllowsWritesAndCountsItsMemory) {
  TestDirectory directory;
  auto storage = directory.Open();
  EXPECT_TRUE(storage->WritesAllowed().ok());
  EXPECT_GT(storage->MemoryBytes(), 0u);
  EXPECT_LT(storage->MemoryBytes(), 32u << 20);
  EXPECT_TRUE(storage->Close().ok());
  EXPECT_TRUE(storage->Close().ok());
}

}  // namespace
}  // namespace saker::storage
