// Files of every released format must still open. SAKER_WRITE_GOLDEN=1 writes those of the current version anew.
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "storage/segment/vector_file.h"
#include "storage/test_directory.h"

namespace saker::storage {
namespace {

namespace fs = std::filesystem;
constexpr VectorFileSpec kDense{VectorElement::kFloat32, 2, FieldId(101), SegmentId(9)};
constexpr VectorFileSpec kSparse{VectorElement::kSparse, 0, FieldId(102), SegmentId(9)};
constexpr ShardId kShard{CollectionId(7), 1};
const std::string kGolden = "tests/golden/storage/";

bool Writing() {
  return std::getenv("SAKER_WRITE_GOLDEN") != nullptr;
}

Status WriteVectors(const std::string& path, const VectorFileSpec& spec) {
  auto file = TRY(FileSystem::Posix().Create(path));
  VectorFileWriter writer(*file, spec);
  const std::vector<float> row = {1.5f, -2};
  const std::vector<SparseEntry> pairs = {{3, .25f}, {1000000, 4}};
  for (int i = 0; i < 2; ++i) {
    TRY(spec.element == VectorElement::kSparse ? writer.AppendSparse(pairs) : writer.Append(std::as_bytes(std::span(row))));
    if (i == 0) TRY(writer.AppendNull());
  }
  TRY(writer.Finish());
  return file->Sync();
}

TEST(Golden, DenseVectorFileOfFormat1) {
  if (Writing()) { ASSERT_TRUE(WriteVectors(kGolden + "vector-1-dense.vec", kDense).ok()); }
  const auto file = VectorFile::Open(kGolden + "vector-1-dense.vec", FileSystem::Posix(), {kDense, 3, {}, 15856798498930619963ULL});
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  const auto* rows = reinterpret_cast<const float*>((*file)->rows().data());
  EXPECT_EQ(std::vector<float>(rows, rows + 6), (std::vector<float>{1.5f, -2, 0, 0, 1.5f, -2}));
  EXPECT_EQ((*file)->validity()[1], 0);
}

TEST(Golden, SparseVectorFileOfFormat1) {
  if (Writing()) { ASSERT_TRUE(WriteVectors(kGolden + "vector-1-sparse.vec", kSparse).ok()); }
  const auto file = VectorFile::Open(kGolden + "vector-1-sparse.vec", FileSystem::Posix(), {kSparse, 3, {}, {}});
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ((*file)->sparse_row(2)[1], (SparseEntry{1000000, 4}));
  EXPECT_TRUE((*file)->sparse_row(1).empty());
}

// One of everything; the last record is in the write-ahead log, the others in tables.
Status WriteDirectory(const StorageOptions& options) {
  for (int i = 0; i < 2; ++i) {
    auto storage = TRY(OpenStorage(options));
    const LogAppend record{"record " + std::to_string(i), {{SegmentId(5), 4, 1000}}};
    TRY(storage->log().Append(kShard, std::span(&record, 1)));
    if (i == 1) return OkStatus();
    TRY(storage->catalog().Write({{CatalogKind::kDatabase, "default", "a database"}}));
    bool given = false;
    TRY(storage->rows().Ingest(SegmentId(5), [&](RowChunk* chunk) -> Result<bool> {
      if (given) return false;
      given = true;
      *chunk = {0, "rows"};
      return true;
    }));
    ManifestEdit edit;
    edit.shard = kShard;
    edit.put.resize(1);
    edit.put[0].segment = SegmentId(5);
    edit.put[0].shard = kShard;
    edit.put[0].vector_files[101] = {"7/5/101.vec", 1, 2};
    edit.put[0].index_files[101] = {12, {"7/5/101.12.idx", 3, 4}};
    edit.checkpoint = Checkpoint{1};
    TRY(storage->manifests().Commit(edit));
    TRY(storage->log().Trim(kShard, 1));
  }
  return OkStatus();
}

TEST(Golden, DataDirectoryOfFormat1) {
  TestDirectory directory;
  const std::string golden = kGolden + "directory-1";
  if (Writing()) {
    ASSERT_TRUE(WriteDirectory(directory.options()).ok());
    for (const char* name : {"/reserve", "/LOCK", "/db/LOG", "/db/LOCK"}) fs::remove(directory.path() + name);
    for (const auto& entry : fs::directory_iterator(directory.path() + "/db")) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("LOG.old") || name.starts_with("OPTIONS")) fs::remove(entry.path());  // they hold this machine's paths
    }
    fs::remove_all(golden);
    fs::copy(directory.path(), golden, fs::copy_options::recursive);
    fs::remove_all(directory.path());
  }
  fs::copy(golden, directory.path(), fs::copy_options::recursive);
  auto storage = directory.Open();
  ASSERT_NE(storage, nullptr);
  EXPECT_EQ(*storage->catalog().Read(CatalogKind::kDatabase, "default"), "a database");
  EXPECT_EQ(*storage->log().LastSequence(kShard), 2u);
  std::string seen;
  EXPECT_TRUE(storage->log()
                  .Replay(kShard, 1,
                          [&](SequenceNumber, std::string_view payload) {
                            seen.append(payload);
                            return OkStatus();
                          })
                  .ok());
  EXPECT_TRUE(storage->log()
                  .ScanTombstones(kShard, SegmentId(5), [&](const Tombstone& dead) { seen += " " + std::to_string(dead.timestamp); })
                  .ok());
  EXPECT_TRUE(storage->rows()
                  .Scan(SegmentId(5),
                        [&](RowOffset, std::string_view payload) {
                          seen.append(" ").append(payload);
                          return OkStatus();
                        })
                  .ok());
  EXPECT_EQ(seen, "record 1 1000 rows");
  const auto manifests = storage->manifests().Load(kShard);
  ASSERT_TRUE(manifests.ok() && manifests->size() == 1);
  EXPECT_EQ(manifests->front().index_files.at(101).file.name, "7/5/101.12.idx");
  EXPECT_EQ(storage->manifests().LoadCheckpoint(kShard)->through, 1u);
}

}  // namespace
}  // namespace saker::storage
