#include "storage/blob/local_blob_store.h"

#include <gtest/gtest.h>

#include "storage/test_directory.h"

namespace saker::storage {
namespace {

Status Put(BlobStore& blobs, const std::string& name, std::string_view contents) {
  auto writer = TRY(blobs.Create(name));
  TRY(writer->file().Append(std::as_bytes(std::span(contents))));
  return writer->Finish();
}

TEST(LocalBlobStore, PublishesAFileWholeOrNotAtAll) {
  TestDirectory directory;
  auto storage = directory.Open();
  BlobStore& blobs = storage->blobs();
  ASSERT_TRUE(Put(blobs, "7/1/101.vec", "bytes").ok());
  {
    auto dropped = *blobs.Create("7/1/102.vec");
    ASSERT_TRUE(dropped->file().Append(std::as_bytes(std::span(std::string_view("half")))).ok());
    EXPECT_EQ(blobs.LocalPath("7/1/102.vec").status().code(), StatusCode::kNotFound);
    EXPECT_EQ(blobs.List("")->size(), 1u);
  }
  EXPECT_EQ(*blobs.List("7/"), std::vector<std::string>{"7/1/101.vec"});
  EXPECT_TRUE(blobs.List("8")->empty());
  EXPECT_EQ(*blobs.files().ReadAll(*blobs.LocalPath("7/1/101.vec"), 100), "bytes");
  ASSERT_TRUE(blobs.Remove("7/1/101.vec").ok());
  ASSERT_TRUE(blobs.Remove("7/1/101.vec").ok());
  EXPECT_TRUE(blobs.List("")->empty());
}

TEST(LocalBlobStore, RemovesUnfinishedFilesAtStart) {
  TestDirectory directory;
  directory.Open().reset();
  ASSERT_TRUE(WriteFileAtomically(FileSystem::Posix(), directory.path() + "/segments/left.vec.new", "half").ok());
  auto storage = directory.Open();
  EXPECT_FALSE(FileSystem::Posix().Exists(directory.path() + "/segments/left.vec.new"));
}

TEST(LocalBlobStore, RefusesNamesThatAreNotPlain) {
  for (const char* name : {"", "/", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "a/.b", "A", "a b", "a\\b", "a\nb", "x.new",
                           "a/b/c/d/e/f/g/h/i", "\xc3\xa9"}) {
    EXPECT_EQ(CheckBlobName(name).code(), StatusCode::kInvalidArgument) << name;
  }
  EXPECT_EQ(CheckBlobName(std::string(513, 'a')).code(), StatusCode::kInvalidArgument);
  for (const char* name : {"a", "7/12/101.vec", "a_b-c.d/e"}) EXPECT_TRUE(CheckBlobName(name).ok()) << name;
}

}  // namespace
}  // namespace saker::storage
