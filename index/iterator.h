// Rows of one query in order of distance, batch after batch, for whoever cannot say beforehand how many will be wanted: grouping,
// paging.
//
// A capability beside Index, found with dynamic_cast. Over all batches every allowed row (in the range, if there is one) comes
// exactly once. A batch is best first, equal scores by smaller row, and as long as asked for except at the end. An
// approximate family may give a row that is better than the last one of an earlier batch; what it gives in the first n rows is
// about what a search for the best n finds.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "index/index.h"

namespace saker::index {

// Used by one thread at a time. The index, the request's query and its bitset must outlive it.
class RowIterator {
 public:
  virtual ~RowIterator() = default;
  // The next `count` rows; fewer at the end, none after it.
  virtual Result<std::vector<Hit>> Next(size_t count, const Context& context, SearchStats* stats = nullptr) = 0;
};

class Iterable {
 public:
  virtual ~Iterable() = default;
  // `request` has one query; its k is of no matter. Thread-safe.
  virtual Result<std::unique_ptr<RowIterator>> Iterate(const SearchRequest& request) const = 0;
  // The most memory that one iterator takes.
  virtual size_t iterator_bytes() const = 0;
};

}  // namespace saker::index
