// Sparse rows and the inverted index over them.
//
// The score is the inner product, summed over the shared indices in ascending order. As in Milvus, a row whose product
// with the query is 0 (it shares no index) is never a result, so a sparse search may return fewer than k rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "index/index.h"

namespace saker::index {

struct SparsePair {
  uint32_t index;
  float value;
};

inline SparsePair LoadSparsePair(const void* pairs, size_t i) {
  SparsePair pair;
  std::memcpy(&pair, static_cast<const char*>(pairs) + i * sizeof pair, sizeof pair);
  return pair;
}

// The place of `term` among the row's ascending pairs, or that of the next smaller one (0 if none); the row is not empty. No
// branch to mispredict.
inline size_t SparsePlace(VectorSource::SparseRowView row, uint32_t term) {
  size_t low = 0;
  for (size_t count = row.count; count > 1;) {
    const size_t half = count / 2;
    low = LoadSparsePair(row.pairs, low + half).index <= term ? low + half : low;
    count -= half;
  }
  return low;
}

// The inner product; false when no index is shared.
bool SparseProduct(VectorSource::SparseRowView a, VectorSource::SparseRowView b, float* product);

// SPARSE_INVERTED_INDEX and SPARSE_WAND: posting lists in blocks (postings.h), searched exactly.
Result<std::unique_ptr<Index>> BuildSparseIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                                const BuildOptions& options);

class IndexFileReader;
Result<std::unique_ptr<Index>> OpenSparseIndex(const IndexFileReader& file, std::shared_ptr<const VectorSource> source);

}  // namespace saker::index
