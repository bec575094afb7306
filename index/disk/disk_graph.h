// A graph whose vectors and links lie on disk: what memory holds of it, and where its pages are.
//
// Immutable but for the cache, which locks for itself; searched by any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/file.h"
#include "index/bitset.h"
#include "index/disk/navigation.h"
#include "index/disk/page_cache.h"
#include "index/disk/page_format.h"
#include "index/disk/row_codes.h"
#include "index/metric.h"

namespace saker::index {

struct DiskGraph {
  VectorType type = VectorType::kFloat32;
  size_t dim = 0;
  Metric metric = Metric::kL2;
  uint64_t rows = 0;
  PageShape shape{};
  RowCodes codes;
  Navigation navigation;
  std::vector<uint32_t> position_of;  // by row; kNoPosition for a row without a vector and for zeros
  // COSINE: the rows of zeros, by row; of size 0 where there is none. As near to one row as to any other they would be linked to by
  // all and crowd the nearer ones out, so they are no nodes: their score is known without looking.
  Bitset zeros;
  std::unique_ptr<PageCache> cache;
  std::shared_ptr<const DirectFile> file;
  uint64_t first_byte = 0;  // of page 0 in the file, a multiple of 4096
  std::string name;         // for messages

  DiskGraph() = default;
  DiskGraph(DiskGraph&&) = default;
  DiskGraph& operator=(DiskGraph&&) = default;

  size_t memory_bytes() const {
    return codes.memory_bytes() + navigation.memory_bytes() + position_of.size() * sizeof(uint32_t) +
           zeros.word_count() * sizeof(uint64_t) + (cache == nullptr ? 0 : cache->memory_bytes());
  }
};

// A key of index/topk.h on the scale of RowCodes' keys: COSINE as the squared distance of vectors of length 1.
inline float WalkKey(Metric metric, float key) {
  return metric == Metric::kCosine ? 2 + 2 * key : key;
}

}  // namespace saker::index
