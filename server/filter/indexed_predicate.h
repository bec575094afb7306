// A leaf that an index may answer: asked once for a whole batch, when that is cheaper than the column.
#pragma once

#include <vector>

#include "server/filter/index_query.h"
#include "server/filter/predicate.h"

namespace saker::filter {

// What the leaf reads: a field, or a path in a JSON field.
struct IndexedPlace {
  int64_t field_id = 0;
  std::vector<PathKey> path;
  bool string_to_double = false;  // an index that casts answers as the leaf does, and only such a one
};

// `leaf`: the number of its answer in an Evaluation. Evaluates as `inner` does, bit for bit.
PredicatePtr MakeIndexed(PredicatePtr inner, IndexedPlace place, IndexQuery query, size_t leaf);

}  // namespace saker::filter
