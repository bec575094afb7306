// Predicates that look at one value at a time: strings, booleans, array elements, whole arrays, JSON paths.
#pragma once

#include <optional>

#include "server/filter/column_predicates.h"
#include "server/filter/like.h"
#include "server/filter/predicate.h"
#include "server/filter/regex.h"

namespace saker::filter {

// Where the values come from.
struct CellSource {
  enum class Kind { kColumn, kElement, kJson };
  Kind kind = Kind::kColumn;
  size_t field = 0;
  DataType type = DataType::kNone;
  DataType element_type = DataType::kNone;
  int64_t index = 0;              // kElement
  size_t json_field = 0;          // kJson
  size_t leaf = 0;                // kJson
  bool length = false;            // array_length of it
  bool string_to_double = false;  // kJson: a text stands for the number that it begins with
};

enum class ContainsMode { kOne, kAll, kAny };

PredicatePtr MakeCompare(const CellSource& source, Op op, Constant value);
PredicatePtr MakeRange(const CellSource& source, Bounds bounds);
PredicatePtr MakeIn(const CellSource& source, const List& values, bool negated);
PredicatePtr MakeLike(const CellSource& source, LikeMatcher matcher);
PredicatePtr MakeRegex(const CellSource& source, RegexMatcher matcher, bool negated);
PredicatePtr MakeArithmetic(const CellSource& source, Op arith, Constant operand, Op op, Constant value);
Result<PredicatePtr> MakeContains(const CellSource& source, ContainsMode mode, const List& values);
PredicatePtr MakeEqualsList(const CellSource& source, Constant list, bool negated);
PredicatePtr MakeExists(const CellSource& source);
PredicatePtr MakeCellNullTest(const CellSource& source, bool wants_null);

}  // namespace saker::filter
