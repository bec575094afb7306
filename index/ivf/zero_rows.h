// Rows of zeros among lists made for COSINE. Their cosine with everything is 0, but in the lists' space, where the squared distance is
// 2 - 2 cos, a row of zeros stands at 1, before every row with a cosine below 0.5: ranked by it they would fill a search's pool. So
// codes never name them, lists of nothing else are not probed, and those that may be found join at the end with the score they have.
// Which rows those are is known from the norms in every file. Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/flat/allowed_rows.h"
#include "index/ivf/list_codes.h"
#include "index/topk.h"

namespace saker::index {

class ZeroRows {
 public:
  // `inverse_norms`: a row's, empty where the metric is not COSINE: nothing is a row of zeros then. `codes` may be null: the rows of
  // probed lists are then scored as they are, and only those of the other lists join.
  ZeroRows(const IvfLists& lists, const std::vector<float>& inverse_norms, ListCodes* codes);

  size_t memory_bytes() const { return rows_.size() * 4 + only_zeros_.size() / 8; }
  // How many lists hold nothing else.
  size_t lists() const { return lists_; }
  bool IsOnlyZeros(size_t list) const { return lists_ > 0 && only_zeros_[list]; }
  // As many as may be among the k best. `allowed` null: every row.
  void Offer(size_t k, const AllowedRows* allowed, TopK* best) const;

 private:
  size_t lists_ = 0;
  std::vector<bool> only_zeros_;  // by list
  std::vector<uint32_t> rows_;    // ascending
};

}  // namespace saker::index
