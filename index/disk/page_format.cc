#include "index/disk/page_format.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "common/checksum.h"
#include "index/half.h"
#include "index/ivf/row_floats.h"
#include "index/kernels/page_codes.h"

namespace saker::index {
namespace {

constexpr size_t kPage = 4096;
constexpr uint32_t kMaxPageBytes = 1 << 20;
constexpr uint32_t kMaxNodes = 255;

static_assert(sizeof(PageShape) == 40);

size_t VectorBytesOf(VectorType type, size_t dim, VectorEncoding encoding) {
  return encoding == VectorEncoding::kBytes ? dim : RowBytes(type, dim);
}

}  // namespace

PageShape PageShape::For(VectorType type, size_t dim, VectorEncoding encoding, uint32_t degree, uint32_t positions) {
  PageShape shape{};
  shape.degree = degree;
  shape.link_bytes = positions < 0xffffff ? 3 : 4;
  shape.encoding = encoding;
  shape.vector_bytes = static_cast<uint32_t>(VectorBytesOf(type, dim, encoding));
  shape.positions = positions;
  // One page if two nodes fit; else as many pages as hold one node, or two nodes where that is a third less a node.
  const size_t node = shape.node_bytes();
  size_t pages = (kHeadBytes + node + kPage - 1) / kPage;
  const size_t for_two = (kHeadBytes + 2 * node + kPage - 1) / kPage;
  if (for_two * 3 < pages * 4) pages = for_two;
  shape.page_bytes = static_cast<uint32_t>(pages * kPage);
  shape.nodes = static_cast<uint32_t>(std::min<size_t>((shape.page_bytes - kHeadBytes) / node, kMaxNodes));
  return shape;
}

Status PageShape::Validate(VectorType type, size_t dim, uint64_t rows) const {
  const bool known = encoding == VectorEncoding::kRaw || encoding == VectorEncoding::kBytes;
  if (!known || (encoding == VectorEncoding::kBytes && type == VectorType::kInt8))
    return Corruption("vectors in encoding ", static_cast<uint32_t>(encoding));
  if (vector_bytes != VectorBytesOf(type, dim, encoding)) return Corruption("vectors of ", vector_bytes, " bytes");
  if (degree < 1 || degree > kMaxDegree || (link_bytes != 3 && link_bytes != 4)) return Corruption("degree ", degree);
  if (positions > rows || (link_bytes == 3 && positions >= 0xffffff)) return Corruption(positions, " nodes of ", rows, " rows");
  if (page_bytes == 0 || page_bytes % kPage != 0 || page_bytes > kMaxPageBytes || nodes < 1 || nodes > kMaxNodes ||
      kHeadBytes + nodes * node_bytes() > page_bytes) {
    return Corruption(nodes, " nodes of ", node_bytes(), " bytes in a page of ", page_bytes);
  }
  return OkStatus();
}

void PageWriter::Start() {
  std::fill(page_.begin(), page_.end(), std::byte{0});
  count_ = 0;
}

void PageWriter::Add(const void* vector, uint32_t row, const uint32_t* links, size_t count) {
  std::byte* out = page_.data() + PageShape::kHeadBytes + count_++ * shape_.node_bytes();
  if (shape_.encoding == VectorEncoding::kRaw) {
    std::memcpy(out, vector, shape_.vector_bytes);
  } else {
    std::vector<float> values(dim_);
    VectorToFloats(type_, vector, dim_, values.data());
    for (size_t i = 0; i < dim_; ++i) out[i] = static_cast<std::byte>(static_cast<int32_t>(values[i]) - shape_.lowest);
  }
  out += shape_.vector_bytes;
  std::memcpy(out, &row, sizeof row);
  out += sizeof row;
  for (size_t i = 0; i < shape_.degree; ++i, out += shape_.link_bytes) {
    const uint32_t link = i < count ? links[i] : kNoPosition;
    std::memcpy(out, &link, shape_.link_bytes);
  }
}

std::span<const std::byte> PageWriter::Seal(uint64_t page) {
  std::memcpy(page_.data() + 8, &count_, sizeof count_);
  const uint64_t checksum = Checksum(std::span<const std::byte>(page_).subspan(8), shape_.salt + page);
  std::memcpy(page_.data(), &checksum, sizeof checksum);
  return page_;
}

bool PageView::Intact(uint64_t page, uint64_t rows) const {
  uint64_t checksum = 0;
  std::memcpy(&checksum, page_, sizeof checksum);
  if (checksum != Checksum(std::span(page_ + 8, shape_->page_bytes - 8), shape_->salt + page)) return false;
  if (count() != std::min<uint64_t>(shape_->nodes, shape_->positions - page * shape_->nodes)) return false;
  for (uint32_t node = 0; node < count(); ++node) {
    if (Row(node) >= rows) return false;
  }
  return true;
}

uint32_t PageView::count() const {
  uint32_t count = 0;
  std::memcpy(&count, page_ + 8, sizeof count);
  return count;
}

uint32_t PageView::Row(uint32_t node) const {
  uint32_t row = 0;
  std::memcpy(&row, Node(node) + shape_->vector_bytes, sizeof row);
  return row;
}

bool PageView::Links(uint32_t node, uint32_t* links, size_t* count) const {
  const std::byte* in = Node(node) + shape_->vector_bytes + sizeof(uint32_t);
  const uint32_t none = shape_->link_bytes == 3 ? 0xffffffu : kNoPosition;
  *count = 0;
  for (uint32_t i = 0; i < shape_->degree; ++i, in += shape_->link_bytes) {
    uint32_t link = 0;
    std::memcpy(&link, in, shape_->link_bytes);
    if (link == none) break;
    if (link >= shape_->positions) return false;
    links[(*count)++] = link;
  }
  return true;
}

VectorEncoding ChooseEncoding(const VectorSource& source, int32_t* lowest) {
  *lowest = 0;
  if (source.type() == VectorType::kInt8) return VectorEncoding::kRaw;
  float low = std::numeric_limits<float>::infinity(), high = -low;
  std::vector<float> values(source.dim());
  for (size_t row = 0; row < source.row_count(); ++row) {
    if (source.valid() != nullptr && !source.valid()->Test(row)) continue;
    VectorToFloats(source.type(), source.Row(row), source.dim(), values.data());
    for (const float value : values) {
      // -0 is not 0: its bits would be lost.
      if (!(std::fabs(value) <= 65536.0f) || value != std::floor(value) || std::bit_cast<uint32_t>(value) == 0x80000000u)
        return VectorEncoding::kRaw;
      low = std::min(low, value);
      high = std::max(high, value);
    }
    if (high - low > 255) return VectorEncoding::kRaw;
  }
  if (low > high) return VectorEncoding::kRaw;
  *lowest = static_cast<int32_t>(low);
  return VectorEncoding::kBytes;
}

void DecodeVector(const PageShape& shape, VectorType type, size_t dim, const std::byte* stored, void* out) {
  if (shape.encoding == VectorEncoding::kRaw) {
    std::memcpy(out, stored, shape.vector_bytes);
    return;
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(stored);
  const auto lowest = static_cast<float>(shape.lowest);
  // The values came from this type: it has them exactly.
  if (type == VectorType::kFloat32) {
    BestPageCodes().widen(bytes, dim, lowest, static_cast<float*>(out));
    return;
  }
  auto* const halves = static_cast<uint16_t*>(out);
  for (size_t i = 0; i < dim; ++i) {
    const float value = static_cast<float>(bytes[i]) + lowest;
    halves[i] = type == VectorType::kFloat16 ? FloatToHalf(value) : static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
  }
}

}  // namespace saker::index
