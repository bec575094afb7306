#include "server/filter/column_predicates.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "server/filter/compare_words.h"
#include "server/filter/value_set.h"

namespace saker::filter {
namespace {

// A test of one value, inlined into the loop over a column's values.
template <typename T, typename Test>
class NumberPredicate final : public Predicate {
 public:
  NumberPredicate(size_t field, Test test, int cost) : field_(field), test_(std::move(test)), cost_(cost) {}
  void Evaluate(Evaluation& evaluation, const uint64_t*, Block* out) const override {
    const T* const values = evaluation.column(field_).Span<T>().data() + evaluation.base(field_);
    FillWords(evaluation.block_rows(), out->truth, [this, values](size_t i) { return test_(values[i]); });
    evaluation.Known(field_, out->known);
  }
  int cost() const override { return cost_; }

 private:
  size_t field_;
  Test test_;
  int cost_;
};

template <typename T, typename Test>
PredicatePtr Make(size_t field, Test test, int cost = 1) {
  return std::make_unique<NumberPredicate<T, Test>>(field, std::move(test), cost);
}

// One or two comparisons of a column with numbers: both must hold.
template <typename T>
class BoundPredicate final : public Predicate {
 public:
  struct Bound {
    Op op;
    T value;
  };
  BoundPredicate(size_t field, Bound first, std::optional<Bound> second = std::nullopt) : field_(field), first_(first), second_(second) {}
  void Evaluate(Evaluation& evaluation, const uint64_t*, Block* out) const override {
    const T* const values = evaluation.column(field_).Span<T>().data() + evaluation.base(field_);
    CompareWords(first_.op, values, first_.value, evaluation.block_rows(), out->truth);
    if (second_) {
      uint64_t words[kBlockWords];
      CompareWords(second_->op, values, second_->value, evaluation.block_rows(), words);
      for (size_t w = 0; w < evaluation.block_words(); ++w) out->truth[w] &= words[w];
    }
    evaluation.Known(field_, out->known);
  }
  int cost() const override { return 1; }

 private:
  const size_t field_;
  const Bound first_;
  const std::optional<Bound> second_;
};

template <typename F>
PredicatePtr WithType(DataType type, F&& make) {
  switch (type) {
    case DataType::kInt8: return make(int8_t{});
    case DataType::kInt16: return make(int16_t{});
    case DataType::kInt32: return make(int32_t{});
    case DataType::kInt64: return make(int64_t{});
    case DataType::kFloat: return make(float{});
    default: CHECK(type == DataType::kDouble); return make(double{});
  }
}

// make(less) and so on for each comparison, so that the operator is fixed inside the loop.
template <typename F>
PredicatePtr WithOp(Op op, F&& make) {
  switch (op) {
    case Op::kEq: return make([](auto a, auto b) { return a == b; });
    case Op::kNe: return make([](auto a, auto b) { return a != b; });
    case Op::kLt: return make([](auto a, auto b) { return a < b; });
    case Op::kLe: return make([](auto a, auto b) { return a <= b; });
    case Op::kGt: return make([](auto a, auto b) { return a > b; });
    default: return make([](auto a, auto b) { return a >= b; });
  }
}

// A double beyond float's range becomes an infinity: it then lies beyond every finite value, as it should.
template <typename T>
T NarrowReal(double value) {
  if constexpr (std::is_same_v<T, float>) {
    if (value > std::numeric_limits<float>::max()) return std::numeric_limits<float>::infinity();
    if (value < std::numeric_limits<float>::lowest()) return -std::numeric_limits<float>::infinity();
  }
  return static_cast<T>(value);
}

template <typename T>
PredicatePtr CompareInteger(size_t field, Op op, __int128 value) {
  constexpr __int128 kLow = std::numeric_limits<T>::min();
  constexpr __int128 kHigh = std::numeric_limits<T>::max();
  if (value < kLow || value > kHigh) {
    const bool above = value > kHigh;
    return MakeUnlessNull(field, op == Op::kNe || (op != Op::kEq && above == (op == Op::kLt || op == Op::kLe)));
  }
  return std::make_unique<BoundPredicate<T>>(field, typename BoundPredicate<T>::Bound{op, static_cast<T>(value)});
}

class UnlessNull final : public Predicate {
 public:
  UnlessNull(size_t field, bool outcome) : field_(field), outcome_(outcome) {}
  void Evaluate(Evaluation& evaluation, const uint64_t*, Block* out) const override {
    std::fill_n(out->truth, evaluation.block_words(), outcome_ ? ~uint64_t{0} : 0);
    evaluation.Known(field_, out->known);
  }

 private:
  size_t field_;
  bool outcome_;
};

class NullTest final : public Predicate {
 public:
  NullTest(size_t field, bool wants_null) : field_(field), wants_null_(wants_null) {}
  void Evaluate(Evaluation& evaluation, const uint64_t*, Block* out) const override {
    evaluation.Known(field_, out->truth);
    for (size_t w = 0; w < evaluation.block_words(); ++w) {
      if (wants_null_) out->truth[w] = ~out->truth[w];
      out->known[w] = ~uint64_t{0};
    }
  }

 private:
  size_t field_;
  bool wants_null_;
};

class ColumnCompare final : public Predicate {
 public:
  ColumnCompare(size_t left, Op op, size_t right, bool as_text, bool as_real)
      : left_(left), right_(right), op_(op), as_text_(as_text), as_real_(as_real) {}
  void Evaluate(Evaluation& evaluation, const uint64_t*, Block* out) const override {
    const Column& a = evaluation.column(left_);
    const Column& b = evaluation.column(right_);
    const size_t base_a = evaluation.base(left_);
    const size_t base_b = evaluation.base(right_);
    FillWords(evaluation.block_rows(), out->truth, [&](size_t i) {
      if (as_text_) return Ordered(op_, a.Text(base_a + i), b.Text(base_b + i));
      if (as_real_) return Ordered(op_, a.GetNumber(base_a + i), b.GetNumber(base_b + i));
      return Ordered(op_, a.GetInteger(base_a + i), b.GetInteger(base_b + i));
    });
    uint64_t known[kBlockWords];
    evaluation.Known(left_, out->known);
    evaluation.Known(right_, known);
    for (size_t w = 0; w < evaluation.block_words(); ++w) out->known[w] &= known[w];
  }
  int cost() const override { return 6; }

 private:
  size_t left_;
  size_t right_;
  Op op_;
  bool as_text_;
  bool as_real_;
};

template <typename T>
PredicatePtr IntegerArithmetic(size_t field, Op arith, int64_t operand, Op op, int64_t value) {
  // Moving the operand to the other side makes sums plain comparisons, and 128 bits keep everything exact.
  if (arith == Op::kAdd) return CompareInteger<T>(field, op, static_cast<__int128>(value) - operand);
  if (arith == Op::kSub) return CompareInteger<T>(field, op, static_cast<__int128>(value) + operand);
  return WithOp(op, [&](auto compare) {
    const __int128 wide = operand;
    const __int128 wanted = value;
    if (arith == Op::kMul)
      return Make<T>(
          field, [=](T v) { return compare(wide * v, wanted); }, 2);
    if (operand == -1) {  // the one divisor whose quotient can overflow
      if (arith == Op::kDiv)
        return Make<T>(
            field, [=](T v) { return compare(-static_cast<__int128>(v), wanted); }, 2);
      return Make<T>(
          field, [=](T) { return compare(int64_t{0}, value); }, 2);
    }
    if (arith == Op::kDiv)
      return Make<T>(
          field, [=](T v) { return compare(static_cast<int64_t>(v) / operand, value); }, 8);
    return Make<T>(
        field, [=](T v) { return compare(static_cast<int64_t>(v) % operand, value); }, 8);
  });
}

template <typename T>
PredicatePtr RealArithmetic(size_t field, Op arith, T operand, Op op, T value) {
  return WithOp(op, [&](auto compare) {
    switch (arith) {
      case Op::kAdd: return Make<T>(field, [=](T v) { return compare(v + operand, value); });
      case Op::kSub: return Make<T>(field, [=](T v) { return compare(v - operand, value); });
      case Op::kMul: return Make<T>(field, [=](T v) { return compare(v * operand, value); });
      default:
        return Make<T>(
            field, [=](T v) { return compare(v / operand, value); }, 4);
    }
  });
}

}  // namespace

PredicatePtr MakeUnlessNull(size_t field, bool outcome) {
  return std::make_unique<UnlessNull>(field, outcome);
}

PredicatePtr MakeNullTest(size_t field, bool wants_null) {
  return std::make_unique<NullTest>(field, wants_null);
}

PredicatePtr MakeNumberCompare(size_t field, DataType type, Op op, const Constant& value) {
  return WithType(type, [&](auto zero) -> PredicatePtr {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      return CompareInteger<T>(field, op, *value.integer());
    } else {
      return std::make_unique<BoundPredicate<T>>(field, typename BoundPredicate<T>::Bound{op, NarrowReal<T>(value.number())});
    }
  });
}

PredicatePtr MakeNumberRange(size_t field, DataType type, const Bounds& bounds) {
  return WithType(type, [&](auto zero) -> PredicatePtr {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      __int128 low = *bounds.low.integer();
      __int128 high = *bounds.high.integer();
      low = std::max<__int128>(low + (bounds.low_inclusive ? 0 : 1), std::numeric_limits<T>::min());
      high = std::min<__int128>(high - (bounds.high_inclusive ? 0 : 1), std::numeric_limits<T>::max());
      if (low > high) return MakeUnlessNull(field, false);
      using Bound = typename BoundPredicate<T>::Bound;
      return std::make_unique<BoundPredicate<T>>(field, Bound{Op::kGe, static_cast<T>(low)}, Bound{Op::kLe, static_cast<T>(high)});
    } else {
      using Bound = typename BoundPredicate<T>::Bound;
      return std::make_unique<BoundPredicate<T>>(field, Bound{bounds.low_inclusive ? Op::kGe : Op::kGt, NarrowReal<T>(bounds.low.number())},
                                                 Bound{bounds.high_inclusive ? Op::kLe : Op::kLt, NarrowReal<T>(bounds.high.number())});
    }
  });
}

PredicatePtr MakeNumberIn(size_t field, DataType type, const List& values, bool negated) {
  if (values.size() == 0) return MakeUnlessNull(field, negated);
  return WithType(type, [&](auto zero) -> PredicatePtr {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      const auto set = std::make_shared<const IntegerSet>(*values.ints());
      return Make<T>(
          field, [set, negated](T v) { return set->Contains(v) != negated; }, 3);
    } else {
      std::vector<T> sorted;
      for (size_t i = 0; i < values.size(); ++i) {
        const double number = values.At(i).number();
        if (!std::isnan(number)) sorted.push_back(NarrowReal<T>(number));
      }
      std::sort(sorted.begin(), sorted.end());
      return Make<T>(
          field, [sorted = std::move(sorted), negated](T v) { return std::binary_search(sorted.begin(), sorted.end(), v) != negated; }, 6);
    }
  });
}

PredicatePtr MakeNumberArithmetic(size_t field, DataType type, Op arith, const Constant& operand, Op op, const Constant& value) {
  return WithType(type, [&](auto zero) -> PredicatePtr {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      return IntegerArithmetic<T>(field, arith, *operand.integer(), op, *value.integer());
    } else {
      return RealArithmetic<T>(field, arith, NarrowReal<T>(operand.number()), op, NarrowReal<T>(value.number()));
    }
  });
}

PredicatePtr MakeColumnCompare(size_t left, DataType left_type, Op op, size_t right, DataType right_type) {
  return std::make_unique<ColumnCompare>(left, op, right, IsString(left_type), IsFloating(left_type) || IsFloating(right_type));
}

}  // namespace saker::filter
