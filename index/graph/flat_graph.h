// A graph over the rows of one segment, flat: `degree` places a row, and a few rows to start from.
//
// Immutable once built. Rows without a vector have no links and nobody links to them; every other row can be reached from the
// entries. There are no upper levels: in more than some tens of dimensions they gain nothing over several entries ("Down with
// the hierarchy", Munyampirwa et al. 2024).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/huge_memory.h"
#include "common/result.h"

namespace saker::index {

// A large array of uint32 that a walk reads at random. Movable only.
class LinkArray {
 public:
  LinkArray() = default;
  static Result<LinkArray> Allocate(size_t size) {
    LinkArray array;
    array.memory_ = TRY(HugeMemory::Allocate(size * sizeof(uint32_t), "a graph"));
    return array;
  }
  uint32_t* data() { return reinterpret_cast<uint32_t*>(memory_.data()); }
  const uint32_t* data() const { return reinterpret_cast<const uint32_t*>(memory_.data()); }
  size_t size() const { return memory_.size_bytes() / sizeof(uint32_t); }

 private:
  HugeMemory memory_;
};

struct FlatGraph {
  static constexpr uint32_t kNone = 0xffffffffu;
  static constexpr uint32_t kMaxDegree = 8192;

  uint32_t degree = 0;
  LinkArray links;                // rows * degree, nearest first; unused places at the end of a row are kNone
  std::vector<uint32_t> entries;  // distinct; empty when no row has a vector

  const uint32_t* Links(size_t row) const { return links.data() + row * degree; }
  uint32_t* Links(size_t row) { return links.data() + row * degree; }
  size_t memory_bytes() const { return (links.size() + entries.size()) * sizeof(uint32_t); }
  // Every number in range for `rows` rows, or what is not: for graphs that were read from a file.
  Status Validate(size_t rows) const;
};

}  // namespace saker::index
