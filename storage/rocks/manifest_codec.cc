#include "storage/rocks/manifest_codec.h"

#include "storage/rocks/codec.h"

namespace saker::storage {

bool operator==(const SegmentManifest& a, const SegmentManifest& b) {
  const auto same_file = [](const FileRef& x, const FileRef& y) {
    return x.name == y.name && x.size_bytes == y.size_bytes && x.checksum == y.checksum;
  };
  if (a.segment != b.segment || a.shard != b.shard || a.partition != b.partition || a.row_count != b.row_count ||
      a.min_timestamp != b.min_timestamp || a.max_timestamp != b.max_timestamp || a.level != b.level ||
      a.schema_version != b.schema_version || a.vector_files.size() != b.vector_files.size() ||
      a.index_files.size() != b.index_files.size() || a.scalar_index_files.size() != b.scalar_index_files.size()) {
    return false;
  }
  for (const auto& [field, file] : a.vector_files) {
    const auto other = b.vector_files.find(field);
    if (other == b.vector_files.end() || !same_file(file, other->second)) return false;
  }
  for (const auto& [field, index] : a.index_files) {
    const auto other = b.index_files.find(field);
    if (other == b.index_files.end() || index.index_id != other->second.index_id || !same_file(index.file, other->second.file))
      return false;
  }
  for (const auto& [id, index] : a.scalar_index_files) {
    const auto other = b.scalar_index_files.find(id);
    if (other == b.scalar_index_files.end() || index.field_id != other->second.field_id || !same_file(index.file, other->second.file))
      return false;
  }
  return true;
}

namespace rocks {
namespace {

constexpr uint8_t kManifestVersion = 2;  // 1: no scalar indexes; still written where there are none, so that older servers read it
constexpr uint8_t kCheckpointVersion = 1;
constexpr uint32_t kMaxNameBytes = 1024;
constexpr uint32_t kMaxFiles = 4096;  // one per field, or per scalar index

// Reads big-endian numbers; after a read past the end everything is zero and ok() is false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  size_t left() const { return bytes_.size(); }
  uint8_t Byte() { return Has(1) ? static_cast<uint8_t>(Take(1)[0]) : 0; }
  uint32_t Number32() { return Has(4) ? GetBig32(Take(4)) : 0; }
  uint64_t Number64() { return Has(8) ? GetBig64(Take(8)) : 0; }
  std::string Text() {
    const uint32_t length = Number32();
    if (length > kMaxNameBytes || !Has(length)) {
      ok_ = false;
      return {};
    }
    return std::string(Take(length));
  }

 private:
  bool Has(size_t count) {
    ok_ = ok_ && bytes_.size() >= count;
    return ok_;
  }
  std::string_view Take(size_t count) {
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  std::string_view bytes_;
  bool ok_ = true;
};

void PutFile(std::string* out, const FileRef& file) {
  PutBig32(out, static_cast<uint32_t>(file.name.size()));
  out->append(file.name);
  PutBig64(out, file.size_bytes);
  PutBig64(out, file.checksum);
}

FileRef GetFile(ByteReader* in) {
  FileRef file;
  file.name = in->Text();
  file.size_bytes = in->Number64();
  file.checksum = in->Number64();
  return file;
}

Status CheckFile(SegmentId segment, const FileRef& file) {
  if (file.name.empty() || file.name.size() > kMaxNameBytes) {
    return InvalidArgument("segment ", segment, ": a file name of ", file.name.size(), " bytes, 1 to ", kMaxNameBytes, " are allowed");
  }
  return OkStatus();
}

}  // namespace

Result<std::string> EncodeSegmentManifest(const SegmentManifest& manifest) {
  if (manifest.vector_files.size() > kMaxFiles || manifest.index_files.size() > kMaxFiles ||
      manifest.scalar_index_files.size() > kMaxFiles) {
    return InvalidArgument("segment ", manifest.segment, ": ", manifest.vector_files.size(), " vector, ", manifest.index_files.size(),
                           " index and ", manifest.scalar_index_files.size(), " scalar index files, ", kMaxFiles, " of each are allowed");
  }
  std::string out(1, static_cast<char>(manifest.scalar_index_files.empty() ? 1 : kManifestVersion));
  PutBig64(&out, static_cast<uint64_t>(manifest.segment.value));
  PutBig64(&out, static_cast<uint64_t>(manifest.shard.collection.value));
  PutBig32(&out, static_cast<uint32_t>(manifest.shard.shard));
  PutBig64(&out, static_cast<uint64_t>(manifest.partition.value));
  PutBig64(&out, manifest.row_count);
  PutBig64(&out, manifest.min_timestamp);
  PutBig64(&out, manifest.max_timestamp);
  PutBig32(&out, static_cast<uint32_t>(manifest.level));
  PutBig32(&out, static_cast<uint32_t>(manifest.schema_version));
  PutBig32(&out, static_cast<uint32_t>(manifest.vector_files.size()));
  for (const auto& [field, file] : manifest.vector_files) {
    TRY(CheckFile(manifest.segment, file));
    PutBig64(&out, static_cast<uint64_t>(field));
    PutFile(&out, file);
  }
  PutBig32(&out, static_cast<uint32_t>(manifest.index_files.size()));
  for (const auto& [field, index] : manifest.index_files) {
    TRY(CheckFile(manifest.segment, index.file));
    PutBig64(&out, static_cast<uint64_t>(field));
    PutBig64(&out, static_cast<uint64_t>(index.index_id));
    PutFile(&out, index.file);
  }
  if (manifest.scalar_index_files.empty()) return out;
  PutBig32(&out, static_cast<uint32_t>(manifest.scalar_index_files.size()));
  for (const auto& [id, index] : manifest.scalar_index_files) {
    TRY(CheckFile(manifest.segment, index.file));
    PutBig64(&out, static_cast<uint64_t>(id));
    PutBig64(&out, static_cast<uint64_t>(index.field_id));
    PutFile(&out, index.file);
  }
  return out;
}

Result<SegmentManifest> DecodeSegmentManifest(std::string_view bytes) {
  ByteReader in(bytes);
  const uint8_t version = in.Byte();
  if (version < 1 || version > kManifestVersion)
    return Corruption("a segment manifest of format ", int{version}, ", this build reads 1 to ", int{kManifestVersion});
  SegmentManifest out;
  out.segment = SegmentId(static_cast<int64_t>(in.Number64()));
  out.shard.collection = CollectionId(static_cast<int64_t>(in.Number64()));
  out.shard.shard = static_cast<int32_t>(in.Number32());
  out.partition = PartitionId(static_cast<int64_t>(in.Number64()));
  out.row_count = in.Number64();
  out.min_timestamp = in.Number64();
  out.max_timestamp = in.Number64();
  out.level = static_cast<int32_t>(in.Number32());
  out.schema_version = static_cast<int32_t>(in.Number32());
  const uint32_t vector_files = in.Number32();
  if (vector_files > kMaxFiles)
    return Corruption("manifest of segment ", out.segment, ": ", vector_files, " vector files, at most ", kMaxFiles);
  for (uint32_t i = 0; i < vector_files && in.ok(); ++i) {
    const auto field = static_cast<int64_t>(in.Number64());
    out.vector_files[field] = GetFile(&in);
  }
  const uint32_t index_files = in.Number32();
  if (index_files > kMaxFiles)
    return Corruption("manifest of segment ", out.segment, ": ", index_files, " index files, at most ", kMaxFiles);
  for (uint32_t i = 0; i < index_files && in.ok(); ++i) {
    const auto field = static_cast<int64_t>(in.Number64());
    IndexRef index;
    index.index_id = static_cast<int64_t>(in.Number64());
    index.file = GetFile(&in);
    out.index_files[field] = std::move(index);
  }
  const uint32_t scalar_files = version >= 2 ? in.Number32() : 0;
  if (scalar_files > kMaxFiles)
    return Corruption("manifest of segment ", out.segment, ": ", scalar_files, " scalar index files, at most ", kMaxFiles);
  for (uint32_t i = 0; i < scalar_files && in.ok(); ++i) {
    const auto id = static_cast<int64_t>(in.Number64());
    ScalarIndexRef index;
    index.field_id = static_cast<int64_t>(in.Number64());
    index.file = GetFile(&in);
    out.scalar_index_files[id] = std::move(index);
  }
  if (!in.ok()) return Corruption("manifest of segment ", out.segment, " ends within its ", bytes.size(), " bytes");
  if (in.left() != 0) return Corruption("manifest of segment ", out.segment, ": ", in.left(), " of ", bytes.size(), " bytes are left over");
  if (out.vector_files.size() != vector_files || out.index_files.size() != index_files || out.scalar_index_files.size() != scalar_files) {
    return Corruption("manifest of segment ", out.segment, " names a field or an index twice");
  }
  return out;
}

std::string EncodeCheckpoint(const Checkpoint& checkpoint) {
  std::string out(1, static_cast<char>(kCheckpointVersion));
  PutBig64(&out, checkpoint.through);
  return out;
}

Result<Checkpoint> DecodeCheckpoint(std::string_view bytes) {
  if (bytes.size() != 9 || static_cast<uint8_t>(bytes[0]) != kCheckpointVersion) {
    return Corruption("a checkpoint of ", bytes.size(), " bytes, expected 9 of version ", int{kCheckpointVersion});
  }
  return Checkpoint{GetBig64(bytes.substr(1))};
}

}  // namespace rocks
}  // namespace saker::storage
