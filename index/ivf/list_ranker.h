// Which lists are nearest to a query: all centroids by 4-bit codes, the best of those exactly.
//
// With thousands of lists the centroids are the largest thing that a search reads; their codes are an eighth of it and go
// through the fast-scan kernels. The codes are a function of the centroids, never stored. Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/ivf/lists.h"
#include "index/quantize/nibble_lists.h"

namespace saker::index {

class ListRanker {
 public:
  // `lists` must outlive it.
  static Result<ListRanker> Make(const IvfLists& lists, Metric metric, size_t dim);

  size_t memory_bytes() const { return codes_.memory_bytes() + (codebook_.size() + mean_.size()) * 4; }

  struct Scratch {
    std::vector<float> vector, floats, keys;
    std::vector<uint8_t> tables;
    std::vector<uint32_t> places;
  };
  // Packed keys (topk.h; CentroidKeys) and lists, nearest first: the `probes` nearest, rarely another one in a last place.
  // Returns how many distances were computed.
  size_t Nearest(const float* query, size_t probes, Scratch* scratch, std::vector<uint64_t>* order) const;
  // All lists, exactly.
  void All(const float* query, std::vector<float>* keys, std::vector<uint64_t>* order) const;

 private:
  size_t NearestExactly(const float* query, size_t probes, Scratch* scratch, std::vector<uint64_t>* order) const;
  void ExactKeys(const float* query, std::vector<uint64_t>* order) const;

  const IvfLists* lists_ = nullptr;
  Metric metric_ = Metric::kL2;
  size_t dim_ = 0;
  bool coded_ = false;
  std::vector<float> mean_, codebook_;  // dim x 16 levels
  NibbleLists codes_;
};

}  // namespace saker::index
