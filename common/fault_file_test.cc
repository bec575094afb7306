#include "common/fault_file.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace saker {
namespace {

class FaultFile : public ::testing::Test {
 protected:
  FaultFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "saker-fault-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) directory_ = pattern;
  }
  ~FaultFile() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  static Status Append(WritableFile& file, std::string_view text) { return file.Append(std::as_bytes(std::span(text))); }
  std::string Path(const char* name) const { return directory_ + "/" + name; }

  std::string directory_;
  FaultFileSystem files_{FileSystem::Posix(), 1};
};

TEST_F(FaultFile, ForgetsUnsyncedBytesAtAPowerCut) {
  auto file = *files_.Create(Path("a"));
  ASSERT_TRUE(Append(*file, "kept").ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(files_.SyncDirectory(directory_).ok());
  ASSERT_TRUE(Append(*file, "perhaps").ok());
  ASSERT_TRUE(files_.PowerCut().ok());
  const std::string left = *files_.ReadAll(Path("a"), 100);
  EXPECT_EQ(left.substr(0, 4), "kept");
  EXPECT_LE(left.size(), 11u);
  EXPECT_EQ(Append(*file, "x").code(), StatusCode::kUnavailable);
}

TEST_F(FaultFile, ForgetsAFileWhoseDirectoryWasNotSynced) {
  auto file = *files_.Create(Path("a"));
  ASSERT_TRUE(Append(*file, "x").ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(files_.PowerCut().ok());
  EXPECT_FALSE(files_.Exists(Path("a")));
}

TEST_F(FaultFile, LeavesTheOldOrTheNewFileWhenAnyCallOfAnAtomicWriteFails) {
  ASSERT_TRUE(WriteFileAtomically(files_, Path("a"), "old").ok());
  const int before = files_.calls();
  ASSERT_TRUE(WriteFileAtomically(files_, Path("a"), "old").ok());
  const int calls = files_.calls() - before;
  ASSERT_GT(calls, 2);
  for (int n = 1; n <= calls; ++n) {
    files_.FailCall(n);
    EXPECT_EQ(WriteFileAtomically(files_, Path("a"), "new").code(), StatusCode::kUnavailable) << n;
    ASSERT_TRUE(files_.PowerCut().ok());
    EXPECT_EQ(*files_.ReadAll(Path("a"), 100), "old") << n;
  }
  files_.FailAppendShort(1);
  EXPECT_EQ(WriteFileAtomically(files_, Path("a"), "new").code(), StatusCode::kUnavailable);
  ASSERT_TRUE(files_.PowerCut().ok());
  EXPECT_EQ(*files_.ReadAll(Path("a"), 100), "old");
  ASSERT_TRUE(WriteFileAtomically(files_, Path("a"), "new").ok());
  ASSERT_TRUE(files_.PowerCut().ok());
  EXPECT_EQ(*files_.ReadAll(Path("a"), 100), "new");
}

TEST_F(FaultFile, FailsASyncForGood) {
  auto file = *files_.Create(Path("a"));
  ASSERT_TRUE(Append(*file, "x").ok());
  files_.FailCall(1);
  EXPECT_FALSE(file->Sync().ok());
  EXPECT_FALSE(file->Sync().ok());
}

}  // namespace
}  // namespace saker
