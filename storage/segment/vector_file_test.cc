#include "storage/segment/vector_file.h"

#include <cstring>
#include <random>

#include <gtest/gtest.h>

#include "common/checksum.h"

namespace saker::storage {
namespace {

class MemoryFile final : public WritableFile {
 public:
  Status Append(std::span<const std::byte> bytes) override {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return OkStatus();
  }
  Status Sync() override { return OkStatus(); }
  uint64_t size_bytes() const override { return bytes_.size(); }
  std::vector<std::byte> bytes_;
};

// Page-aligned, as a mapping is.
class MemoryMapping final : public MappedFile {
 public:
  explicit MemoryMapping(std::span<const std::byte> bytes)
      : size_(bytes.size()), data_(static_cast<std::byte*>(std::aligned_alloc(4096, (bytes.size() + 4096) / 4096 * 4096))) {
    if (size_ > 0) std::memcpy(data_, bytes.data(), size_);
  }
  ~MemoryMapping() override { std::free(data_); }
  std::span<const std::byte> bytes() const override { return {data_, size_}; }

 private:
  const size_t size_;
  std::byte* const data_;
};

constexpr VectorFileSpec kDense{VectorElement::kFloat32, 3, FieldId(101), SegmentId(9)};
constexpr VectorFileSpec kSparse{VectorElement::kSparse, 0, FieldId(102), SegmentId(9)};

Result<std::shared_ptr<const VectorFile>> Parse(const std::vector<std::byte>& bytes, const VectorFile::Expected& expected) {
  return VectorFile::Parse("test.vec", std::make_shared<MemoryMapping>(bytes), expected);
}

TEST(VectorFile, GivesDenseRowsBackInPlace) {
  MemoryFile file;
  VectorFileWriter writer(file, kDense);
  const std::vector<float> rows = {1, 2, 3, 4, 5, 6};
  ASSERT_TRUE(writer.Append(std::as_bytes(std::span(rows))).ok());
  const VectorFileSummary summary = *writer.Finish();
  EXPECT_EQ(summary.size_bytes, file.bytes_.size());
  const auto read = Parse(file.bytes_, {kDense, 2, summary.size_bytes, summary.checksum});
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ((*read)->row_count(), 2u);
  EXPECT_TRUE((*read)->validity().empty());
  EXPECT_EQ(reinterpret_cast<uintptr_t>((*read)->rows().data()) % 4096, 0u);
  EXPECT_EQ(std::memcmp((*read)->row(1), &rows[3], 12), 0);
}

TEST(VectorFile, MarksNullRowsAndKeepsTheirPlace) {
  MemoryFile file;
  VectorFileWriter writer(file, kDense);
  const std::vector<float> row = {1, 2, 3}, zero = {0, 0, 0};
  ASSERT_TRUE(writer.Append(std::as_bytes(std::span(row))).ok());
  ASSERT_TRUE(writer.AppendNull().ok());
  ASSERT_TRUE(writer.Append(std::as_bytes(std::span(row))).ok());
  ASSERT_TRUE(writer.Finish().ok());
  const auto read = *Parse(file.bytes_, {kDense, 3, {}, {}});
  EXPECT_EQ(std::vector<uint8_t>(read->validity().begin(), read->validity().end()), (std::vector<uint8_t>{1, 0, 1}));
  EXPECT_EQ(std::memcmp(read->row(1), zero.data(), 12), 0);
  EXPECT_EQ(std::memcmp(read->row(2), row.data(), 12), 0);
}

TEST(VectorFile, GivesSparseRowsBack) {
  MemoryFile file;
  VectorFileWriter writer(file, kSparse);
  const std::vector<SparseEntry> a = {{1, .5f}, {70000, -1}}, unsorted = {{3, 1}, {3, 2}};
  ASSERT_TRUE(writer.AppendSparse(a).ok());
  ASSERT_TRUE(writer.AppendSparse({}).ok());
  ASSERT_TRUE(writer.AppendNull().ok());
  ASSERT_TRUE(writer.AppendSparse(std::span(a).first(1)).ok());
  EXPECT_EQ(writer.AppendSparse(unsorted).code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(writer.Finish().ok());
  const auto read = *Parse(file.bytes_, {kSparse, 4, {}, {}});
  EXPECT_EQ(std::vector<SparseEntry>(read->sparse_row(0).begin(), read->sparse_row(0).end()), a);
  EXPECT_TRUE(read->sparse_row(1).empty());
  EXPECT_EQ(read->validity()[2], 0);
  EXPECT_EQ(read->sparse_row(3).size(), 1u);
}

TEST(VectorFile, MayBeEmpty) {
  for (const VectorFileSpec& spec : {kDense, kSparse}) {
    MemoryFile file;
    VectorFileWriter writer(file, spec);
    ASSERT_TRUE(writer.Finish().ok());
    const auto read = Parse(file.bytes_, {spec, 0, {}, {}});
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ((*read)->row_count(), 0u);
  }
}

TEST(VectorFile, RefusesASpecThatCannotBe) {
  const std::vector<std::byte> row(4);
  for (const VectorFileSpec& spec : {VectorFileSpec{VectorElement::kFloat32, 0, FieldId(1), SegmentId(1)},
                                     VectorFileSpec{VectorElement::kBinary, 12, FieldId(1), SegmentId(1)},
                                     VectorFileSpec{VectorElement::kSparse, 4, FieldId(1), SegmentId(1)}}) {
    MemoryFile file;
    EXPECT_EQ(VectorFileWriter(file, spec).Append(row).code(), StatusCode::kInvalidArgument);
  }
  MemoryFile file;
  EXPECT_EQ(VectorFileWriter(file, kDense).Append(row).code(), StatusCode::kInvalidArgument);
}

TEST(VectorFile, RefusesAFileThatIsNotTheOneExpected) {
  MemoryFile file;
  VectorFileWriter writer(file, kDense);
  ASSERT_TRUE(writer.AppendNull().ok());
  const VectorFileSummary summary = *writer.Finish();
  VectorFileSpec other = kDense;
  other.segment = SegmentId(10);
  EXPECT_EQ(Parse(file.bytes_, {other, {}, {}, {}}).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Parse(file.bytes_, {kDense, 2, {}, {}}).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Parse(file.bytes_, {kDense, {}, summary.size_bytes + 1, {}}).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Parse(file.bytes_, {kDense, {}, {}, summary.checksum + 1}).status().code(), StatusCode::kDataLoss);
}

// Every single flipped bit and every cut is noticed.
TEST(VectorFile, NoticesEveryFlippedByteAndEveryCut) {
  for (const bool sparse : {false, true}) {
    MemoryFile file;
    VectorFileWriter writer(file, sparse ? kSparse : kDense);
    std::mt19937_64 random(7);
    for (uint32_t i = 0; i < 7000; ++i) {
      const std::vector<float> row = {static_cast<float>(random()), 1, 2};
      const std::vector<SparseEntry> pairs = {{i, 1}, {i + 5, static_cast<float>(random())}};
      if (i % 10 == 0) {
        ASSERT_TRUE(writer.AppendNull().ok());
      } else {
        ASSERT_TRUE((sparse ? writer.AppendSparse(pairs) : writer.Append(std::as_bytes(std::span(row)))).ok());
      }
    }
    ASSERT_TRUE(writer.Finish().ok());
    const VectorFile::Expected expected{sparse ? kSparse : kDense, {}, {}, {}};
    ASSERT_TRUE(Parse(file.bytes_, expected).ok());
    for (size_t at = 0; at < file.bytes_.size(); at += at < 5000 || at + 500 > file.bytes_.size() ? 1 : 97) {
      std::vector<std::byte> flipped = file.bytes_;
      flipped[at] ^= static_cast<std::byte>(1 << (at % 8));
      ASSERT_EQ(Parse(flipped, expected).status().code(), StatusCode::kDataLoss) << "offset " << at;
    }
    for (size_t size = 0; size < file.bytes_.size(); size += 101) {
      const std::vector<std::byte> cut(file.bytes_.begin(), file.bytes_.begin() + static_cast<std::ptrdiff_t>(size));
      ASSERT_EQ(Parse(cut, expected).status().code(), StatusCode::kDataLoss) << "size " << size;
    }
  }
}

}  // namespace
}  // namespace saker::storage
