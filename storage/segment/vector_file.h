// The vectors of one field of a sealed segment: written once, searched in place: in memory or mapped.
//
// Dense rows stand one after another without padding from a 4 KiB boundary on, so that they are an array; sparse
// rows are pairs behind an offset table. A row without a vector is all zeros (or empty) and marked in the validity bytes.
// The reader checks every length and every checksum before it gives a pointer out. Layout: storage/FORMAT.md.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/file.h"
#include "common/ids.h"
#include "storage/segment/vector_format.h"

namespace saker::storage {

struct VectorFileSpec {
  VectorElement element = VectorElement::kFloat32;
  uint32_t dim = 0;  // 0 for kSparse
  FieldId field;
  SegmentId segment;
};

// What a manifest's FileRef says of the file.
struct VectorFileSummary {
  uint64_t row_count = 0;
  uint64_t size_bytes = 0;
  uint64_t checksum = 0;  // covers every byte: of the footer, which covers the table, which covers the rest
};

// Used by one thread. Without Finish the file is worthless.
class VectorFileWriter {
 public:
  VectorFileWriter(WritableFile& file, const VectorFileSpec& spec);

  // Dense: `rows` is any number of whole rows.
  Status Append(std::span<const std::byte> rows);
  // Sparse: one row, its indices ascending.
  Status AppendSparse(std::span<const SparseEntry> row);
  Status AppendNull();
  Result<VectorFileSummary> Finish();  // does not sync: that is the blob writer's

 private:
  Status Start();
  Status Write(std::span<const std::byte> bytes);
  Status WritePadding(uint64_t alignment);
  Status Flush();
  void AddRows(uint64_t count, uint8_t valid);

  WritableFile& file_;
  const VectorFileSpec spec_;
  const uint64_t row_bytes_;
  bool started_ = false;
  std::vector<std::byte> block_;  // the 64 KiB that are being filled
  uint64_t offset_ = 0;           // in the file, with what is in block_
  std::vector<uint64_t> checksums_;
  std::vector<uint64_t> offsets_;
  std::vector<uint8_t> validity_;  // empty as long as no row is null
  uint64_t row_count_ = 0;
  uint64_t null_count_ = 0;
  uint64_t header_checksum_ = 0;
};

// Immutable and thread-safe; rows stay where they are as long as the object lives.
class VectorFile {
 public:
  // kMemory: read whole, on 2 MiB pages; whoever opens it has reserved the bytes. kMapped: through the page cache, slower.
  enum class Access { kMapped, kMemory };
  // What the manifest and the schema say; the file must agree. Absent: not checked.
  struct Expected {
    VectorFileSpec spec;
    std::optional<uint64_t> row_count, size_bytes, checksum;
  };
  // DataLoss naming the file and the offset.
  static Result<std::shared_ptr<const VectorFile>> Open(const std::string& path, FileSystem& files, const Expected& expected,
                                                        Access access = Access::kMemory);
  // The same of bytes that are in memory already; `name` is for messages.
  static Result<std::shared_ptr<const VectorFile>> Parse(const std::string& name, std::shared_ptr<const MappedFile> bytes,
                                                         const Expected& expected);

  const VectorFileSpec& spec() const { return spec_; }
  uint64_t row_count() const { return row_count_; }
  uint64_t null_count() const { return null_count_; }
  // row_count() bytes of 0 or 1; empty when every row has a vector.
  std::span<const uint8_t> validity() const { return validity_; }
  // Dense: all rows, contiguous, aligned to 4096.
  std::span<const std::byte> rows() const { return data_; }
  const std::byte* row(uint64_t row) const { return data_.data() + row * row_bytes_; }
  // Sparse: the pairs of a row.
  std::span<const SparseEntry> sparse_row(uint64_t row) const { return pairs_.subspan(offsets_[row], offsets_[row + 1] - offsets_[row]); }
  uint64_t size_bytes() const { return file_->bytes().size(); }

 private:
  VectorFile() = default;
  Status CheckHeader(const std::string& name, const Expected& expected);
  Status CheckFooter(const std::string& name, const Expected& expected, uint64_t header_checksum);
  Status CheckBlocks(const std::string& name, uint64_t table_offset) const;
  Status CheckContents(const std::string& name) const;

  std::shared_ptr<const MappedFile> file_;
  VectorFileSpec spec_;
  uint64_t row_count_ = 0;
  uint64_t null_count_ = 0;
  uint64_t row_bytes_ = 0;
  std::span<const std::byte> data_;
  std::span<const SparseEntry> pairs_;
  std::span<const uint64_t> offsets_;
  std::span<const uint8_t> validity_;
};

}  // namespace saker::storage
