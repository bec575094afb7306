#include <algorithm>
#include <bit>
#include <cstring>

#include "common/checksum.h"
#include "storage/segment/vector_file.h"

namespace saker::storage {

static_assert(std::endian::native == std::endian::little, "files are little-endian and used in place");
using namespace vector_format;

VectorFileWriter::VectorFileWriter(WritableFile& file, const VectorFileSpec& spec)
    : file_(file), spec_(spec), row_bytes_(VectorRowBytes(spec.element, spec.dim)) {
  if (spec_.element == VectorElement::kSparse) offsets_.push_back(0);
}

Status VectorFileWriter::Start() {
  if (started_) return OkStatus();
  const bool sparse = spec_.element == VectorElement::kSparse;
  if ((sparse && spec_.dim != 0) || (!sparse && row_bytes_ == 0) || spec_.dim > kMaxDim ||
      (spec_.element == VectorElement::kBinary && spec_.dim % 8 != 0)) {
    return InvalidArgument("a vector file of ", spec_.dim, " dimensions of element type ", int{static_cast<uint8_t>(spec_.element)});
  }
  if (file_.size_bytes() != 0)
    return FailedPrecondition("a vector file begins in a file of ", file_.size_bytes(), " bytes, not an empty one");
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kVersion;
  header.element = static_cast<uint8_t>(spec_.element);
  header.dim = spec_.dim;
  header.block_bytes = kBlockBytes;
  header.field_id = spec_.field.value;
  header.segment_id = spec_.segment.value;
  header.data_offset = kDataOffset;
  header.checksum = Checksum(std::as_bytes(std::span(&header, 1)).first(offsetof(Header, checksum)));
  header_checksum_ = header.checksum;
  started_ = true;
  TRY(Write(std::as_bytes(std::span(&header, 1))));
  return WritePadding(kDataOffset);
}

Status VectorFileWriter::Append(std::span<const std::byte> rows) {
  TRY(Start());
  if (row_bytes_ == 0 || rows.size() % row_bytes_ != 0) {
    return InvalidArgument(rows.size(), " bytes are no whole number of rows of ", row_bytes_, " bytes");
  }
  TRY(Write(rows));
  AddRows(rows.size() / row_bytes_, 1);
  return OkStatus();
}

Status VectorFileWriter::AppendSparse(std::span<const SparseEntry> row) {
  TRY(Start());
  if (spec_.element != VectorElement::kSparse) return InvalidArgument("a sparse row in a file of dense ones");
  for (size_t i = 1; i < row.size(); ++i) {
    if (row[i].index <= row[i - 1].index) return InvalidArgument("a sparse row has index ", row[i].index, " after ", row[i - 1].index);
  }
  TRY(Write(std::as_bytes(row)));
  offsets_.push_back(offsets_.back() + row.size());
  AddRows(1, 1);
  return OkStatus();
}

Status VectorFileWriter::AppendNull() {
  TRY(Start());
  if (spec_.element == VectorElement::kSparse) {
    offsets_.push_back(offsets_.back());
  } else {
    TRY(Write(std::vector<std::byte>(row_bytes_)));
  }
  if (validity_.empty()) validity_.assign(row_count_, 1);
  ++null_count_;
  AddRows(1, 0);
  return OkStatus();
}

void VectorFileWriter::AddRows(uint64_t count, uint8_t valid) {
  row_count_ += count;
  if (null_count_ > 0) validity_.insert(validity_.end(), count, valid);
}

Result<VectorFileSummary> VectorFileWriter::Finish() {
  TRY(Start());
  if (row_count_ >= kMaxRows) return InvalidArgument("a vector file of ", row_count_, " rows, fewer than ", kMaxRows, " are allowed");
  Footer footer{};
  footer.row_count = row_count_;
  footer.null_count = null_count_;
  footer.data_bytes = offset_ - kDataOffset;
  TRY(WritePadding(8));
  footer.offsets_bytes = offsets_.size() * sizeof(uint64_t);
  TRY(Write(std::as_bytes(std::span(offsets_))));
  footer.validity_bytes = validity_.size();
  TRY(Write(std::as_bytes(std::span(validity_))));
  TRY(WritePadding(8));
  footer.table_offset = offset_;
  TRY(Flush());
  const auto table = std::as_bytes(std::span(checksums_));
  footer.table_bytes = table.size();
  footer.table_checksum = Checksum(table);
  std::memcpy(footer.end_magic, kEndMagic, sizeof kEndMagic);
  footer.checksum = Checksum(std::as_bytes(std::span(&footer, 1)).first(offsetof(Footer, checksum)), header_checksum_);
  TRY(file_.Append(table));
  TRY(file_.Append(std::as_bytes(std::span(&footer, 1))));
  return VectorFileSummary{row_count_, footer.table_offset + footer.table_bytes + sizeof footer, footer.checksum};
}

Status VectorFileWriter::Write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const size_t take = std::min<size_t>(bytes.size(), kBlockBytes - block_.size());
    block_.insert(block_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(take));
    offset_ += take;
    bytes = bytes.subspan(take);
    if (block_.size() == kBlockBytes) TRY(Flush());
  }
  return OkStatus();
}

Status VectorFileWriter::WritePadding(uint64_t alignment) {
  const uint64_t padding = (alignment - offset_ % alignment) % alignment;
  return Write(std::vector<std::byte>(padding));
}

Status VectorFileWriter::Flush() {
  if (block_.empty()) return OkStatus();
  checksums_.push_back(Checksum(block_));
  TRY(file_.Append(block_));
  block_.clear();
  return OkStatus();
}

}  // namespace saker::storage
