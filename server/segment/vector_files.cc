// The bridge between an index's vectors and storage's vector files; neither side knows the other.
#include <algorithm>
#include <optional>
#include <utility>

#include "server/segment/segment_files.h"
#include "storage/segment/vector_file.h"

namespace saker::segment {

namespace {

using storage::VectorElement;

VectorElement ElementOf(DataType type) {
  switch (VectorTypeOf(type)) {
    case index::VectorType::kFloat32: return VectorElement::kFloat32;
    case index::VectorType::kFloat16: return VectorElement::kFloat16;
    case index::VectorType::kBFloat16: return VectorElement::kBFloat16;
    case index::VectorType::kInt8: return VectorElement::kInt8;
    case index::VectorType::kBinary: return VectorElement::kBinary;
    case index::VectorType::kSparse: return VectorElement::kSparse;
  }
  return VectorElement::kFloat32;
}

index::VectorType TypeOf(VectorElement element) {
  switch (element) {
    case VectorElement::kFloat32: return index::VectorType::kFloat32;
    case VectorElement::kFloat16: return index::VectorType::kFloat16;
    case VectorElement::kBFloat16: return index::VectorType::kBFloat16;
    case VectorElement::kInt8: return index::VectorType::kInt8;
    case VectorElement::kBinary: return index::VectorType::kBinary;
    case VectorElement::kSparse: return index::VectorType::kSparse;
  }
  return index::VectorType::kFloat32;
}

class FileSource : public index::VectorSource {
 public:
  explicit FileSource(std::shared_ptr<const storage::VectorFile> file) : file_(std::move(file)), type_(TypeOf(file_->spec().element)) {
    if (file_->validity().empty()) return;
    valid_.emplace(file_->row_count());
    for (size_t row = 0; row < file_->row_count(); ++row) {
      if (file_->validity()[row] != 0) valid_->Set(row);
    }
  }

  index::VectorType type() const override { return type_; }
  size_t dim() const override { return file_->spec().dim; }
  size_t row_count() const override { return file_->row_count(); }
  const void* Row(size_t row) const override { return file_->row(row); }
  SparseRowView SparseRow(size_t row) const override {
    const std::span<const storage::SparseEntry> entries = file_->sparse_row(row);
    return {entries.data(), entries.size()};
  }
  const void* Contiguous() const override { return type_ == index::VectorType::kSparse ? nullptr : file_->rows().data(); }
  const index::Bitset* valid() const override { return valid_ ? &*valid_ : nullptr; }

 private:
  const std::shared_ptr<const storage::VectorFile> file_;
  const index::VectorType type_;
  std::optional<index::Bitset> valid_;
};

Status AppendRow(const index::VectorSource& source, size_t row, size_t row_bytes, storage::VectorFileWriter* writer) {
  if (source.valid() != nullptr && !source.valid()->Test(row)) return writer->AppendNull();
  if (source.type() != index::VectorType::kSparse) return writer->Append({static_cast<const std::byte*>(source.Row(row)), row_bytes});
  const index::VectorSource::SparseRowView view = source.SparseRow(row);
  return writer->AppendSparse({static_cast<const storage::SparseEntry*>(view.pairs), view.count});
}

Status AppendRun(const RowRun& run, int64_t field_id, size_t row_bytes, storage::VectorFileWriter* writer) {
  const auto found = run.piece->vectors.find(field_id);
  if (found == run.piece->vectors.end()) {
    for (size_t i = 0; i < run.count; ++i) TRY(writer->AppendNull());
    return OkStatus();
  }
  const index::VectorSource& source = *found->second;
  if (source.Contiguous() != nullptr && source.valid() == nullptr) {
    return writer->Append({static_cast<const std::byte*>(source.Row(run.first)), run.count * row_bytes});
  }
  for (size_t row = run.first; row < run.first + run.count; ++row) TRY(AppendRow(source, row, row_bytes, writer));
  return OkStatus();
}

}  // namespace

Result<storage::FileRef> SegmentBuilder::WriteVectorFile(const FieldSchema& field) {
  const std::string name = SegmentPrefix(manifest_.shard, manifest_.segment) + "vector_" + std::to_string(field.id);
  std::unique_ptr<storage::BlobWriter> blob = TRY(storage_.blobs().Create(name));
  storage::VectorFileSpec spec;
  spec.element = ElementOf(field.type);
  spec.dim = field.type == DataType::kSparseFloatVector ? 0 : static_cast<uint32_t>(field.dim);
  spec.field = FieldId(field.id);
  spec.segment = manifest_.segment;
  storage::VectorFileWriter writer(blob->file(), spec);
  const size_t row_bytes = FixedWidth(field.type, field.dim);
  for (const RowRun& run : runs_) TRY(AppendRun(run, field.id, row_bytes, &writer));
  const storage::VectorFileSummary summary = TRY(writer.Finish());
  if (summary.row_count != manifest_.row_count) {
    return Internal("vector file ", name, " took ", summary.row_count, " rows of ", manifest_.row_count);
  }
  TRY(blob->Finish());
  return storage::FileRef{name, summary.size_bytes, summary.checksum};
}

Result<std::shared_ptr<const index::VectorSource>> OpenVectors(storage::BlobStore& blobs, const FieldSchema& field, SegmentId segment,
                                                               const storage::FileRef& file, uint64_t row_count, VectorAccess access) {
  storage::VectorFile::Expected expected;
  expected.spec.element = ElementOf(field.type);
  expected.spec.dim = field.type == DataType::kSparseFloatVector ? 0 : static_cast<uint32_t>(field.dim);
  expected.spec.field = FieldId(field.id);
  expected.spec.segment = segment;
  expected.row_count = row_count;
  expected.size_bytes = file.size_bytes;
  expected.checksum = file.checksum;
  const std::string path = TRY(blobs.LocalPath(file.name));
  return std::make_shared<const FileSource>(TRY(storage::VectorFile::Open(path, blobs.files(), expected, access)));
}

}  // namespace saker::segment
