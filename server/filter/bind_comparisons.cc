// Comparisons, ranges, in, like, regular expressions, null tests.
#include <utility>

#include "server/filter/binder.h"
#include "server/filter/column_predicates.h"
#include "server/filter/fold.h"

namespace saker::filter {
namespace {

Op Mirrored(Op op) {
  switch (op) {
    case Op::kLt: return Op::kGt;
    case Op::kLe: return Op::kGe;
    case Op::kGt: return Op::kLt;
    case Op::kGe: return Op::kLe;
    default: return op;
  }
}

bool Comparable(DataType a, DataType b) {
  if (a == DataType::kJson || b == DataType::kJson) return true;
  return (a == DataType::kBool && b == DataType::kBool) || (IsNumber(a) && IsNumber(b)) || (IsString(a) && IsString(b));
}

Status NotComparable(DataType a, DataType b) {
  return InvalidArgument("comparisons between ", DataTypeName(a), " and ", DataTypeName(b), " are not supported");
}

// Whether a constant can stand for a value of the type: no float for integers.
bool Castable(DataType type, const Constant& value) {
  if (type == DataType::kJson) return value.list() == nullptr;
  if (type == DataType::kBool) return value.boolean() != nullptr;
  if (IsString(type)) return value.text() != nullptr;
  if (IsInteger(type)) return value.integer() != nullptr;
  return IsFloating(type) && value.is_number();
}

bool IsNumberColumn(bool plain, DataType type) {
  return plain && IsNumber(type);
}

}  // namespace

Result<Binder::Bound> Binder::BindComparison(const Node& node, Bound left, Bound right) {
  const auto* a = std::get_if<Constant>(&left);
  const auto* b = std::get_if<Constant>(&right);
  if (a != nullptr && b != nullptr) return Bound(Constant{TRY(FoldComparison(node.op, *a, *b, Slice(node)))});
  if (std::holds_alternative<PredicatePtr>(left) || std::holds_alternative<PredicatePtr>(right)) {
    return InvalidArgument("comparison operations cannot be applied to two incompatible operands: ", Slice(node));
  }
  if (b != nullptr) return Bound(TRY(CompareWithConstant(node.op, std::get<Operand>(left), *b)));
  if (a != nullptr) return Bound(TRY(CompareWithConstant(Mirrored(node.op), std::get<Operand>(right), *a)));
  return Bound(TRY(CompareOperands(node.op, std::get<Operand>(left), std::get<Operand>(right))));
}

Result<PredicatePtr> Binder::CompareWithConstant(Op op, const Operand& operand, const Constant& value) {
  const DataType type = operand.type();
  if (value.list() != nullptr && (operand.whole_array() || type == DataType::kJson) && !operand.arithmetic.has_value()) {
    if (op != Op::kEq && op != Op::kNe) return InvalidArgument("lists can only be compared by == and !=");
    return MakeEqualsList(Source(operand), value, op == Op::kNe);
  }
  if (operand.whole_array()) return InvalidArgument("can not comparisons array fields directly");
  if (!Comparable(type, value.type()) || value.list() != nullptr) return NotComparable(type, value.type());
  if (!Castable(type, value)) return InvalidArgument("cannot cast value to ", DataTypeName(type), ", value: ", ValueText(value));
  if (operand.arithmetic.has_value()) return CompareArithmetic(op, operand, value);
  PredicatePtr predicate;
  if (IsNumberColumn(operand.plain_column(), type)) {
    predicate = MakeNumberCompare(FieldNumber(*operand.field), type, op, value);
  } else {
    predicate = MakeCompare(Source(operand, value.is_number()), op, value);
  }
  if (op == Op::kEq && operand.plain_column()) {
    auto keys = std::make_shared<KeyConstraint>();
    keys->field = FieldNumber(*operand.field);
    keys->values.Add(value);
    predicate->keys = std::move(keys);
  }
  return Indexed(std::move(predicate), operand, CompareQuery(type, op, value));
}

Result<PredicatePtr> Binder::CompareArithmetic(Op op, const Operand& operand, const Constant& value) {
  if (!value.is_number()) return NotComparable(operand.type(), value.type());
  const auto& [arith, by] = *operand.arithmetic;
  if (operand.plain_column()) return MakeNumberArithmetic(FieldNumber(*operand.field), operand.type(), arith, by, op, value);
  return MakeArithmetic(Source(operand), arith, by, op, value);
}

Result<PredicatePtr> Binder::CompareOperands(Op op, const Operand& left, const Operand& right) {
  if (left.arithmetic.has_value() || right.arithmetic.has_value()) {
    return InvalidArgument("not supported to do arithmetic operations between multiple fields");
  }
  if (left.json || right.json) return InvalidArgument("two column comparison with JSON type is not supported");
  if (left.whole_array() || right.whole_array()) return InvalidArgument("can not comparisons array fields directly");
  if (!Comparable(left.type(), right.type())) return NotComparable(left.type(), right.type());
  if (!left.plain_column() || !right.plain_column()) {
    return InvalidArgument("comparisons between an array element or length and another field are not supported");
  }
  const size_t a = FieldNumber(*left.field);
  return MakeColumnCompare(a, left.type(), op, FieldNumber(*right.field), right.type());
}

Result<Binder::Bound> Binder::BindRange(const Node& node) {
  Bound low = TRY(BindNode(*node.children[0]));
  const Operand operand = TRY(ResolvePath(*node.children[1]));
  Bound high = TRY(BindNode(*node.children[2]));
  auto* first = std::get_if<Constant>(&low);
  auto* last = std::get_if<Constant>(&high);
  if (operand.whole_array()) return InvalidArgument("can not comparisons array fields directly");
  if (first == nullptr) return InvalidArgument("lowerbound cannot be a non-const expression: ", Slice(*node.children[0]));
  if (last == nullptr) return InvalidArgument("upperbound cannot be a non-const expression: ", Slice(*node.children[2]));
  Bounds bounds{std::move(*first), std::move(*last), node.op == Op::kLe, node.op2 == Op::kLe};
  if (node.op == Op::kGt || node.op == Op::kGe) {
    std::swap(bounds.low, bounds.high);
    bounds.low_inclusive = node.op2 == Op::kGe;
    bounds.high_inclusive = node.op == Op::kGe;
  }
  const DataType type = operand.type();
  if (type == DataType::kBool || bounds.low.boolean() != nullptr || bounds.high.boolean() != nullptr) {
    return InvalidArgument("invalid range operations on boolean expr");
  }
  for (const Constant* bound : {&bounds.low, &bounds.high}) {
    if (!Castable(type, *bound)) {
      return InvalidArgument("invalid range operations: cannot cast value to ", DataTypeName(type), ", value: ", ValueText(*bound));
    }
  }
  if ((bounds.low.text() != nullptr) != (bounds.high.text() != nullptr))
    return InvalidArgument("invalid range operations: bounds of different types");
  const Op impossible = bounds.low_inclusive && bounds.high_inclusive ? Op::kGt : Op::kGe;
  if (TRY(FoldComparison(impossible, bounds.low, bounds.high, Slice(node))))
    return InvalidArgument("invalid range: lowerbound is greater than upperbound");
  std::optional<IndexQuery> query = RangeQuery(type, bounds);
  const bool numbers = bounds.low.is_number() && bounds.high.is_number();
  PredicatePtr predicate = IsNumberColumn(operand.plain_column(), type) ? MakeNumberRange(FieldNumber(*operand.field), type, bounds)
                                                                        : MakeRange(Source(operand, numbers), std::move(bounds));
  return Bound(Indexed(std::move(predicate), operand, std::move(query)));
}

Result<Binder::Bound> Binder::BindIn(const Node& node) {
  Bound left = TRY(BindNode(*node.children[0]));
  Bound right = TRY(BindNode(*node.children[1]));
  if (std::holds_alternative<Constant>(left)) return InvalidArgument("'term' can only be used on non-const expression: ", Slice(node));
  const auto* operand = std::get_if<Operand>(&left);
  if (operand == nullptr || operand->arithmetic.has_value() || operand->length) {
    return InvalidArgument("'term' can only be used on single field, but got: ", Slice(node));
  }
  const auto* value = std::get_if<Constant>(&right);
  const List* list = value == nullptr ? nullptr : value->list();
  if (list == nullptr) {
    const Node& written = *node.children[1];
    if (written.kind == NodeKind::kTemplate)
      return InvalidArgument("the value of term expression template variable {", written.name, "} is not array");
    return InvalidArgument("the right-hand side of 'in' must be a list, but got: ", Slice(written));
  }
  if (operand->whole_array()) return InvalidArgument("can not comparisons array fields directly");
  const DataType type = operand->type();
  if (type != DataType::kJson && type != DataType::kBool && !IsNumber(type) && !IsString(type))
    return NotComparable(type, DataType::kArray);
  const bool fits = (list->ints() != nullptr && (IsNumber(type) || type == DataType::kJson)) ||
                    (list->reals() != nullptr && (IsFloating(type) || type == DataType::kJson)) ||
                    (list->texts() != nullptr && (IsString(type) || type == DataType::kJson));
  for (size_t i = 0; i < list->size() && !fits; ++i) {
    const Constant element = list->At(i);
    if (!Castable(type, element))
      return InvalidArgument("value '", ValueText(element), "' in list cannot be casted to ", DataTypeName(type));
  }
  PredicatePtr predicate;
  if (list->size() == 0 && operand->plain_column() && !operand->field->nullable) {
    FieldNumber(*operand->field);
    predicate = MakeConstant(node.negated);
  } else if (IsNumberColumn(operand->plain_column(), type)) {
    predicate = MakeNumberIn(FieldNumber(*operand->field), type, *list, node.negated);
  } else {
    bool numbers = list->size() > 0;
    for (size_t i = 0; i < list->size() && numbers; ++i) numbers = list->At(i).is_number();
    predicate = MakeIn(Source(*operand, numbers), *list, node.negated);
  }
  if (!node.negated && operand->plain_column()) {
    auto keys = std::make_shared<KeyConstraint>();
    keys->field = FieldNumber(*operand->field);
    keys->values = *list;
    predicate->keys = std::move(keys);
  }
  return Bound(Indexed(std::move(predicate), *operand, InQuery(type, *list, node.negated)));
}

Result<Binder::Bound> Binder::BindPattern(const Node& node) {
  const bool regex = node.kind == NodeKind::kRegex;
  const std::string_view sign = !regex ? "like" : node.negated ? "!~" : "=~";
  Bound left = TRY(BindNode(*node.children[0]));
  Bound right = TRY(BindNode(*node.children[1]));
  const auto* operand = std::get_if<Operand>(&left);
  const auto* pattern = std::get_if<Constant>(&right);
  if (pattern == nullptr || pattern->text() == nullptr)
    return InvalidArgument("the right-hand side of '", sign, "' must be a string, but got: ", Slice(*node.children[1]));
  if (operand == nullptr || operand->arithmetic.has_value() || operand->length) {
    return InvalidArgument(sign, " operation on complicated expr is unsupported");
  }
  if (operand->whole_array()) return InvalidArgument("can not comparisons array fields directly");
  if (!IsString(operand->type()) && operand->type() != DataType::kJson) {
    return InvalidArgument(sign, " operation on non-string or no-json field is unsupported");
  }
  if (regex) {
    const RegexMatcher matcher = TRY(RegexMatcher::Compile(*pattern->text()));
    IndexQuery query = TextQuery([matcher](std::string_view text) { return matcher.Matches(text); }, node.negated);
    return Bound(Indexed(MakeRegex(Source(*operand), matcher, node.negated), *operand, std::move(query)));
  }
  LikeMatcher matcher = TRY(LikeMatcher::Compile(*pattern->text()));
  IndexQuery query = LikeQuery(matcher);
  return Bound(Indexed(MakeLike(Source(*operand), std::move(matcher)), *operand, std::move(query)));
}

Result<Binder::Bound> Binder::BindExists(const Node& node) {
  Bound child = TRY(BindNode(*node.children[0]));
  const auto* operand = std::get_if<Operand>(&child);
  if (operand == nullptr || !operand->json || operand->arithmetic.has_value() || operand->length) {
    return InvalidArgument("exists operations are only supported on json fields now, got: ", Slice(node));
  }
  if (operand->keys.empty()) return InvalidArgument("exists operations are only supported on json key");
  return Bound(MakeExists(Source(*operand)));
}

Result<Binder::Bound> Binder::BindNullTest(const Node& node) {
  const Operand operand = TRY(ResolvePath(*node.children[0]));
  if (IsVector(operand.field->type))
    return InvalidArgument("is null and is not null are not supported on vector fields, got: ", Slice(node));
  const bool wants_null = !node.negated;
  if (operand.plain_column()) return Bound(Indexed(MakeNullTest(FieldNumber(*operand.field), wants_null), operand, NullQuery(wants_null)));
  return Bound(MakeCellNullTest(Source(operand), wants_null));
}

}  // namespace saker::filter
