#include "storage/rocks/codec.h"

#include <gtest/gtest.h>

#include "storage/rocks/manifest_codec.h"
#include "storage/rocks/witness.h"
#include "storage/test_directory.h"

namespace saker::storage::rocks {
namespace {

constexpr ShardId kShard{CollectionId(7), 1};

TEST(Codec, OrdersKeysAsNumbers) {
  EXPECT_LT(LogKey(kShard, 255), LogKey(kShard, 256));
  EXPECT_LT(LogKey(kShard, ~SequenceNumber{0}), LogKey({CollectionId(7), 2}, 0));
  EXPECT_LT(LogKey(kShard, ~SequenceNumber{0}), AfterPrefix(ShardPrefix(kShard)));
  EXPECT_EQ(AfterPrefix(std::string("a\xff\xff")), "b");
  EXPECT_EQ(AfterPrefix(std::string("\xff")), "");
}

TEST(Codec, NoticesEveryFlippedBitOfAFrameAndAnotherKey) {
  const std::string frame = Frame("key", "the payload");
  EXPECT_EQ(*Unframe("test", "key", frame), "the payload");
  EXPECT_EQ(Unframe("test", "kez", frame).status().code(), StatusCode::kDataLoss);
  for (size_t bit = 0; bit < frame.size() * 8; ++bit) {
    std::string flipped = frame;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << (bit % 8));
    EXPECT_EQ(Unframe("test", "key", flipped).status().code(), StatusCode::kDataLoss) << bit;
  }
  for (size_t size = 0; size < frame.size(); ++size) EXPECT_FALSE(Unframe("test", "key", frame.substr(0, size)).ok());
}

TEST(Codec, NoticesADamagedTombstone) {
  const std::string key = TombstoneKey(kShard, {SegmentId(9), 4, 0});
  const std::string value = EncodeTombstoneValue(key, 77);
  const Tombstone dead = *DecodeTombstone(key, value);
  EXPECT_EQ(dead.segment, SegmentId(9));
  EXPECT_EQ(dead.row, 4u);
  EXPECT_EQ(dead.timestamp, 77u);
  for (size_t bit = 0; bit < value.size() * 8; ++bit) {
    std::string flipped = value;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << (bit % 8));
    EXPECT_FALSE(DecodeTombstone(key, flipped).ok()) << bit;
  }
  EXPECT_FALSE(DecodeTombstone(key.substr(1), value).ok());
}

TEST(ManifestCodec, GivesBackWhatItTookAndRefusesEveryCut) {
  SegmentManifest manifest;
  manifest.segment = SegmentId(5);
  manifest.shard = kShard;
  manifest.vector_files[101] = {"7/5/101.vec", 4096, 0xdeadbeefcafe};
  manifest.vector_files[102] = {"7/5/102.vec", 1, 2};
  manifest.index_files[101] = {12, {"7/5/101.12.idx", 99, 1}};
  for (const uint8_t version : {1, 2}) {
    if (version == 2) {
      manifest.scalar_index_files[13] = {102, {"7/5/102.13.sci", 77, 2}};
      manifest.scalar_index_files[14] = {102, {"7/5/102.14.sci", 78, 3}};
    }
    const std::string bytes = *EncodeSegmentManifest(manifest);
    EXPECT_EQ(bytes[0], version) << "servers without scalar indexes read what has none";
    EXPECT_EQ(*DecodeSegmentManifest(bytes), manifest);
    for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(DecodeSegmentManifest(bytes.substr(0, size)).ok()) << size;
    EXPECT_FALSE(DecodeSegmentManifest(bytes + "x").ok());
  }
  manifest.vector_files[103].name.clear();
  EXPECT_EQ(EncodeSegmentManifest(manifest).status().code(), StatusCode::kInvalidArgument);
}

TEST(Witness, RemembersTheNewestOfItsTwoSlots) {
  TestDirectory directory;
  const std::string path = directory.path() + ".witness";
  {
    Witness witness = std::move(Witness::Open(path)).value();
    EXPECT_FALSE(witness.reach().has_value());
    for (const uint64_t change : {10, 20, 30}) ASSERT_TRUE(witness.Record({change, 4, change + 1}).ok());
  }
  EXPECT_EQ(Witness::Open(path)->reach(), (Reach{30, 4, 31}));
  std::string bytes = *FileSystem::Posix().ReadAll(path, 1 << 16);
  bytes[4096 + 20] = static_cast<char>(bytes[4096 + 20] ^ 1);  // the third stands in the second slot
  ASSERT_TRUE(WriteFileAtomically(FileSystem::Posix(), path, bytes).ok());
  EXPECT_EQ(Witness::Open(path)->reach(), (Reach{20, 4, 21}));
  bytes[0] = 'x';
  ASSERT_TRUE(WriteFileAtomically(FileSystem::Posix(), path, bytes).ok());
  EXPECT_FALSE(Witness::Open(path)->reach().has_value());
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace saker::storage::rocks
