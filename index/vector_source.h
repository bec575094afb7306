// Where an index reads raw vectors from, while it is built and while it is searched.
//
// A source is immutable, thread-safe, and outlives every index built over it or opened beside it: the index keeps a
// shared_ptr. Rows never move. Rows that hold no vector (null) are named by validity, and are never returned.
#pragma once

#include <cstddef>
#include <cstdint>

#include "index/bitset.h"
#include "index/metric.h"

namespace saker::index {

class VectorSource {
 public:
  virtual ~VectorSource() = default;
  virtual VectorType type() const = 0;
  virtual size_t dim() const = 0;
  virtual size_t row_count() const = 0;
  // The row's bytes, RowBytes(type, dim) of them, aligned to at least 4; for kSparse see SparseRow.
  virtual const void* Row(size_t row) const = 0;
  // kSparse only: `count` pairs of (uint32 index ascending, float value), 8 bytes each.
  struct SparseRowView {
    const void* pairs = nullptr;
    size_t count = 0;
  };
  virtual SparseRowView SparseRow(size_t /*row*/) const { return {}; }
  // kSparse only: the length of every row as BM25 has it (Bm25Length), from a source that keeps them; else nullptr. They are
  // counted at the first call.
  virtual const float* SparseLengths() const { return nullptr; }
  // All rows contiguous from this address with RowBytes() between them, or nullptr when they are in pieces.
  virtual const void* Contiguous() const { return nullptr; }
  // Null when every row has a vector.
  virtual const Bitset* valid() const { return nullptr; }
};

}  // namespace saker::index
