// Gives a parsed expression its types: fields are looked up, constants folded and cast, predicates chosen.
//
// Coercions and texts of errors are Milvus'; docs/filter.md.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "common/result.h"
#include "server/analyzer/analyzer.h"
#include "server/filter/ast.h"
#include "server/filter/cell_predicates.h"
#include "server/filter/index_query.h"
#include "server/filter/predicate.h"

namespace saker::filter {

class Binder {
 public:
  Binder(std::string_view text, const CollectionSchema& schema, const Templates& templates, const CastPaths& casts)
      : text_(text), schema_(schema), templates_(templates), casts_(casts) {}

  // The whole expression; fields() and json_fields() are what the predicate refers to.
  Result<PredicatePtr> Bind(const Node& root);
  std::vector<FieldRef>& fields() { return fields_; }
  std::vector<JsonField>& json_fields() { return json_fields_; }
  // Leaves that an index may answer.
  size_t indexed_leaves() const { return indexed_leaves_; }

 private:
  struct Arithmetic {
    Op op;
    Constant operand;
  };
  // A value that differs from row to row.
  struct Operand {
    const FieldSchema* field;
    bool json = false;     // the value at `keys` of a JSON field
    bool element = false;  // array[index]
    bool length = false;   // array_length of it
    std::vector<PathKey> keys;
    int64_t index = 0;
    std::optional<Arithmetic> arithmetic;
    DataType type() const;
    bool whole_array() const { return field->type == DataType::kArray && !element && !length; }
    bool plain_column() const { return !json && !element && !length; }
  };
  using Bound = std::variant<Constant, Operand, PredicatePtr>;

  Result<Bound> BindNode(const Node& node);
  Result<Bound> BindUnary(const Node& node);
  Result<Bound> BindBinary(const Node& node);
  Result<Bound> BindArithmetic(Op op, Bound left, Bound right);
  Result<Bound> BindComparison(const Node& node, Bound left, Bound right);
  Result<PredicatePtr> CompareWithConstant(Op op, const Operand& operand, const Constant& value);
  Result<PredicatePtr> CompareArithmetic(Op op, const Operand& operand, const Constant& value);
  Result<PredicatePtr> CompareOperands(Op op, const Operand& left, const Operand& right);
  Result<Bound> BindLogic(const Node& node);
  Result<Bound> BindRange(const Node& node);
  Result<Bound> BindIn(const Node& node);
  Result<Bound> BindPattern(const Node& node);
  Result<Bound> BindExists(const Node& node);
  Result<Bound> BindNullTest(const Node& node);
  Result<Bound> BindCall(const Node& node);
  Result<Bound> BindContains(const Node& node, ContainsMode mode);
  Result<Bound> BindTextFunction(const Node& node);
  Bound MatchOf(const Operand& operand, std::shared_ptr<const analyzer::Analyzer> analyzer, match::MatchQuery query);
  Result<std::optional<int64_t>> IntegerArgument(const Node& node, std::string_view option);
  Result<Bound> BindStringFunction(const Node& node);
  Result<Constant> BindList(const Node& node);
  Result<Constant> FindTemplate(const std::string& name);
  Result<Operand> ResolvePath(const Node& node);

  size_t FieldNumber(const FieldSchema& field);
  // The predicate, which may from now on ask an index of the operand's place.
  PredicatePtr Indexed(PredicatePtr predicate, const Operand& operand, std::optional<IndexQuery> query);
  // Whether strings at the operand's path are read as numbers.
  bool Casts(const Operand& operand) const;
  // The source of the operand's values; a JSON source makes a new leaf. `numbers`: they are compared with numbers alone.
  CellSource Source(const Operand& operand, bool numbers = false);
  std::string_view Slice(const Node& node) const { return text_.substr(node.begin, std::min<size_t>(node.end - node.begin, 1024)); }

  std::string_view text_;
  const CollectionSchema& schema_;
  const Templates& templates_;
  const CastPaths& casts_;
  std::vector<FieldRef> fields_;
  std::vector<JsonField> json_fields_;
  size_t indexed_leaves_ = 0;
};

}  // namespace saker::filter
