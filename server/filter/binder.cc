#include "server/filter/binder.h"

#include <algorithm>
#include <utility>

#include "server/filter/fold.h"
#include "server/filter/indexed_predicate.h"

namespace saker::filter {
namespace {

bool IsComparison(Op op) {
  return op <= Op::kGe;
}

}  // namespace

DataType Binder::Operand::type() const {
  if (length) return DataType::kInt64;
  return element ? field->element_type : field->type;
}

Result<PredicatePtr> Binder::Bind(const Node& root) {
  Bound bound = TRY(BindNode(root));
  if (auto* predicate = std::get_if<PredicatePtr>(&bound)) return std::move(*predicate);
  const auto* constant = std::get_if<Constant>(&bound);
  if (constant != nullptr && constant->boolean() != nullptr) return MakeConstant(*constant->boolean());
  const DataType type = constant != nullptr ? constant->type() : std::get<Operand>(bound).type();
  return InvalidArgument("predicate is not a boolean expression: ", text_.substr(0, 1024), ", data type: ", DataTypeName(type));
}

Result<Binder::Bound> Binder::BindNode(const Node& node) {
  switch (node.kind) {
    case NodeKind::kConstant: return Bound(node.constant);
    case NodeKind::kList: return Bound(TRY(BindList(node)));
    case NodeKind::kTemplate: return Bound(TRY(FindTemplate(node.name)));
    case NodeKind::kPath: return Bound(TRY(ResolvePath(node)));
    case NodeKind::kUnary: return BindUnary(node);
    case NodeKind::kBinary: return BindBinary(node);
    case NodeKind::kAnd:
    case NodeKind::kOr: return BindLogic(node);
    case NodeKind::kRange: return BindRange(node);
    case NodeKind::kIn: return BindIn(node);
    case NodeKind::kLike:
    case NodeKind::kRegex: return BindPattern(node);
    case NodeKind::kExists: return BindExists(node);
    case NodeKind::kIsNull: return BindNullTest(node);
    case NodeKind::kCall: return BindCall(node);
  }
  return Internal("expression node of unknown kind");
}

Result<Constant> Binder::FindTemplate(const std::string& name) {
  const auto found = templates_.find(name);
  if (found == templates_.end()) return InvalidArgument("the value of expression template variable name {", name, "} is not found");
  return ConstantFromTemplate(found->second);
}

// The packed list as the parser made it, unless elements had to be computed.
Result<Constant> Binder::BindList(const Node& node) {
  if (node.computed.empty()) return Constant{std::shared_ptr<const List>(node.list)};
  auto list = std::make_shared<List>();
  size_t next = 0;
  for (size_t i = 0; i < node.list->size(); ++i) {
    if (next == node.computed.size() || node.computed[next].first != i) {
      list->Add(node.list->At(i));
      continue;
    }
    Bound element = TRY(BindNode(*node.computed[next++].second));
    auto* constant = std::get_if<Constant>(&element);
    if (constant == nullptr)
      return InvalidArgument("array element can only be constants, but got: ", Slice(*node.computed[next - 1].second));
    list->Add(std::move(*constant));
  }
  return Constant{std::shared_ptr<const List>(std::move(list))};
}

// A name that the schema lacks is a key of the dynamic field.
Result<Binder::Operand> Binder::ResolvePath(const Node& node) {
  Operand operand;
  operand.field = schema_.Find(node.name);
  operand.keys = node.keys;
  if (operand.field == nullptr) {
    operand.field = schema_.DynamicField();
    if (operand.field == nullptr) return InvalidArgument("field ", node.name, " not exist");
    if (node.name != kDynamicFieldName)
      operand.keys.insert(operand.keys.begin(), PathKey{.name = node.name, .index = -1, .is_string = true});
  }
  const DataType type = operand.field->type;
  operand.json = type == DataType::kJson;
  if (operand.json || operand.keys.empty()) return operand;
  if (type != DataType::kArray) return InvalidArgument(DataTypeName(type), " data type not supported accessed with []");
  if (operand.keys.size() != 1 || operand.keys[0].is_string) {
    return InvalidArgument("can only access array field with integer index, but got: ", Slice(node));
  }
  operand.element = true;
  operand.index = operand.keys[0].index;
  return operand;
}

size_t Binder::FieldNumber(const FieldSchema& field) {
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].id == field.id) return i;
  }
  fields_.push_back({field.id, field.name, field.type, field.element_type, field.default_value});
  return fields_.size() - 1;
}

PredicatePtr Binder::Indexed(PredicatePtr predicate, const Operand& operand, std::optional<IndexQuery> query) {
  if (!query || operand.element || operand.length || operand.arithmetic.has_value()) return predicate;
  IndexedPlace place{
      .field_id = operand.field->id, .path = operand.json ? operand.keys : std::vector<PathKey>(), .string_to_double = Casts(operand)};
  return MakeIndexed(std::move(predicate), std::move(place), *std::move(query), indexed_leaves_++);
}

bool Binder::Casts(const Operand& operand) const {
  if (!operand.json || operand.length || operand.arithmetic.has_value()) return false;
  return std::any_of(casts_.begin(), casts_.end(),
                     [&](const auto& cast) { return cast.first == operand.field->id && cast.second == operand.keys; });
}

CellSource Binder::Source(const Operand& operand, bool numbers) {
  CellSource source;
  source.string_to_double = numbers && Casts(operand);
  source.field = FieldNumber(*operand.field);
  source.type = operand.field->type;
  source.element_type = operand.field->element_type;
  source.length = operand.length;
  if (operand.element) {
    source.kind = CellSource::Kind::kElement;
    source.index = operand.index;
  }
  if (!operand.json) return source;
  source.kind = CellSource::Kind::kJson;
  const auto found =
      std::find_if(json_fields_.begin(), json_fields_.end(), [&](const JsonField& json) { return json.field == source.field; });
  source.json_field = static_cast<size_t>(found - json_fields_.begin());
  if (found == json_fields_.end()) json_fields_.push_back({.field = source.field, .paths = {}, .path_of_leaf = {}});
  JsonField& json = json_fields_[source.json_field];
  size_t path = 0;
  while (path < json.paths.size() && json.paths[path].keys != operand.keys) ++path;
  if (path == json.paths.size()) json.paths.push_back({.keys = operand.keys, .leaves = {}});
  source.leaf = json.path_of_leaf.size();
  json.path_of_leaf.push_back(path);
  return source;
}

Result<Binder::Bound> Binder::BindUnary(const Node& node) {
  Bound child = TRY(BindNode(*node.children[0]));
  if (node.op == Op::kBitNot) return InvalidArgument("BitNot is not supported");
  if (const auto* constant = std::get_if<Constant>(&child)) return Bound(TRY(FoldUnary(node.op, *constant)));
  if (node.op != Op::kNot) return InvalidArgument("unary '", OpText(node.op), "' can only be applied on constants, but got: ", Slice(node));
  auto* predicate = std::get_if<PredicatePtr>(&child);
  if (predicate == nullptr) return InvalidArgument("'not' can only be applied on boolean expression");
  if ((*predicate)->samples())
    return InvalidArgument("random sample expression can only be the last expression in the logical and expression");
  return Bound(MakeNot(std::move(*predicate)));
}

Result<Binder::Bound> Binder::BindBinary(const Node& node) {
  switch (node.op) {
    case Op::kBitAnd: return InvalidArgument("BitAnd is not supported");
    case Op::kBitOr: return InvalidArgument("BitOr is not supported");
    case Op::kBitXor: return InvalidArgument("BitXor is not supported");
    case Op::kShift: return InvalidArgument("shift is not supported");
    default: break;
  }
  Bound left = TRY(BindNode(*node.children[0]));
  Bound right = TRY(BindNode(*node.children[1]));
  if (IsComparison(node.op)) return BindComparison(node, std::move(left), std::move(right));
  return BindArithmetic(node.op, std::move(left), std::move(right));
}

Result<Binder::Bound> Binder::BindArithmetic(Op op, Bound left, Bound right) {
  const auto* a = std::get_if<Constant>(&left);
  const auto* b = std::get_if<Constant>(&right);
  if (a != nullptr && b != nullptr) return Bound(TRY(FoldArithmetic(op, *a, *b)));
  if (op == Op::kPow) return InvalidArgument("power can only apply on constants");
  const auto wrong = [op] {
    return InvalidArgument("'", OpText(op), "' can only be used between integer or floating or json field expressions");
  };
  if (std::holds_alternative<PredicatePtr>(left) || std::holds_alternative<PredicatePtr>(right)) return wrong();
  if (a == nullptr && b == nullptr) return InvalidArgument("not supported to do arithmetic operations between multiple fields");
  if (a != nullptr && op != Op::kAdd && op != Op::kMul) {
    return InvalidArgument("a constant on the left of '", OpText(op), "' is not supported, only of '+' and '*'");
  }
  Operand operand = std::get<Operand>(std::move(a != nullptr ? right : left));
  const Constant& constant = a != nullptr ? *a : *b;
  if (operand.whole_array()) return InvalidArgument("can not comparisons array fields directly");
  if (operand.arithmetic.has_value() || operand.length) return InvalidArgument("complicated arithmetic operations are not supported");
  const DataType type = operand.type();
  if ((!IsNumber(type) && type != DataType::kJson) || !constant.is_number()) return wrong();
  if (op == Op::kMod && (IsFloating(type) || constant.integer() == nullptr))
    return InvalidArgument("modulo can only apply on integer types");
  if ((op == Op::kDiv || op == Op::kMod) && constant.number() == 0) return InvalidArgument("division or modulus by zero");
  if (IsInteger(type) && constant.integer() == nullptr) {
    return InvalidArgument("cannot cast value to ", DataTypeName(type), ", value: ", ValueText(constant));
  }
  operand.arithmetic = Arithmetic{op, constant};
  return Bound(std::move(operand));
}

// Flat: `a and b and c` is one node.
Result<Binder::Bound> Binder::BindLogic(const Node& node) {
  const bool is_and = node.kind == NodeKind::kAnd;
  std::vector<PredicatePtr> operands;
  for (size_t i = 0; i < node.children.size(); ++i) {
    Bound bound = TRY(BindNode(*node.children[i]));
    auto* predicate = std::get_if<PredicatePtr>(&bound);
    if (const auto* constant = std::get_if<Constant>(&bound); constant != nullptr && constant->boolean() != nullptr) {
      operands.push_back(MakeConstant(*constant->boolean()));
    } else if (predicate != nullptr) {
      operands.push_back(std::move(*predicate));
    } else {
      return InvalidArgument("'", is_and ? "and" : "or", "' can only be used between boolean expressions");
    }
    if (operands.back()->samples() && (!is_and || i + 1 < node.children.size())) {
      return InvalidArgument("random sample expression can only be the last expression in the logical and expression");
    }
  }
  return Bound(is_and ? MakeAnd(std::move(operands)) : MakeOr(std::move(operands)));
}

}  // namespace saker::filter
