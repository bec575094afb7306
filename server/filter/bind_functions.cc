// Functions: contains, length, samples, matches of text, and clear refusals of what is not there.
#include <utility>

#include "server/filter/binder.h"
#include "server/filter/fold.h"
#include "server/filter/match_predicate.h"

namespace saker::filter {
namespace {

// Function names, like keywords, are known all lower and all upper.
std::string FunctionName(const std::string& name) {
  std::string lower = name;
  bool any_lower = false;
  bool any_upper = false;
  for (char& c : lower) {
    any_lower |= c >= 'a' && c <= 'z';
    any_upper |= c >= 'A' && c <= 'Z';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return any_lower && any_upper ? name : lower;
}

}  // namespace

Result<Binder::Bound> Binder::BindCall(const Node& node) {
  const std::string name = FunctionName(node.name);
  if (name == "json_contains" || name == "array_contains") return BindContains(node, ContainsMode::kOne);
  if (name == "json_contains_all" || name == "array_contains_all") return BindContains(node, ContainsMode::kAll);
  if (name == "json_contains_any" || name == "array_contains_any") return BindContains(node, ContainsMode::kAny);
  if (name == "text_match" || name == "phrase_match") return BindTextFunction(node);
  if (name == "empty" || name == "starts_with") return BindStringFunction(node);
  if (name == "array_length") {
    if (node.children.size() != 1) return InvalidArgument("array_length takes one field, got ", node.children.size(), " arguments");
    Bound bound = TRY(BindNode(*node.children[0]));
    auto* operand = std::get_if<Operand>(&bound);
    if (operand == nullptr || operand->arithmetic.has_value() || operand->length || (!operand->json && !operand->whole_array())) {
      return InvalidArgument("array_length operation are only supported on json or array fields now, got: ", Slice(node));
    }
    operand->length = true;
    return Bound(std::move(*operand));
  }
  if (name == "random_sample") {
    if (node.children.size() != 1) return InvalidArgument("random_sample takes one number, got ", node.children.size(), " arguments");
    Bound bound = TRY(BindNode(*node.children[0]));
    const auto* share = std::get_if<Constant>(&bound);
    if (share == nullptr || share->real() == nullptr || !(*share->real() > 0 && *share->real() < 1)) {
      return InvalidArgument("the sample factor should be between 0 and 1, but got: ", Slice(*node.children[0]));
    }
    return Bound(MakeSample(*share->real()));
  }
  if (name.starts_with("st_")) return InvalidArgument("geometry functions (", node.name, ") are not supported");
  if (name == "element_filter" || name.starts_with("match_"))
    return InvalidArgument("struct functions (", node.name, ") are not supported");
  return InvalidArgument("function ", node.name, " not found");
}

Result<Binder::Bound> Binder::BindContains(const Node& node, ContainsMode mode) {
  static constexpr std::string_view kTexts[] = {"contains", "contains_all", "contains_any"};
  static constexpr std::string_view kOps[] = {"Contains", "ContainsAll", "ContainsAny"};
  const std::string_view op = kOps[static_cast<size_t>(mode)];
  if (node.children.size() != 2) return InvalidArgument(node.name, " takes a field and a value, got ", node.children.size(), " arguments");
  Bound first = TRY(BindNode(*node.children[0]));
  Bound second = TRY(BindNode(*node.children[1]));
  const auto* operand = std::get_if<Operand>(&first);
  if (operand == nullptr || operand->arithmetic.has_value() || operand->length || (!operand->json && !operand->whole_array())) {
    return InvalidArgument(kTexts[static_cast<size_t>(mode)],
                           " operation are only supported on json or array fields now, got: ", Slice(node));
  }
  const auto* value = std::get_if<Constant>(&second);
  if (value == nullptr)
    return InvalidArgument(op, " operation are only supported explicitly specified element, got: ", Slice(*node.children[1]));
  List values;
  if (mode == ContainsMode::kOne) {
    values.Add(*value);
  } else if (value->list() == nullptr) {
    return InvalidArgument(op, " operation element must be an array");
  } else {
    values = *value->list();
  }
  const DataType element = operand->field->element_type;
  for (size_t i = 0; i < values.size() && operand->whole_array(); ++i) {
    const DataType type = values.At(i).type();
    const bool comparable =
        (IsNumber(element) && IsNumber(type)) || (IsString(element) && IsString(type)) || (element == type && type == DataType::kBool);
    if (!comparable) {
      return InvalidArgument(op, " operation can't compare between array element type: ", DataTypeName(element), " and ",
                             DataTypeName(type));
    }
  }
  PredicatePtr predicate = TRY(MakeContains(Source(*operand), mode, values));
  return Bound(Indexed(std::move(predicate), *operand, ContainsQuery(operand->json ? DataType::kJson : element, mode, values)));
}

// The third argument of a call, `option=5` or, without an option, `5`; nothing when there is none.
Result<std::optional<int64_t>> Binder::IntegerArgument(const Node& node, std::string_view option) {
  if (node.children.size() < 3) return std::optional<int64_t>();
  const Node& argument = *node.children[2];
  if (argument.option != option) {
    return InvalidArgument(node.name, " has no option ", argument.option.empty() ? Slice(argument) : std::string_view(argument.option),
                           option.empty() ? "" : ", it is minimum_should_match=<number>");
  }
  const Bound bound = TRY(BindNode(argument));
  const auto* constant = std::get_if<Constant>(&bound);
  if (constant == nullptr || constant->integer() == nullptr) {
    if (option.empty()) {
      return InvalidArgument("\"slop\" should be a const integer expression with \"uint32\" value. \"slop\" expression passed: ",
                             Slice(argument));
    }
    return InvalidArgument(option, " should be a const integer expression");
  }
  return std::optional<int64_t>(*constant->integer());
}

Result<Binder::Bound> Binder::BindTextFunction(const Node& node) {
  constexpr int64_t kMostMinimum = 1000;
  const bool phrase = FunctionName(node.name) == "phrase_match";
  if (node.children.size() < 2 || node.children.size() > 3 || node.children[0]->kind != NodeKind::kPath)
    return InvalidArgument(node.name, " takes a field and a string, got: ", Slice(node));
  const Operand operand = TRY(ResolvePath(*node.children[0]));
  if (!operand.plain_column() || !IsString(operand.field->type))
    return InvalidArgument(phrase ? "phrase" : "text", " match operation on non-string is unsupported");
  if (!IsTrueParam(operand.field->type_params, "enable_match"))
    return InvalidArgument("field \"", Slice(*node.children[0]), "\" does not enable match");
  const Bound bound = TRY(BindNode(*node.children[1]));
  const auto* text = std::get_if<Constant>(&bound);
  if (text == nullptr || text->text() == nullptr) return InvalidArgument(node.name, " takes a string, got: ", Slice(*node.children[1]));
  const std::optional<int64_t> number = TRY(IntegerArgument(node, phrase ? "" : "minimum_should_match"));
  const std::string* params = FindValue(operand.field->type_params, "analyzer_params");
  auto analyzer = TRY(analyzer::Analyzer::Make(params == nullptr ? "" : *params));
  if (phrase) {
    const int64_t slop = number.value_or(0);
    if (slop < 0) return InvalidArgument("\"slop\" should not be a negative interger. \"slop\" passed: ", slop);
    if (slop > UINT32_MAX) return InvalidArgument("\"slop\" exceeds the range of \"uint32\". \"slop\" expression passed: ", slop);
    auto query = TRY(match::MatchQuery::Phrase(*analyzer, *text->text(), static_cast<uint32_t>(slop)));
    return MatchOf(operand, std::move(analyzer), std::move(query));
  }
  const int64_t minimum = number.value_or(1);
  if (minimum < 1) return InvalidArgument("minimum_should_match should be >= 1, got ", minimum);
  if (minimum > kMostMinimum) return InvalidArgument("minimum_should_match should be <= ", kMostMinimum, ", got ", minimum);
  auto query = TRY(match::MatchQuery::AnyOf(*analyzer, *text->text(), static_cast<uint32_t>(minimum)));
  return MatchOf(operand, std::move(analyzer), std::move(query));
}

Binder::Bound Binder::MatchOf(const Operand& operand, std::shared_ptr<const analyzer::Analyzer> analyzer, match::MatchQuery query) {
  IndexQuery asked = MatchTextQuery(query);
  return Indexed(MakeMatch(FieldNumber(*operand.field), std::move(analyzer), std::move(query)), operand, std::move(asked));
}

Result<Binder::Bound> Binder::BindStringFunction(const Node& node) {
  const bool empty = FunctionName(node.name) == "empty";
  const size_t wanted = empty ? 1 : 2;
  if (node.children.size() != wanted) return InvalidArgument(node.name, " takes ", wanted, " arguments, got ", node.children.size());
  Bound first = TRY(BindNode(*node.children[0]));
  const auto* operand = std::get_if<Operand>(&first);
  if (operand == nullptr || !operand->plain_column() || !IsString(operand->type()) || operand->arithmetic.has_value()) {
    return InvalidArgument("function ", node.name, " takes a VarChar field, got: ", Slice(*node.children[0]));
  }
  if (empty) {
    const Constant nothing{std::string()};
    return Bound(Indexed(MakeCompare(Source(*operand), Op::kEq, nothing), *operand, CompareQuery(operand->type(), Op::kEq, nothing)));
  }
  Bound second = TRY(BindNode(*node.children[1]));
  const auto* prefix = std::get_if<Constant>(&second);
  if (prefix == nullptr || prefix->text() == nullptr)
    return InvalidArgument("function ", node.name, " takes a string, got: ", Slice(*node.children[1]));
  LikeMatcher matcher = LikeMatcher::Prefix(*prefix->text());
  IndexQuery query = LikeQuery(matcher);
  return Bound(Indexed(MakeLike(Source(*operand), std::move(matcher)), *operand, std::move(query)));
}

}  // namespace saker::filter
