// Exact scores of what codes found: the nearest by their codes first, until the codes of the rest are too far behind.
//
// A raw vector is four to eight times as long as its code and lies where nobody has been yet, so that scoring all that a walk
// keeps (CountToRefine) was 40 % of a search at 384 dimensions. How far codes are off is measured on the first rows scored: the
// difference to the exact distance has a mean and a deviation. A row whose code is more than the mean and kDeviations deviations
// (and more than rounding explains, CodeQuery::KeyWithin) behind the k-th best is not scored. Rows with elements cut off err by
// more than rounding and are always scored (NodeCodes::IsCut). One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "index/graph/node_codes.h"
#include "index/index.h"
#include "index/scorer.h"

namespace saker::index {

class Refiner {
 public:
  Refiner(const Scorer& scorer, Metric metric, const NodeCodes& codes) : scorer_(scorer), metric_(metric), codes_(codes) {}

  // The k best of `found` (key << 32 | row, keys of `query`), best first. Brings `found` into order.
  std::vector<Hit> Best(const CodeQuery& query, size_t k, std::vector<uint64_t>* found, SearchStats* stats);
  // The k best of `found` that lie in the request's range, all of it scored; keys count for nothing.
  std::vector<Hit> BestOfAll(const SearchRequest& range, size_t k, const std::vector<uint64_t>& found, SearchStats* stats);

 private:
  void Score(size_t from, SearchStats* stats);  // rows_[from..) into exact_
  // Beyond this key no row is likely to be among the k best, after the first rows_ were scored.
  double Cut(const CodeQuery& query, size_t k, const std::vector<uint64_t>& found);

  const Scorer& scorer_;
  const Metric metric_;
  const NodeCodes& codes_;
  std::vector<uint32_t> rows_;
  std::vector<float> exact_;
  std::vector<float> best_;
};

}  // namespace saker::index
