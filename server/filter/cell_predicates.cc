#include "server/filter/cell_predicates.h"

#include <bit>
#include <cmath>
#include <utility>

#include "server/filter/json_scan.h"
#include "server/filter/like.h"
#include "server/filter/regex.h"
#include "server/filter/value_set.h"

namespace saker::filter {
namespace {

constexpr size_t kMaxNestedLists = 256;

struct CompareTest {
  Op op;
  Constant value;
  bool operator()(const Cell& cell) const { return CompareCell(op, cell, value); }
  bool OnText(std::string_view text) const { return Ordered(op, text, std::string_view(*value.text())); }
};

struct RangeTest {
  Bounds bounds;
  bool operator()(const Cell& cell) const {
    return CompareCell(bounds.low_inclusive ? Op::kGe : Op::kGt, cell, bounds.low) &&
           CompareCell(bounds.high_inclusive ? Op::kLe : Op::kLt, cell, bounds.high);
  }
};

struct InTest {
  std::shared_ptr<const ValueSet> values;
  bool negated;
  bool operator()(const Cell& cell) const { return values->Contains(cell) != negated; }
};

template <typename Matcher>
struct PatternTest {
  Matcher matcher;
  bool negated = false;
  bool operator()(const Cell& cell) const { return (cell.kind == Cell::Kind::kText && matcher.Matches(cell.text)) != negated; }
  bool OnText(std::string_view text) const { return matcher.Matches(text) != negated; }
};

struct EqualsListTest {
  Constant list;
  bool negated;
  bool operator()(const Cell& cell) const { return EqualsConstant(cell, list) != negated; }
};

__int128 IntegerResult(Op arith, __int128 a, __int128 b) {
  switch (arith) {
    case Op::kAdd: return a + b;
    case Op::kSub: return a - b;
    case Op::kMul: return a * b;
    case Op::kDiv: return a / b;
    default: return a % b;
  }
}

double RealResult(Op arith, double a, double b) {
  switch (arith) {
    case Op::kAdd: return a + b;
    case Op::kSub: return a - b;
    case Op::kMul: return a * b;
    default: return a / b;
  }
}

struct ArithmeticTest {
  Op arith;
  Constant operand;
  Op op;
  Constant value;
  bool operator()(const Cell& cell) const {
    if (!cell.is_number() || !value.is_number()) return op == Op::kNe;
    if (cell.kind == Cell::Kind::kInteger && operand.integer() != nullptr) {
      const __int128 result = IntegerResult(arith, cell.integer, *operand.integer());
      if (value.integer() != nullptr) return Ordered<__int128>(op, result, *value.integer());
      return Ordered(op, static_cast<double>(result), value.number());
    }
    if (arith == Op::kMod) return op == Op::kNe;
    return Ordered(op, RealResult(arith, cell.number(), operand.number()), value.number());
  }
};

struct ContainsTest {
  ContainsMode mode;
  std::shared_ptr<const ValueSet> scalars;
  std::shared_ptr<const std::vector<Constant>> lists;

  bool operator()(const Cell& cell) const { return mode == ContainsMode::kAll ? All(cell) : Any(cell); }

  bool Any(const Cell& cell) const {
    bool found = false;
    ForEachElement(cell, [&](const Cell& element) {
      found = scalars->Contains(element);
      for (size_t i = 0; i < lists->size() && !found; ++i) found = EqualsConstant(element, (*lists)[i]);
      return !found;
    });
    return found;
  }
  bool All(const Cell& cell) const {
    size_t missing = scalars->distinct() + lists->size();
    std::vector<bool> found(scalars->size() + lists->size());
    const bool is_array = ForEachElement(cell, [&](const Cell& element) {
      const int64_t place = scalars->Find(element);
      if (place >= 0 && !found[static_cast<size_t>(place)]) {
        found[static_cast<size_t>(place)] = true;
        --missing;
      }
      for (size_t i = 0; i < lists->size(); ++i) {
        if (found[scalars->size() + i] || !EqualsConstant(element, (*lists)[i])) continue;
        found[scalars->size() + i] = true;
        --missing;
      }
      return missing > 0;
    });
    return is_array && missing == 0;
  }
};

// True when something other than null, {}, [] is in there, however deep.
bool HasContent(const Cell& cell) {
  if (cell.kind == Cell::Kind::kArray) {
    bool found = false;
    ForEachElement(cell, [&](const Cell& element) {
      found = HasContent(element);
      return !found;
    });
    return found;
  }
  if (cell.kind != Cell::Kind::kObject) return cell.kind != Cell::Kind::kMissing;
  const simdjson::dom::object object = cell.json->get_object().value_unsafe();
  for (const auto member : object) {
    const simdjson::dom::element value = member.value;
    if (HasContent(Cell::FromJson(value))) return true;
  }
  return false;
}

struct ExistsTest {
  bool operator()(const Cell& cell) const { return HasContent(cell); }
};

// The one test that a kNull cell reaches.
struct NullTest {
  bool wants_null;
  bool operator()(const Cell& cell) const { return (cell.kind == Cell::Kind::kMissing || cell.kind == Cell::Kind::kNull) == wants_null; }
};

Cell LengthOf(const Cell& cell) {
  Cell length;
  length.kind = Cell::Kind::kMissing;
  if (cell.kind != Cell::Kind::kArray) return length;
  length.kind = Cell::Kind::kInteger;
  length.integer = static_cast<int64_t>(ElementCount(cell));
  return length;
}

Cell ReadColumn(const CellSource& source, const Column& column, size_t row) {
  Cell cell;
  if (source.type == DataType::kBool) {
    cell.kind = Cell::Kind::kBool;
    cell.boolean = column.Get<uint8_t>(row) != 0;
    return cell;
  }
  cell.text = column.Text(row);
  if (source.type != DataType::kArray) {
    cell.kind = Cell::Kind::kText;
    return cell;
  }
  cell.element_type = source.element_type;
  if (source.kind == CellSource::Kind::kElement) {
    const ArrayView array(cell.text, source.element_type);
    return static_cast<uint64_t>(source.index) < array.size() ? Cell::FromElement(array, static_cast<size_t>(source.index)) : Cell();
  }
  cell.kind = Cell::Kind::kArray;
  return source.length ? LengthOf(cell) : cell;
}

template <typename Test>
class CellPredicate final : public Predicate {
 public:
  CellPredicate(const CellSource& source, Test test) : source_(source), test_(std::move(test)) {}
  void Evaluate(Evaluation& evaluation, const uint64_t* mask, Block* out) const override {
    constexpr bool kTestsNull = std::is_same_v<Test, NullTest>;
    const Column& column = evaluation.column(source_.field);
    const size_t base = evaluation.base(source_.field);
    evaluation.Known(source_.field, out->known);
    for (size_t w = 0; w < evaluation.block_words(); ++w) {
      uint64_t truth = 0;
      uint64_t null = 0;
      for (uint64_t rows = mask[w] & (kTestsNull ? ~uint64_t{0} : out->known[w]); rows != 0; rows &= rows - 1) {
        const uint64_t bit = rows & -rows;
        const size_t row = w * 64 + static_cast<size_t>(std::countr_zero(rows));
        const bool valid = (out->known[w] & bit) != 0;
        const Cell cell = valid ? ReadColumn(source_, column, base + row) : Cell();
        if (!kTestsNull && cell.kind == Cell::Kind::kNull) {
          null |= bit;
        } else if (test_(cell)) {
          truth |= bit;
        }
      }
      out->truth[w] = truth;
      out->known[w] = kTestsNull ? ~uint64_t{0} : out->known[w] & ~null;
    }
  }
  int cost() const override { return source_.type == DataType::kBool ? 4 : source_.type == DataType::kArray ? 30 : 10; }

 private:
  CellSource source_;
  Test test_;
};

// The same over a plain column of strings, for tests that take a text as it is.
template <typename Test>
class TextPredicate final : public Predicate {
 public:
  TextPredicate(size_t field, Test test) : field_(field), test_(std::move(test)) {}
  void Evaluate(Evaluation& evaluation, const uint64_t* mask, Block* out) const override {
    const Column& column = evaluation.column(field_);
    const size_t base = evaluation.base(field_);
    evaluation.Known(field_, out->known);
    for (size_t w = 0; w < evaluation.block_words(); ++w) {
      uint64_t truth = 0;
      for (uint64_t rows = mask[w] & out->known[w]; rows != 0; rows &= rows - 1) {
        const auto bit = static_cast<size_t>(std::countr_zero(rows));
        if (test_.OnText(column.Text(base + w * 64 + bit))) truth |= uint64_t{1} << bit;
      }
      out->truth[w] = truth;
    }
  }
  int cost() const override { return 10; }

 private:
  size_t field_;
  Test test_;
};

template <typename Test>
class JsonPredicate final : public JsonLeaf {
 public:
  JsonPredicate(const CellSource& source, Test test)
      : JsonLeaf(source.json_field, source.leaf),
        length_(source.length),
        string_to_double_(source.string_to_double),
        test_(std::move(test)) {}
  bool Matches(const Cell& cell) const override {
    if (string_to_double_ && cell.kind == Cell::Kind::kText) {
      if (const std::optional<double> value = scalar_index::StringToDouble(cell.text)) {
        Cell number;
        number.kind = Cell::Kind::kReal;
        number.real = *value;
        return test_(number);
      }
    }
    return test_(length_ ? LengthOf(cell) : cell);
  }
  bool tests_null() const override { return std::is_same_v<Test, NullTest>; }
  bool null_outcome() const override {
    if constexpr (std::is_same_v<Test, NullTest>) return test_.wants_null;
    return false;
  }

 private:
  bool length_;
  bool string_to_double_;
  Test test_;
};

template <typename Test>
PredicatePtr Make(const CellSource& source, Test test) {
  if (source.kind == CellSource::Kind::kJson) return std::make_unique<JsonPredicate<Test>>(source, std::move(test));
  if constexpr (requires { test.OnText(std::string_view()); }) {
    if (source.kind == CellSource::Kind::kColumn && IsString(source.type)) {
      return std::make_unique<TextPredicate<Test>>(source.field, std::move(test));
    }
  }
  return std::make_unique<CellPredicate<Test>>(source, std::move(test));
}

// Elements of a Float array are compared as floats, like a Float column.
Constant Narrowed(const CellSource& source, Constant value) {
  if (source.kind != CellSource::Kind::kElement || source.element_type != DataType::kFloat || !value.is_number()) return value;
  const double number = value.number();
  if (std::fabs(number) <= static_cast<double>(std::numeric_limits<float>::max()))
    return Constant{static_cast<double>(static_cast<float>(number))};
  return value;
}

List NarrowedList(DataType element_type, const List& values) {
  if (element_type != DataType::kFloat) return values;
  const CellSource floats{.kind = CellSource::Kind::kElement, .element_type = DataType::kFloat};
  List narrowed;
  for (size_t i = 0; i < values.size(); ++i) narrowed.Add(Narrowed(floats, values.At(i)));
  return narrowed;
}

}  // namespace

PredicatePtr MakeCompare(const CellSource& source, Op op, Constant value) {
  return Make(source, CompareTest{op, Narrowed(source, std::move(value))});
}

PredicatePtr MakeRange(const CellSource& source, Bounds bounds) {
  bounds.low = Narrowed(source, std::move(bounds.low));
  bounds.high = Narrowed(source, std::move(bounds.high));
  return Make(source, RangeTest{std::move(bounds)});
}

PredicatePtr MakeIn(const CellSource& source, const List& values, bool negated) {
  return Make(source, InTest{std::make_shared<const ValueSet>(NarrowedList(source.element_type, values)), negated});
}

PredicatePtr MakeLike(const CellSource& source, LikeMatcher matcher) {
  return Make(source, PatternTest<LikeMatcher>{std::move(matcher)});
}

PredicatePtr MakeRegex(const CellSource& source, RegexMatcher matcher, bool negated) {
  return Make(source, PatternTest<RegexMatcher>{std::move(matcher), negated});
}

PredicatePtr MakeArithmetic(const CellSource& source, Op arith, Constant operand, Op op, Constant value) {
  return Make(source, ArithmeticTest{arith, std::move(operand), op, std::move(value)});
}

Result<PredicatePtr> MakeContains(const CellSource& source, ContainsMode mode, const List& values) {
  const List narrowed = NarrowedList(source.element_type, values);
  auto lists = std::make_shared<std::vector<Constant>>();
  if (narrowed.ints() == nullptr && narrowed.texts() == nullptr) {
    for (size_t i = 0; i < narrowed.size(); ++i) {
      if (Constant value = narrowed.At(i); value.list() != nullptr) lists->push_back(std::move(value));
    }
  }
  if (lists->size() > kMaxNestedLists)
    return InvalidArgument("contains has ", lists->size(), " lists as values, the limit is ", kMaxNestedLists);
  return Make(source, ContainsTest{mode, std::make_shared<const ValueSet>(narrowed), std::move(lists)});
}

PredicatePtr MakeEqualsList(const CellSource& source, Constant list, bool negated) {
  if (source.element_type == DataType::kFloat) list.value = std::make_shared<const List>(NarrowedList(DataType::kFloat, *list.list()));
  return Make(source, EqualsListTest{std::move(list), negated});
}

PredicatePtr MakeExists(const CellSource& source) {
  return Make(source, ExistsTest{});
}

PredicatePtr MakeCellNullTest(const CellSource& source, bool wants_null) {
  return Make(source, NullTest{wants_null});
}

}  // namespace saker::filter
