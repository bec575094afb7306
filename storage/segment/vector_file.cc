#include "storage/segment/vector_file.h"

#include <algorithm>
#include <cstring>

#include "common/checksum.h"

namespace saker::storage {

using namespace vector_format;

Result<std::shared_ptr<const VectorFile>> VectorFile::Open(const std::string& path, FileSystem& files, const Expected& expected,
                                                           Access access) {
  return Parse(path, TRY(access == Access::kMemory ? files.Load(path) : files.Map(path)), expected);
}

Result<std::shared_ptr<const VectorFile>> VectorFile::Parse(const std::string& name, std::shared_ptr<const MappedFile> bytes,
                                                            const Expected& expected) {
  std::shared_ptr<VectorFile> file(new VectorFile());
  file->file_ = std::move(bytes);
  TRY(file->CheckHeader(name, expected));
  return std::shared_ptr<const VectorFile>(std::move(file));
}

Status VectorFile::CheckHeader(const std::string& name, const Expected& expected) {
  const auto bytes = file_->bytes();
  if (expected.size_bytes.has_value() && *expected.size_bytes != bytes.size()) {
    return Corruption(name, " has ", bytes.size(), " bytes, its manifest says ", *expected.size_bytes);
  }
  if (bytes.size() < kDataOffset + sizeof(Footer)) {
    return Corruption(name, " has ", bytes.size(), " bytes, the smallest vector file has ", kDataOffset + sizeof(Footer));
  }
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0) return Corruption(name, ": no vector file: wrong magic at offset 0");
  const uint64_t checksum = Checksum(bytes.first(offsetof(Header, checksum)));
  if (header.checksum != checksum) return Corruption(name, ": header checksum ", checksum, " at offset 0, it says ", header.checksum);
  if (header.version != kVersion) return Corruption(name, " has format ", header.version, ", this build reads ", kVersion);
  if (header.block_bytes != kBlockBytes || header.data_offset != kDataOffset) {
    return Corruption(name, ": blocks of ", header.block_bytes, " bytes from offset ", header.data_offset, ", expected ", kBlockBytes,
                      " from ", kDataOffset);
  }
  spec_ = {static_cast<VectorElement>(header.element), header.dim, FieldId(header.field_id), SegmentId(header.segment_id)};
  const VectorFileSpec& wanted = expected.spec;
  if (spec_.element != wanted.element || spec_.dim != wanted.dim || spec_.field != wanted.field || spec_.segment != wanted.segment) {
    return Corruption(name, " holds field ", spec_.field, " of segment ", spec_.segment, " (type ", int{header.element}, ", ", spec_.dim,
                      " dimensions), expected field ", wanted.field, " of segment ", wanted.segment, " (type ",
                      int{static_cast<uint8_t>(wanted.element)}, ", ", wanted.dim, ")");
  }
  row_bytes_ = VectorRowBytes(spec_.element, spec_.dim);
  if (spec_.dim > kMaxDim || (row_bytes_ == 0) != (spec_.element == VectorElement::kSparse)) {
    return Corruption(name, ": ", spec_.dim, " dimensions of type ", int{header.element});
  }
  return CheckFooter(name, expected, header.checksum);
}

Status VectorFile::CheckFooter(const std::string& name, const Expected& expected, uint64_t header_checksum) {
  const auto bytes = file_->bytes();
  const uint64_t footer_offset = bytes.size() - sizeof(Footer);
  Footer footer;
  std::memcpy(&footer, bytes.data() + footer_offset, sizeof footer);
  const uint64_t checksum = Checksum(bytes.subspan(footer_offset, offsetof(Footer, checksum)), header_checksum);
  if (std::memcmp(footer.end_magic, kEndMagic, sizeof kEndMagic) != 0 || footer.checksum != checksum) {
    return Corruption(name, ": footer checksum ", checksum, " at offset ", footer_offset, ", it says ", footer.checksum);
  }
  if (expected.checksum.has_value() && *expected.checksum != checksum) {
    return Corruption(name, " has checksum ", checksum, ", its manifest says ", *expected.checksum);
  }
  if (expected.row_count.has_value() && *expected.row_count != footer.row_count) {
    return Corruption(name, " has ", footer.row_count, " rows, its manifest says ", *expected.row_count);
  }
  const bool sparse = spec_.element == VectorElement::kSparse;
  // Limits first, so that no sum below can overflow.
  if (footer.row_count >= kMaxRows || footer.data_bytes > bytes.size() || footer.table_bytes > bytes.size() ||
      footer.table_offset > bytes.size() || footer.null_count > footer.row_count) {
    return Corruption(name, ": the footer at offset ", footer_offset, " says ", footer.row_count, " rows and ", footer.data_bytes,
                      " bytes of data");
  }
  const uint64_t data_bytes = sparse ? footer.data_bytes / sizeof(SparseEntry) * sizeof(SparseEntry) : footer.row_count * row_bytes_;
  const uint64_t offsets_bytes = sparse ? (footer.row_count + 1) * sizeof(uint64_t) : 0;
  const uint64_t validity_bytes = footer.null_count > 0 ? footer.row_count : 0;
  const uint64_t offsets_at = kDataOffset + PadTo8(footer.data_bytes);
  const uint64_t validity_at = offsets_at + offsets_bytes;
  const uint64_t table_at = PadTo8(validity_at + validity_bytes);
  const uint64_t table_bytes = (table_at + kBlockBytes - 1) / kBlockBytes * sizeof(uint64_t);
  if (footer.data_bytes != data_bytes || footer.offsets_bytes != offsets_bytes || footer.validity_bytes != validity_bytes ||
      footer.table_offset != table_at || footer.table_bytes != table_bytes || table_at + table_bytes != footer_offset) {
    return Corruption(name, ": sections of ", footer.data_bytes, ", ", footer.offsets_bytes, ", ", footer.validity_bytes, " and ",
                      footer.table_bytes, " bytes for ", footer.row_count, " rows, expected ", data_bytes, ", ", offsets_bytes, ", ",
                      validity_bytes, " and ", table_bytes, " before offset ", footer_offset);
  }
  if (Checksum(bytes.subspan(table_at, table_bytes)) != footer.table_checksum) {
    return Corruption(name, ": the checksum table at offset ", table_at, " is damaged");
  }
  TRY(CheckBlocks(name, table_at));
  row_count_ = footer.row_count;
  null_count_ = footer.null_count;
  const std::byte* base = bytes.data();
  data_ = bytes.subspan(kDataOffset, data_bytes);
  if (sparse) {
    pairs_ = {reinterpret_cast<const SparseEntry*>(base + kDataOffset), data_bytes / sizeof(SparseEntry)};
    offsets_ = {reinterpret_cast<const uint64_t*>(base + offsets_at), footer.row_count + 1};
  }
  validity_ = {reinterpret_cast<const uint8_t*>(base + validity_at), validity_bytes};
  return CheckContents(name);
}

Status VectorFile::CheckBlocks(const std::string& name, uint64_t table_offset) const {
  const auto bytes = file_->bytes();
  uint64_t block = 0;
  for (uint64_t offset = 0; offset < table_offset; offset += kBlockBytes, ++block) {
    uint64_t expected;
    std::memcpy(&expected, bytes.data() + table_offset + block * sizeof expected, sizeof expected);
    const uint64_t actual = Checksum(bytes.subspan(offset, std::min(kBlockBytes, table_offset - offset)));
    if (actual != expected)
      return Corruption(name, ": checksum ", actual, " of the block at offset ", offset, ", the table says ", expected);
  }
  return OkStatus();
}

// What the rest of the server relies on even though the checksums fit: a wrong writer is as bad as a wrong disk.
Status VectorFile::CheckContents(const std::string& name) const {
  uint64_t nulls = 0;
  for (const uint8_t valid : validity_) {
    if (valid > 1) return Corruption(name, ": a validity byte of ", int{valid});
    nulls += 1 - valid;
  }
  if (nulls != null_count_) return Corruption(name, ": ", nulls, " null rows, the footer says ", null_count_);
  if (spec_.element != VectorElement::kSparse) return OkStatus();
  if (offsets_.front() != 0 || offsets_.back() != pairs_.size()) {
    return Corruption(name, ": offsets from ", offsets_.front(), " to ", offsets_.back(), " over ", pairs_.size(), " pairs");
  }
  for (uint64_t row = 0; row < row_count_; ++row) {
    if (offsets_[row + 1] < offsets_[row] || offsets_[row + 1] > pairs_.size()) {
      return Corruption(name, ": row ", row, " goes from pair ", offsets_[row], " to ", offsets_[row + 1], " of ", pairs_.size());
    }
    for (uint64_t i = offsets_[row] + 1; i < offsets_[row + 1]; ++i) {
      if (pairs_[i].index <= pairs_[i - 1].index)
        return Corruption(name, ": row ", row, " has index ", pairs_[i].index, " after ", pairs_[i - 1].index);
    }
  }
  return OkStatus();
}

}  // namespace saker::storage
