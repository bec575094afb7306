#include "server/filter/index_query.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace saker::filter {
namespace {

using scalar_index::Query;
using scalar_index::Terms;
using scalar_index::TextTest;

constexpr double kExact = 9007199254740992.0;  // 2^53
constexpr size_t kMaxValues = 1024;            // more are found faster by a scan with a hash table

// The values of one kind, as an index keeps them.
struct Values {
  enum class Kind { kNone, kInteger, kReal, kText, kBool } kind = Kind::kNone;
  std::vector<int64_t> integers;
  std::vector<double> reals;
  std::vector<std::string> texts;
};

// A Float column compares with the float nearest to the constant, or with an infinity beyond its range.
double Narrowed(DataType type, double value) {
  if (type != DataType::kFloat) return value;
  if (value > std::numeric_limits<float>::max()) return std::numeric_limits<double>::infinity();
  if (value < std::numeric_limits<float>::lowest()) return -std::numeric_limits<double>::infinity();
  return static_cast<double>(static_cast<float>(value));
}

Values::Kind KindOf(DataType type, const Constant& value) {
  if (type == DataType::kBool || (type == DataType::kJson && value.boolean() != nullptr)) return Values::Kind::kBool;
  if (IsInteger(type)) return Values::Kind::kInteger;
  if (IsFloating(type) || (type == DataType::kJson && value.is_number())) return Values::Kind::kReal;
  if (IsString(type) || (type == DataType::kJson && value.text() != nullptr)) return Values::Kind::kText;
  return Values::Kind::kNone;
}

// False when the constant is not of the kind, or the index could not tell it from its neighbours.
bool AddTo(DataType type, const Constant& value, Values* out) {
  const Values::Kind kind = KindOf(type, value);
  if (kind == Values::Kind::kNone || (out->kind != Values::Kind::kNone && out->kind != kind)) return false;
  out->kind = kind;
  switch (kind) {
    case Values::Kind::kBool:
      if (value.boolean() == nullptr) return false;
      out->integers.push_back(*value.boolean() ? 1 : 0);
      return true;
    case Values::Kind::kInteger:
      if (value.integer() == nullptr) return false;
      out->integers.push_back(*value.integer());
      return true;
    case Values::Kind::kReal:
      if (!value.is_number() || std::isnan(value.number())) return false;
      out->reals.push_back(Narrowed(type, value.number()));
      return true;
    default:
      if (value.text() == nullptr) return false;
      out->texts.push_back(*value.text());
      return true;
  }
}

template <typename T>
Terms<T> Sorted(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return {.values = std::move(values), .low = std::nullopt, .high = std::nullopt};
}

Query ValueQuery(Query::Op op, Values values) {
  Query query{.op = op, .boolean = values.kind == Values::Kind::kBool, .operand = Terms<int64_t>()};
  if (values.kind == Values::Kind::kReal) {
    query.operand = Sorted(std::move(values.reals));
  } else if (values.kind == Values::Kind::kText) {
    query.operand = Sorted(std::move(values.texts));
  } else {
    query.operand = Sorted(std::move(values.integers));
  }
  return query;
}

// `low` and `high` hold one value or none, of one kind that has an order.
std::optional<IndexQuery> BoundsQuery(Values low, bool low_inclusive, Values high, bool high_inclusive) {
  const Values::Kind kind = low.kind != Values::Kind::kNone ? low.kind : high.kind;
  if (kind == Values::Kind::kNone || kind == Values::Kind::kBool) return std::nullopt;
  if (low.kind != Values::Kind::kNone && high.kind != Values::Kind::kNone && low.kind != high.kind) return std::nullopt;
  const auto terms = [&](auto& from, auto& to) {
    Terms<typename std::decay_t<decltype(from)>::value_type> out;
    if (!from.empty()) out.low = {std::move(from[0]), low_inclusive};
    if (!to.empty()) out.high = {std::move(to[0]), high_inclusive};
    return out;
  };
  IndexQuery out;
  out.query.op = Query::Op::kRange;
  if (kind == Values::Kind::kInteger) out.query.operand = terms(low.integers, high.integers);
  if (kind == Values::Kind::kReal) out.query.operand = terms(low.reals, high.reals);
  if (kind == Values::Kind::kText) out.query.operand = terms(low.texts, high.texts);
  return out;
}

// Elements of an integer array equal a real only when that is whole.
std::optional<List> WholeNumbers(const List& values) {
  List out;
  for (size_t i = 0; i < values.size(); ++i) {
    Constant value = values.At(i);
    if (const double* real = value.real(); real != nullptr) {
      if (!(std::fabs(*real) < kExact) || *real != std::trunc(*real)) return std::nullopt;
      value = Constant{static_cast<int64_t>(*real)};
    }
    out.Add(std::move(value));
  }
  return out;
}

std::optional<Values> AllOf(DataType type, const List& values) {
  if (values.size() == 0 || values.size() > kMaxValues) return std::nullopt;
  Values out;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!AddTo(type, values.At(i), &out)) return std::nullopt;
  }
  return out;
}

}  // namespace

std::optional<IndexQuery> CompareQuery(DataType type, Op op, const Constant& value) {
  Values values;
  if (!AddTo(type, value, &values)) return std::nullopt;
  switch (op) {
    case Op::kEq:
    case Op::kNe: return IndexQuery{ValueQuery(Query::Op::kIn, std::move(values)), op == Op::kNe};
    case Op::kLt:
    case Op::kLe: return BoundsQuery({}, false, std::move(values), op == Op::kLe);
    default: return BoundsQuery(std::move(values), op == Op::kGe, {}, false);
  }
}

std::optional<IndexQuery> RangeQuery(DataType type, const Bounds& bounds) {
  Values low;
  Values high;
  if (!AddTo(type, bounds.low, &low) || !AddTo(type, bounds.high, &high)) return std::nullopt;
  return BoundsQuery(std::move(low), bounds.low_inclusive, std::move(high), bounds.high_inclusive);
}

std::optional<IndexQuery> InQuery(DataType type, const List& values, bool negated) {
  std::optional<Values> all = AllOf(type, values);
  if (!all) return std::nullopt;
  return IndexQuery{ValueQuery(Query::Op::kIn, *std::move(all)), negated};
}

std::optional<IndexQuery> ContainsQuery(DataType type, ContainsMode mode, const List& values) {
  std::optional<Values> all;
  if (type == DataType::kFloat) {
    // Beyond the range of its elements a constant stays what it is, and equals none of them.
    for (size_t i = 0; i < values.size(); ++i) {
      if (!(std::fabs(values.At(i).number()) <= static_cast<double>(std::numeric_limits<float>::max()))) return std::nullopt;
    }
    all = AllOf(type, values);
  } else if (IsInteger(type)) {
    if (const std::optional<List> whole = values.size() > kMaxValues ? std::nullopt : WholeNumbers(values)) all = AllOf(type, *whole);
  } else {
    all = AllOf(type, values);
  }
  if (!all) return std::nullopt;
  return IndexQuery{ValueQuery(mode == ContainsMode::kAll ? Query::Op::kContainsAll : Query::Op::kContainsAny, *std::move(all)), false};
}

IndexQuery LikeQuery(const LikeMatcher& matcher) {
  if (const std::string* text = matcher.whole_text()) {
    Values values;
    AddTo(DataType::kVarChar, Constant{*text}, &values);
    return {ValueQuery(Query::Op::kIn, std::move(values)), false};
  }
  TextTest test{.prefix = matcher.prefix(), .test = {}, .literals = matcher.literals()};
  if (!matcher.only_prefix()) test.test = [matcher](std::string_view text) { return matcher.Matches(text); };
  return {{.op = Query::Op::kText, .boolean = false, .operand = std::move(test)}, false};
}

IndexQuery TextQuery(std::function<bool(std::string_view)> test, bool negated) {
  return {{.op = Query::Op::kText, .boolean = false, .operand = TextTest{.prefix = "", .test = std::move(test), .literals = {}}}, negated};
}

IndexQuery MatchTextQuery(match::MatchQuery query) {
  return {{.op = Query::Op::kMatch, .boolean = false, .operand = std::move(query)}, false};
}

IndexQuery NullQuery(bool wants_null) {
  return {{.op = Query::Op::kKnown, .boolean = false, .operand = Terms<int64_t>()}, wants_null};
}

}  // namespace saker::filter
