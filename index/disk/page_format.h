// The pages of a disk graph: how the nodes of a page are laid out, written and read back. Layout: FORMAT.md.
//
// A page holds `nodes` nodes, each the row's whole vector, its row number and its links. A node's place in the order of the
// pages is its *position*: links are positions, so that the page of a link is a division. Every page carries a checksum that
// also knows which page of which index it is: a read that went to the wrong place is as bad as a flipped bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/result.h"
#include "index/vector_source.h"

namespace saker::index {

constexpr uint32_t kNoPosition = 0xffffffffu;

// Vectors whose elements are all whole numbers within 255 of each other (image descriptors, quantised embeddings) are kept in a
// byte an element, which loses nothing; others as they are.
enum class VectorEncoding : uint32_t { kRaw = 1, kBytes = 2 };

struct PageShape {      // durable: section kDiskHeader begins with it
  uint32_t page_bytes;  // a multiple of 4096
  uint32_t nodes;       // a page
  uint32_t degree;
  uint32_t link_bytes;  // 3 or 4
  VectorEncoding encoding;
  int32_t lowest;         // kBytes: what 0 stands for
  uint32_t vector_bytes;  // in a page
  uint32_t positions;     // rows that have a vector
  uint64_t salt;          // of the checksums

  static constexpr size_t kHeadBytes = 16;  // checksum, count of nodes, zero
  static constexpr uint32_t kMaxDegree = 1024;

  // The shape that wastes least of its pages, for rows of this type.
  static PageShape For(VectorType type, size_t dim, VectorEncoding encoding, uint32_t degree, uint32_t positions);

  size_t node_bytes() const { return (vector_bytes + sizeof(uint32_t) + size_t{degree} * link_bytes + 3) / 4 * 4; }
  uint64_t pages() const { return (uint64_t{positions} + nodes - 1) / nodes; }
  uint64_t bytes() const { return pages() * page_bytes; }
  uint32_t PageOf(uint32_t position) const { return position / nodes; }
  // What a reader believes only after this: for a shape that was read from a file.
  Status Validate(VectorType type, size_t dim, uint64_t rows) const;
};

// One page, written.
class PageWriter {
 public:
  PageWriter(const PageShape& shape, VectorType type, size_t dim) : shape_(shape), type_(type), dim_(dim), page_(shape.page_bytes) {}
  void Start();
  // `links`: positions, nearest first, at most `degree`.
  void Add(const void* vector, uint32_t row, const uint32_t* links, size_t count);
  std::span<const std::byte> Seal(uint64_t page);

 private:
  const PageShape& shape_;
  const VectorType type_;
  const size_t dim_;
  std::vector<std::byte> page_;
  uint32_t count_ = 0;
};

// A page as it was read. Holds pointers only.
class PageView {
 public:
  PageView(const PageShape& shape, const std::byte* page) : shape_(&shape), page_(page) {}

  // Checksum, count and rows; links are checked as they are read.
  bool Intact(uint64_t page, uint64_t rows) const;
  uint32_t count() const;
  uint32_t Row(uint32_t node) const;
  const std::byte* Vector(uint32_t node) const { return Node(node); }
  // The links' positions; false when one is out of range. `links` has room for degree.
  bool Links(uint32_t node, uint32_t* links, size_t* count) const;

 private:
  const std::byte* Node(uint32_t node) const { return page_ + PageShape::kHeadBytes + node * shape_->node_bytes(); }

  const PageShape* shape_;
  const std::byte* page_;
};

// kBytes when every row of `source` fits, with the lowest element in *lowest.
VectorEncoding ChooseEncoding(const VectorSource& source, int32_t* lowest);
// `out` has RowBytes(type, dim).
void DecodeVector(const PageShape& shape, VectorType type, size_t dim, const std::byte* stored, void* out);

}  // namespace saker::index
