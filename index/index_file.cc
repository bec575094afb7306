#include "index/index_file.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/checked_file.h"
#include "common/checksum.h"

namespace saker::index {
namespace {

static_assert(std::endian::native == std::endian::little, "index files are little-endian and are read in place");

constexpr char kMagic[8] = {'S', 'A', 'K', 'E', 'R', 'I', 'D', 'X'};
constexpr uint32_t kVersion = kCheckedFileVersion;
constexpr uint32_t kBlockBytes = kCheckedBlockBytes;
constexpr size_t kPrefixBytes = kCheckedPrefixBytes;
constexpr uint64_t kAlignment = 64;

uint64_t AlignUp(uint64_t n, uint64_t alignment = kAlignment) {
  return (n + alignment - 1) / alignment * alignment;
}

// Pages are read past the page cache, which wants them where the disk has them.
uint64_t AlignmentOf(Section section) {
  return section == Section::kDiskPages ? 4096 : kAlignment;
}

template <typename T>
void Put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void PutText(std::string& out, std::string_view text) {
  Put(out, static_cast<uint32_t>(text.size()));
  out.append(text);
}

// Appends to a file and keeps the checksum of each block of what follows the header.
class BlockWriter {
 public:
  explicit BlockWriter(WritableFile& file) : file_(file) {}
  Status Append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const size_t n = std::min(bytes.size(), kBlockBytes - block_.size());
      block_.insert(block_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
      bytes = bytes.subspan(n);
      if (block_.size() == kBlockBytes) TRY(Flush());
    }
    return OkStatus();
  }
  Status Flush() {
    if (block_.empty()) return OkStatus();
    checksums_.push_back(Checksum(std::span<const std::byte>(block_)));
    TRY(file_.Append(block_));
    block_.clear();
    return OkStatus();
  }
  const std::vector<uint64_t>& checksums() const { return checksums_; }

 private:
  WritableFile& file_;
  std::vector<std::byte> block_;
  std::vector<uint64_t> checksums_;
};

}  // namespace

Status IndexFileWriter::Write(WritableFile& file) const {
  std::string fields;
  Put(fields, static_cast<uint32_t>(source_.type()));
  Put(fields, static_cast<uint32_t>(spec_.metric));
  Put(fields, static_cast<uint64_t>(source_.row_count()));
  Put(fields, static_cast<uint64_t>(source_.dim()));
  PutText(fields, spec_.type);
  Put(fields, static_cast<uint32_t>(spec_.params.size()));
  for (const auto& [name, value] : spec_.params) {
    PutText(fields, name);
    PutText(fields, value);
  }
  Put(fields, kBlockBytes);
  Put(fields, static_cast<uint32_t>(sections_.size()));
  // What is still to come: per section id, reserved, offset, length; then the file's length; then the checksum.
  const uint64_t header_bytes = AlignUp(kPrefixBytes + fields.size() + sections_.size() * 24 + 8 + 8);
  uint64_t offset = header_bytes;
  std::vector<uint64_t> starts;
  for (const Entry& entry : sections_) {
    starts.push_back(AlignUp(offset, AlignmentOf(entry.section)));
    Put(fields, static_cast<uint32_t>(entry.section));
    Put(fields, uint32_t{0});
    Put(fields, starts.back());
    Put(fields, entry.length);
    offset = AlignUp(starts.back() + entry.length);
  }
  const uint64_t blocks = (offset - header_bytes + kBlockBytes - 1) / kBlockBytes;
  Put(fields, offset + blocks * 8 + 8);
  std::string header(kMagic, sizeof kMagic);
  Put(header, kVersion);
  Put(header, static_cast<uint32_t>(header_bytes));
  header += fields;
  header.resize(static_cast<size_t>(header_bytes) - 8, '\0');
  Put(header, Checksum(header));
  TRY(file.Append(std::as_bytes(std::span(header))));

  BlockWriter writer(file);
  const std::vector<std::byte> zeros(4096);
  uint64_t at = header_bytes;
  const auto pad_to = [&](uint64_t place) -> Status {
    TRY(writer.Append(std::span(zeros).first(static_cast<size_t>(place - at))));
    at = place;
    return OkStatus();
  };
  for (size_t i = 0; i < sections_.size(); ++i) {
    const Entry& entry = sections_[i];
    TRY(pad_to(starts[i]));
    const uint64_t end = at + entry.length;
    const auto sink = [&](std::span<const std::byte> bytes) {
      at += bytes.size();
      return writer.Append(bytes);
    };
    TRY(entry.write ? entry.write(sink) : sink(entry.bytes));
    CHECK(at == end);
  }
  TRY(pad_to(offset));
  TRY(writer.Flush());
  const std::span<const std::byte> table = std::as_bytes(std::span(writer.checksums()));
  TRY(file.Append(table));
  const uint64_t table_checksum = Checksum(table);
  return file.Append(std::as_bytes(std::span(&table_checksum, 1)));
}

Result<IndexFileReader> IndexFileReader::OpenHeader(const std::string& path, FileSystem& files) {
  IndexFileReader reader;
  reader.path_ = path;
  reader.file_ = TRY(files.Map(path));
  const std::span<const std::byte> bytes = reader.file_->bytes();
  const std::span<const std::byte> header = TRY(CheckHeader(bytes, {kMagic, sizeof kMagic}, "index file", path));
  reader.header_bytes_ = kPrefixBytes + header.size() + 8;
  FieldReader fields(header);
  reader.type_ = fields.Get<uint32_t>();
  const auto metric = fields.Get<uint32_t>();
  reader.rows_ = fields.Get<uint64_t>();
  reader.dim_ = fields.Get<uint64_t>();
  reader.spec_.type = fields.Text();
  const auto param_count = fields.Get<uint32_t>();
  for (uint32_t i = 0; i < param_count && fields.ok(); ++i) {
    std::string name = fields.Text();
    reader.spec_.params[std::move(name)] = fields.Text();
  }
  const auto block_bytes = fields.Get<uint32_t>();
  const auto section_count = fields.Get<uint32_t>();
  if (!fields.ok() || metric < 1 || metric > static_cast<uint32_t>(kLastMetric) || block_bytes != kBlockBytes)
    return Corruption(path, " at offset 16: the header's fields make no sense");
  reader.spec_.metric = static_cast<Metric>(metric);
  uint64_t offset = reader.header_bytes_;
  for (uint32_t i = 0; i < section_count && fields.ok(); ++i) {
    const auto id = static_cast<Section>(fields.Get<uint32_t>());
    fields.Get<uint32_t>();
    const Entry entry{id, fields.Get<uint64_t>(), fields.Get<uint64_t>()};
    if (entry.offset != AlignUp(offset, AlignmentOf(id)) || entry.length > bytes.size() || entry.offset > bytes.size() - entry.length) {
      return Corruption(path, " at offset 16: section ", static_cast<uint32_t>(id), " of ", entry.length, " bytes at ", entry.offset,
                        " does not lie in a file of ", bytes.size());
    }
    offset = AlignUp(entry.offset + entry.length);
    reader.sections_.push_back(entry);
  }
  reader.sections_end_ = offset;
  reader.file_bytes_ = fields.Get<uint64_t>();
  if (!fields.ok())
    return Corruption(path, " at offset 16: ", section_count, " sections do not fit into a header of ", reader.header_bytes_, " bytes");
  return reader;
}

Result<IndexFileReader> IndexFileReader::Open(const std::string& path, FileSystem& files, const VectorSource& source) {
  IndexFileReader reader = TRY(OpenHeader(path, files));
  if (reader.type_ != static_cast<uint32_t>(source.type()) || reader.dim_ != source.dim() || reader.rows_ != source.row_count()) {
    return Corruption(path, " at offset 16: an index of ", reader.rows_, " rows of dimension ", reader.dim_, " and type ", reader.type_,
                      ", beside vectors of ", source.row_count(), " rows of dimension ", source.dim(), " and type ",
                      static_cast<uint32_t>(source.type()));
  }
  TRY(CheckBlocks(reader.file_->bytes(), reader.header_bytes_, reader.sections_end_, reader.file_bytes_, path));
  return reader;
}

bool IndexFileReader::Has(Section section) const {
  return std::any_of(sections_.begin(), sections_.end(), [&](const Entry& entry) { return entry.section == section; });
}

uint64_t IndexFileReader::Length(Section section) const {
  for (const Entry& entry : sections_) {
    if (entry.section == section) return entry.length;
  }
  return 0;
}

Result<uint64_t> IndexFileReader::OffsetOf(Section section, uint64_t length) const {
  TRY(Find(section, length, 1));
  for (const Entry& entry : sections_) {
    if (entry.section == section) return entry.offset;
  }
  return Damaged(section, "absent");
}

Result<uint64_t> IndexFileReader::Count(Section section, uint64_t size) const {
  for (const Entry& entry : sections_) {
    if (entry.section != section) continue;
    if (entry.length % size != 0) return Damaged(section, "not a whole number of elements");
    return entry.length / size;
  }
  return Damaged(section, "absent");
}

Result<std::span<const std::byte>> IndexFileReader::Find(Section section, uint64_t count, uint64_t size) const {
  for (const Entry& entry : sections_) {
    if (entry.section != section) continue;
    if (entry.length % size != 0 || entry.length / size != count) {
      return Damaged(section, internal::Join(entry.length, " bytes, ", count, " elements of ", size, " expected"));
    }
    return file_->bytes().subspan(static_cast<size_t>(entry.offset), static_cast<size_t>(entry.length));
  }
  return Damaged(section, "absent");
}

Status IndexFileReader::Damaged(Section section, const std::string& what) const {
  uint64_t offset = 0;
  for (const Entry& entry : sections_) {
    if (entry.section == section) offset = entry.offset;
  }
  return Corruption(path_, " at offset ", offset, ": section ", static_cast<uint32_t>(section), ": ", what);
}

}  // namespace saker::index
