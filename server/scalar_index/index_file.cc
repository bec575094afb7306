#include "server/scalar_index/index_file.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/checked_file.h"
#include "common/checksum.h"

namespace saker::scalar_index {
namespace {

static_assert(std::endian::native == std::endian::little, "scalar index files are little-endian and are read in place");

constexpr std::string_view kMagic = "SAKERSCX";
constexpr uint32_t kVersion = kCheckedFileVersion;
constexpr uint64_t kBlockBytes = kCheckedBlockBytes;
constexpr uint64_t kAlignment = 64;
constexpr size_t kPrefixBytes = kCheckedPrefixBytes;
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
  const std::span<const std::byte> header = TRY(CheckHeader(bytes, kMagic, "scalar index", name));
  const uint64_t header_bytes = kPrefixBytes + header.size() + 8;
  FieldReader fields(header);
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
  if (!fields.ok())
    return Corruption(name, " at offset 16: ", section_count, " sections do not fit into a header of ", header_bytes, " bytes");
  TRY(CheckBlocks(bytes, header_bytes, offset, file_bytes, name));
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
