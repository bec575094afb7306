#include "server/filter/fold.h"

#include <cmath>

#include "server/filter/cell.h"

namespace saker::filter {

std::string_view OpText(Op op) {
  constexpr std::string_view kTexts[] = {"==", "!=", "<", "<=", ">", ">=", "+",   "-", "*", "/",
                                         "%",  "**", "&", "|",  "^", "<<", "not", "-", "+", "~"};
  return kTexts[static_cast<size_t>(op)];
}

Result<Constant> FoldArithmetic(Op op, const Constant& a, const Constant& b) {
  if (!a.is_number() || !b.is_number())
    return InvalidArgument("'", OpText(op), "' can only be used between integer or floating or json field expressions");
  if (op == Op::kPow) return Constant{std::pow(a.number(), b.number())};
  if (op == Op::kMod && (a.integer() == nullptr || b.integer() == nullptr))
    return InvalidArgument("modulo can only apply on integer types");
  if (op == Op::kDiv && b.number() == 0) return InvalidArgument("cannot divide by zero");
  if (op == Op::kMod && b.number() == 0) return InvalidArgument("cannot modulo by zero");
  if (a.integer() != nullptr && b.integer() != nullptr) {
    const int64_t x = *a.integer();
    const int64_t y = *b.integer();
    int64_t result = 0;
    bool overflow = false;
    switch (op) {
      case Op::kAdd: overflow = __builtin_add_overflow(x, y, &result); break;
      case Op::kSub: overflow = __builtin_sub_overflow(x, y, &result); break;
      case Op::kMul: overflow = __builtin_mul_overflow(x, y, &result); break;
      case Op::kDiv:
        overflow = x == INT64_MIN && y == -1;
        result = overflow ? 0 : x / y;
        break;
      default: result = y == -1 ? 0 : x % y;
    }
    if (overflow) return InvalidArgument("integer overflow in ", x, " ", OpText(op), " ", y);
    return Constant{result};
  }
  const double x = a.number();
  const double y = b.number();
  return Constant{op == Op::kAdd ? x + y : op == Op::kSub ? x - y : op == Op::kMul ? x * y : x / y};
}

Result<Constant> FoldUnary(Op op, const Constant& a) {
  if (op == Op::kNot) {
    if (a.boolean() == nullptr) return InvalidArgument("'not' can only be applied on boolean expression");
    return Constant{!*a.boolean()};
  }
  if (!a.is_number()) return InvalidArgument("unary '", OpText(op), "' can only be applied on numbers");
  if (op == Op::kPlus) return a;
  if (a.real() != nullptr) return Constant{-*a.real()};
  if (*a.integer() == INT64_MIN) return InvalidArgument("integer overflow in -(", INT64_MIN, ")");
  return Constant{-*a.integer()};
}

Result<bool> FoldComparison(Op op, const Constant& a, const Constant& b, std::string_view text) {
  if (a.integer() != nullptr && b.integer() != nullptr) return Ordered(op, *a.integer(), *b.integer());
  if (a.is_number() && b.is_number()) return Ordered(op, a.number(), b.number());
  if (a.text() != nullptr && b.text() != nullptr) return Ordered(op, *a.text(), *b.text());
  if (a.boolean() != nullptr && b.boolean() != nullptr && (op == Op::kEq || op == Op::kNe)) return Ordered(op, *a.boolean(), *b.boolean());
  return InvalidArgument("comparison operations cannot be applied to two incompatible operands: ", text.substr(0, 1024));
}

}  // namespace saker::filter
