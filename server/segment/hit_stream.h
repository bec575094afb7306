// The best rows of one segment for one query, more and more of them: for grouping, which cannot say how many it will need.
//
// Pieces whose index can be iterated go on from where they were; the others are searched again for more.
#pragma once

#include <memory>
#include <vector>

#include "index/iterator.h"
#include "server/segment/search.h"

namespace saker::segment {

// Used by one thread at a time. Pieces, selections and the query's vector must outlive it.
class HitStream {
 public:
  // `query` has one query. The memory that Take may use beside the hits: bytes().
  HitStream(const Pieces& pieces, const Selections& selections, const VectorQuery& query);
  size_t bytes() const { return bytes_; }
  // Replaces `hits` by the best `count`, or all that there are. `count` only grows.
  Status Take(size_t count, const Context& context, std::vector<Hit>* hits, index::SearchStats* stats);

 private:
  struct Source {
    const Piece* piece;
    const Selection* selection;
    const index::Iterable* iterable = nullptr;  // null: searched again each time
    std::unique_ptr<index::RowIterator> rows;
    std::vector<Hit> taken;
    bool ended = false;
  };
  VectorQuery query_;
  std::vector<Source> sources_;
  size_t bytes_ = 0;
};

}  // namespace saker::segment
