// Feeds bytes to OpenIndex: as they are, and again with right checksums, so that what lies behind those is reached too.
#include <cstring>

#include "common/checksum.h"
#include "index/index.h"
#include "index/test_files.h"

namespace saker::index {
namespace {

// All rows are zero (sparse: empty).
class ZeroSource final : public VectorSource {
 public:
  ZeroSource(VectorType type, size_t dim, size_t rows) : type_(type), dim_(dim), rows_(rows), bytes_(RowBytes(type, dim) * rows + 64) {}
  VectorType type() const override { return type_; }
  size_t dim() const override { return dim_; }
  size_t row_count() const override { return rows_; }
  const void* Row(size_t row) const override { return bytes_.data() + row * RowBytes(type_, dim_); }

 private:
  const VectorType type_;
  const size_t dim_;
  const size_t rows_;
  const std::vector<char> bytes_;
};

template <typename T>
T Read(const std::string& bytes, size_t at) {
  T value{};
  if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

void Put(std::string& bytes, size_t at, uint64_t value) {
  std::memcpy(bytes.data() + at, &value, 8);
}

// FORMAT.md: header checksum at H - 8, a checksum per block of 64 KiB from E on, theirs at the end.
void Reseal(std::string& bytes) {
  const size_t header = Read<uint32_t>(bytes, 12);
  if (header < 64 || header + 8 > bytes.size()) return;
  Put(bytes, header - 8, Checksum(std::string_view(bytes).substr(0, header - 8)));
  size_t blocks = 0;
  while (header + 8 + blocks * 8 <= bytes.size() && (bytes.size() - 8 - blocks * 8 - header + 65535) / 65536 > blocks) ++blocks;
  if (header + 8 + blocks * 8 > bytes.size()) return;
  const size_t end = bytes.size() - 8 - blocks * 8;
  for (size_t i = 0; i < blocks; ++i) {
    const size_t begin = header + i * 65536;
    Put(bytes, end + i * 8, Checksum(std::string_view(bytes).substr(begin, std::min<size_t>(65536, end - begin))));
  }
  Put(bytes, bytes.size() - 8, Checksum(std::string_view(bytes).substr(end, blocks * 8)));
}

void OpenAndSearch(const std::string& bytes) {
  const auto type = Read<uint32_t>(bytes, 16);
  const auto rows = Read<uint64_t>(bytes, 24), dim = Read<uint64_t>(bytes, 32);
  if (type < 1 || type > 6 || rows > 2000 || dim > 256 || (dim % 8 != 0 && type == 5)) return;
  const auto source = std::make_shared<ZeroSource>(static_cast<VectorType>(type), dim, rows);
  StringFileSystem files;
  files.contents["fuzz"] = bytes;
  const auto index = OpenIndex("fuzz", files, source);
  if (!index.ok()) return;
  const std::vector<char> query(dim * 4 + 64);
  const uint64_t pair = uint64_t{0x3f800000} << 32 | 3;
  SearchRequest request;
  request.queries = query.data();
  request.sparse_queries = {{&pair, 1}};
  request.k = 5;
  (void)(*index)->Search(request, Context());
}

}  // namespace
}  // namespace saker::index

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  saker::index::OpenAndSearch(bytes);
  saker::index::Reseal(bytes);
  saker::index::OpenAndSearch(bytes);
  return 0;
}
