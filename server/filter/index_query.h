// What a bound leaf of a filter asks of a scalar index, in the index' own terms. Absent where an index could not give the leaf's
// exact outcome; the leaf is then evaluated from the column.
#pragma once

#include <optional>
#include <vector>

#include "server/filter/cell_predicates.h"
#include "server/filter/column_predicates.h"
#include "server/filter/constant.h"
#include "server/filter/like.h"
#include "server/scalar_index/query.h"
#include "server/scalar_index/spec.h"

namespace saker::filter {

struct IndexQuery {
  scalar_index::Query query;
  bool negated = false;  // TRUE for the rows that are known and not found
};

// `type`: of the column, of the elements of its arrays, or kJson. Constants were cast to it.
std::optional<IndexQuery> CompareQuery(DataType type, Op op, const Constant& value);
std::optional<IndexQuery> RangeQuery(DataType type, const Bounds& bounds);
std::optional<IndexQuery> InQuery(DataType type, const List& values, bool negated);
std::optional<IndexQuery> ContainsQuery(DataType type, ContainsMode mode, const List& values);
IndexQuery LikeQuery(const LikeMatcher& matcher);
// `test` decides alone: a regular expression.
IndexQuery TextQuery(std::function<bool(std::string_view)> test, bool negated);
IndexQuery MatchTextQuery(match::MatchQuery query);
IndexQuery NullQuery(bool wants_null);

}  // namespace saker::filter
