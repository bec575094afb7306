// Feeds bytes to OpenIndex: as they are, and again with right checksums, so that what lies behind those is reached too.
#include <cstring>

#include "index/disk/page_format.h"
#include "index/graph/graph_checkpoint.h"
#include "index/index.h"
#include "index/index_file.h"
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

void OpenAndSearch(const std::string& bytes) {
  const auto type = ReadAs<uint32_t>(bytes, 16);
  const auto rows = ReadAs<uint64_t>(bytes, 24), dim = ReadAs<uint64_t>(bytes, 32);
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
  request.radius = SmallerIsBetter((*index)->spec().metric) ? 1.0f : -1.0f;
  (void)(*index)->Search(request, Context());
}

// The pages of a disk graph carry checksums of their own.
void ResealPages(std::string& bytes) {
  const size_t header = ReadAs<uint32_t>(bytes, 12);
  // Sections stand at the end of the header's fields: found by their numbers, wherever those are.
  PageShape shape{};
  uint64_t pages = 0;
  for (size_t at = 40; at + 24 <= std::min(header, bytes.size()); ++at) {
    const auto section = static_cast<Section>(ReadAs<uint32_t>(bytes, at));
    const auto offset = ReadAs<uint64_t>(bytes, at + 8);
    if (ReadAs<uint32_t>(bytes, at + 4) != 0 || offset > bytes.size()) continue;
    if (section == Section::kDiskHeader) shape = ReadAs<PageShape>(bytes, offset);
    if (section == Section::kDiskPages) pages = offset;
  }
  if (pages == 0 || shape.page_bytes < 64 || shape.page_bytes > bytes.size()) return;
  for (uint64_t page = 0; pages + shape.page_bytes <= bytes.size(); ++page, pages += shape.page_bytes) {
    PutWord(bytes, pages, Checksum(std::string_view(bytes).substr(pages + 8, shape.page_bytes - 8), shape.salt + page));
  }
}

// The same bytes as the checkpoint of a graph's build: as they are, and with the checksums that they should have.
class OneCheckpoint final : public CheckpointStore {
 public:
  explicit OneCheckpoint(const std::string& bytes) { files_.contents["fuzz"] = bytes; }
  Status Write(std::span<const std::span<const std::byte>>, double) override { return OkStatus(); }
  Result<std::shared_ptr<const MappedFile>> Read() override { return files_.Map("fuzz"); }
  void Remove() override {}
  void Resumed(std::string_view) override {}

 private:
  StringFileSystem files_;
};

void ResumeGraph(std::string bytes) {
  constexpr size_t kHeader = 80, kRows = 20, kWidth = 7;
  for (int pass = 0; pass < 2; ++pass) {
    OneCheckpoint store(bytes);
    GraphCheckpoint checkpoint(&store, [&] { return bytes.size() < kHeader ? 0 : ReadAs<uint64_t>(bytes, 8); });
    CandidateTable table = *CandidateTable::Allocate(0, kWidth);
    FlatGraph graph;
    graph.degree = 4;
    graph.links = *LinkArray::Allocate(kRows * graph.degree);
    size_t rounds = 0;
    (void)checkpoint.Resume(kRows, kWidth, &rounds, &table, &graph);
    if (bytes.size() < kHeader) return;
    PutWord(bytes, 0, 0x3150434745524b53);
    for (size_t i = 0, at = kHeader; i < 3; ++i) {
      const uint64_t length = std::min<uint64_t>(ReadAs<uint64_t>(bytes, 24 + 8 * i), bytes.size() - at);
      PutWord(bytes, 48 + 8 * i, Checksum(std::string_view(bytes).substr(at, length)));
      at += length;
    }
    PutWord(bytes, 72, Checksum(std::string_view(bytes).substr(0, 72)));
  }
}

}  // namespace
}  // namespace saker::index

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  saker::index::ResumeGraph(bytes);
  saker::index::OpenAndSearch(bytes);
  saker::index::ResealPages(bytes);
  saker::index::Reseal(bytes);
  saker::index::OpenAndSearch(bytes);
  return 0;
}
