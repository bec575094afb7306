#include "server/scalar_index/index_file.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/checksum.h"

namespace saker::scalar_index {
namespace {

static_assert(std::endian::native == std::endian::little, "scalar index files are little-endian and are read in place");

constexpr std::string_view kMagic = "SAKERSCX";
constexpr uint32_t kVersion = 1;
constexpr uint64_t kBlockBytes = 64 * 1024;
constexpr uint64_t kAlignment = 64;
constexpr uint64_t kMaxHeaderBytes = 1 << 20;
constexpr size_t kPrefixBytes = 16;  // magic, version, header length
constexpr uint32_t kMaxSections = 64;

uint64_t AlignUp(uint64_t n) {
  return (n + kAlignment - 1) / kAlignment * kAlignment;
}

uint64_t Blocks(uint64_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes;
}

template <typename T>
void Put(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Reads numbers in order; ok() tells whether any ran past the end.
class FieldReader {
 public:
  explicit FieldReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  template <typename T>
  T Get() {
    T value{};
    if (Has(sizeof value)) {
      std::memcpy(&value, bytes_.data(), sizeof value);
      bytes_ = bytes_.subspan(sizeof value);
    }
    return value;
  }
  std::string Text() {
    const auto size = Get<uint32_t>();
    if (!Has(size)) return {};
    std::string text(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
    return text;
  }
  bool ok() const { return ok_; }

 private:
  bool Has(size_t count) {
    ok_ = ok_ && bytes_.size() >= count;
    return ok_;
  }
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

}  // namespace

std::string IndexFileWriter::Finish() const {
  std::string fields;
  Put(&fields, row_count_);
  Put(&fields, static_cast<uint32_t>(spec_.size()));
  fields += spec_;
  Put(&fields, static_cast<uint32_t>(sections_.size()));
  const uint64_t header_bytes = AlignUp(kPrefixBytes + fields.size() + sections_.size() * 24 + 8 + 8);
  uint64_t offset = header_bytes;
  for (const auto& [section, bytes] : sections_) {
    Put(&fields, section);
    Put(&fields, uint32_t{0});
    Put(&fields, offset);
    Put(&fields, static_cast<uint64_t>(bytes.size()));
    offset = AlignUp(offset + bytes.size());
  }
  const uint64_t blocks = Blocks(offset - header_bytes);
  Put(&fields, offset + blocks * 8 + 8);
  std::string out(kMagic);
  out.reserve(offset + blocks * 8 + 8);
  Put(&out, kVersion);
  Put(&out, static_cast<uint32_t>(header_bytes));
  out += fields;
  out.resize(header_bytes - 8, '\0');
  Put(&out, Checksum(out));
  for (const auto& [section, bytes] : sections_) {
    out += bytes;
    out.resize(AlignUp(out.size()), '\0');
  }
  std::string table;
  for (uint64_t begin = header_bytes; begin < offset; begin += kBlockBytes) {
    Put(&table, Checksum(std::string_view(out).substr(begin, std::min(kBlockBytes, offset - begin))));
  }
  out += table;
  Put(&out, Checksum(table));
  return out;
}

Result<IndexFileReader> IndexFileReader::Open(std::span<const std::byte> bytes, const std::string& name, const std::string& spec,
                                              uint64_t row_count) {
  if (bytes.size() < kPrefixBytes || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return Corruption(name, " at offset 0: ", bytes.size(), " bytes that are no scalar index");
  }
  FieldReader prefix(bytes.subspan(kMagic.size(), 8));
  const auto version = prefix.Get<uint32_t>();
  const auto header_bytes = prefix.Get<uint32_t>();
  if (version != kVersion) return Corruption(name, " at offset 8: version ", version, ", this program reads ", kVersion);
  if (header_bytes < kPrefixBytes + 8 || header_bytes > kMaxHeaderBytes || header_bytes > bytes.size()) {
    return Corruption(name, " at offset 12: a header of ", header_bytes, " bytes in a file of ", bytes.size());
  }
  FieldReader stored(bytes.subspan(header_bytes - 8, 8));
  if (stored.Get<uint64_t>() != Checksum(bytes.first(header_bytes - 8))) {
    return Corruption(name, " at offset 0: the checksum of the header's ", header_bytes, " bytes does not match");
  }
  FieldReader fields(bytes.subspan(kPrefixBytes, header_bytes - 8 - kPrefixBytes));
  const auto rows = fields.Get<uint64_t>();
  const std::string made_for = fields.Text();
  const auto section_count = fields.Get<uint32_t>();
  if (!fields.ok() || made_for != spec || rows != row_count || section_count > kMaxSections) {
    return Corruption(name, " at offset 16: made for '", made_for, "', ", rows, " rows and ", section_count, " sections, expected '", spec,
                      "' and ", row_count, " rows");
  }
  IndexFileReader reader;
  reader.name_ = name;
  reader.bytes_ = bytes;
  uint64_t offset = header_bytes;
  for (uint32_t i = 0; i < section_count && fields.ok(); ++i) {
    const auto id = fields.Get<uint32_t>();
    fields.Get<uint32_t>();
    const auto begin = fields.Get<uint64_t>();
    const auto length = fields.Get<uint64_t>();
    if (begin != offset || length > bytes.size() || begin > bytes.size() - length || reader.Has(id)) {
      return Corruption(name, " at offset 16: section ", id, " of ", length, " bytes at ", begin, " in a file of ", bytes.size());
    }
    offset = AlignUp(begin + length);
    reader.sections_.push_back({id, begin, length});
  }
  const auto file_bytes = fields.Get<uint64_t>();
  const uint64_t blocks = Blocks(offset - header_bytes);
  if (!fields.ok() || file_bytes != bytes.size() || file_bytes != offset + blocks * 8 + 8) {
    return Corruption(name, " has ", bytes.size(), " bytes, its header says ", file_bytes);
  }
  const std::span<const std::byte> table = bytes.subspan(offset, blocks * 8);
  FieldReader table_checksum(bytes.last(8));
  if (table_checksum.Get<uint64_t>() != Checksum(table)) {
    return Corruption(name, " at offset ", offset, ": the table of checksums does not match its own");
  }
  FieldReader checksums(table);
  for (uint64_t begin = header_bytes; begin < offset; begin += kBlockBytes) {
    const uint64_t length = std::min(kBlockBytes, offset - begin);
    if (checksums.Get<uint64_t>() != Checksum(bytes.subspan(begin, length))) {
      return Corruption(name, " at offset ", begin, ": the checksum of the next ", length, " bytes does not match");
    }
  }
  return reader;
}

bool IndexFileReader::Has(uint32_t section) const {
  return std::any_of(sections_.begin(), sections_.end(), [&](const Entry& entry) { return entry.section == section; });
}

Result<std::span<const std::byte>> IndexFileReader::Find(uint32_t section, size_t size) const {
  for (const Entry& entry : sections_) {
    if (entry.section != section) continue;
    if (entry.length % size != 0) return Damaged(section, internal::Join(entry.length, " bytes, elements have ", size));
    return bytes_.subspan(entry.offset, entry.length);
  }
  return std::span<const std::byte>();
}

Status IndexFileReader::Damaged(uint32_t section, const std::string& what) const {
  return Corruption(name_, ": section ", section, ": ", what);
}

}  // namespace saker::scalar_index
