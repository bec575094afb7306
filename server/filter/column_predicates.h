// Predicates on plain columns of numbers, as loops over their packed values.
#pragma once

#include "server/filter/predicate.h"

namespace saker::filter {

struct Bounds {
  Constant low;
  Constant high;
  bool low_inclusive;
  bool high_inclusive;
};

// Constants were cast: integers for integer columns, numbers for floating ones. Those that the column's type cannot hold
// never match, or always.
PredicatePtr MakeNumberCompare(size_t field, DataType type, Op op, const Constant& value);
PredicatePtr MakeNumberRange(size_t field, DataType type, const Bounds& bounds);
PredicatePtr MakeNumberIn(size_t field, DataType type, const List& values, bool negated);
// column arith operand op value
PredicatePtr MakeNumberArithmetic(size_t field, DataType type, Op arith, const Constant& operand, Op op, const Constant& value);
PredicatePtr MakeNullTest(size_t field, bool wants_null);
// Two columns of numbers, strings or booleans.
PredicatePtr MakeColumnCompare(size_t left, DataType left_type, Op op, size_t right, DataType right_type);
// `outcome` for every row that is not null.
PredicatePtr MakeUnlessNull(size_t field, bool outcome);

}  // namespace saker::filter
