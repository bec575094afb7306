// Any bytes as a vector file. Checksums are made right first, so that what stands behind them is reached.
#include <cstring>

#include "common/checksum.h"
#include "storage/segment/vector_file.h"

namespace {

using namespace saker;
using namespace saker::storage;
using namespace saker::storage::vector_format;

class Bytes final : public MappedFile {
 public:
  explicit Bytes(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  std::span<const std::byte> bytes() const override { return bytes_; }

 private:
  const std::vector<std::byte> bytes_;
};

template <typename T>
void Put(std::vector<std::byte>* out, size_t offset, const T& value) {
  std::memcpy(out->data() + offset, &value, sizeof value);
}

void FixChecksums(std::vector<std::byte>* bytes) {
  if (bytes->size() < kDataOffset + sizeof(Footer)) return;
  const std::span<const std::byte> view(*bytes);
  const uint64_t header = Checksum(view.first(offsetof(Header, checksum)));
  Put(bytes, offsetof(Header, checksum), header);
  const size_t footer_offset = bytes->size() - sizeof(Footer);
  Footer footer;
  std::memcpy(&footer, bytes->data() + footer_offset, sizeof footer);
  if (footer.table_offset <= footer_offset) {
    uint64_t at = footer.table_offset;
    for (uint64_t block = 0; block < footer.table_offset && at + 8 <= footer_offset; block += kBlockBytes, at += 8) {
      Put(bytes, at, Checksum(view.subspan(block, std::min(kBlockBytes, footer.table_offset - block))));
    }
    const uint64_t table_bytes = std::min<uint64_t>(footer.table_bytes, footer_offset - footer.table_offset);
    Put(bytes, footer_offset + offsetof(Footer, table_checksum), Checksum(view.subspan(footer.table_offset, table_bytes)));
  }
  Put(bytes, footer_offset + offsetof(Footer, checksum), Checksum(view.subspan(footer_offset, offsetof(Footer, checksum)), header));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::byte> bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  FixChecksums(&bytes);
  VectorFile::Expected expected;
  if (size >= sizeof(Header)) {
    Header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    expected.spec = {static_cast<VectorElement>(header.element), header.dim, FieldId(header.field_id), SegmentId(header.segment_id)};
  }
  const auto file = VectorFile::Parse("fuzz", std::make_shared<Bytes>(std::move(bytes)), expected);
  if (!file.ok()) return 0;
  uint64_t sum = 0;
  for (uint64_t row = 0; row < (*file)->row_count() && row < 100000; ++row) {
    for (const SparseEntry& entry :
         (*file)->spec().element == VectorElement::kSparse ? (*file)->sparse_row(row) : std::span<const SparseEntry>()) {
      sum += entry.index;
    }
  }
  for (const std::byte b : (*file)->rows()) sum += static_cast<uint64_t>(b);
  return sum == 0x1234567890abcdefULL ? 1 : 0;
}
