#include "server/filter/parser.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace saker::filter {
namespace {

// Binding powers, loosest first.
enum : int {
  kOrPower = 1,
  kAndPower,
  kBitOrPower,
  kBitXorPower,
  kBitAndPower,
  kEqualPower,
  kOrderPower,
  kInPower,
  kShiftPower,
  kAddPower,
  kMulPower,
  kUnaryPower,
  kPowPower,
  kLikePower
};

struct Infix {
  int power = 0;
  NodeKind kind = NodeKind::kBinary;
  Op op = Op::kEq;
};

Infix InfixOf(TokenKind kind) {
  switch (kind) {
    case TokenKind::kOr: return {kOrPower, NodeKind::kOr};
    case TokenKind::kAnd: return {kAndPower, NodeKind::kAnd};
    case TokenKind::kBitOr: return {kBitOrPower, NodeKind::kBinary, Op::kBitOr};
    case TokenKind::kBitXor: return {kBitXorPower, NodeKind::kBinary, Op::kBitXor};
    case TokenKind::kBitAnd: return {kBitAndPower, NodeKind::kBinary, Op::kBitAnd};
    case TokenKind::kEq: return {kEqualPower, NodeKind::kBinary, Op::kEq};
    case TokenKind::kNe: return {kEqualPower, NodeKind::kBinary, Op::kNe};
    case TokenKind::kLt: return {kOrderPower, NodeKind::kBinary, Op::kLt};
    case TokenKind::kLe: return {kOrderPower, NodeKind::kBinary, Op::kLe};
    case TokenKind::kGt: return {kOrderPower, NodeKind::kBinary, Op::kGt};
    case TokenKind::kGe: return {kOrderPower, NodeKind::kBinary, Op::kGe};
    case TokenKind::kIn:
    case TokenKind::kNot: return {kInPower, NodeKind::kIn};
    case TokenKind::kShift: return {kShiftPower, NodeKind::kBinary, Op::kShift};
    case TokenKind::kPlus: return {kAddPower, NodeKind::kBinary, Op::kAdd};
    case TokenKind::kMinus: return {kAddPower, NodeKind::kBinary, Op::kSub};
    case TokenKind::kStar: return {kMulPower, NodeKind::kBinary, Op::kMul};
    case TokenKind::kSlash: return {kMulPower, NodeKind::kBinary, Op::kDiv};
    case TokenKind::kPercent: return {kMulPower, NodeKind::kBinary, Op::kMod};
    case TokenKind::kPower: return {kPowPower, NodeKind::kBinary, Op::kPow};
    case TokenKind::kLike: return {kLikePower, NodeKind::kLike};
    case TokenKind::kRegex:
    case TokenKind::kNotRegex: return {kLikePower, NodeKind::kRegex};
    default: return {};
  }
}

bool SameDirection(Op a, Op b) {
  const bool a_less = a == Op::kLt || a == Op::kLe;
  const bool b_less = b == Op::kLt || b == Op::kLe;
  return a_less == b_less;
}

// Restores the depth when a level of recursion ends.
class Level {
 public:
  explicit Level(int* depth) : depth_(depth) { ++*depth_; }
  ~Level() { --*depth_; }

 private:
  int* depth_;
};

}  // namespace

Result<NodePtr> Parser::Parse() {
  TRY(Advance());
  NodePtr root = TRY(ParseExpression(kOrPower));
  if (token_.kind != TokenKind::kEnd) return Unexpected("an operator or the end");
  return root;
}

Result<NodePtr> Parser::ParseExpression(int min_power) {
  const Level level(&depth_);
  if (depth_ > kMaxDepth) return InvalidArgument("the expression is nested deeper than ", kMaxDepth);
  NodePtr left = TRY(ParseUnary());
  return ParseInfix(std::move(left), min_power);
}

Result<NodePtr> Parser::ParseInfix(NodePtr left, int min_power) {
  while (true) {
    const Infix infix = InfixOf(token_.kind);
    if (infix.power == 0 || infix.power < min_power) return left;
    const bool negated = token_.kind == TokenKind::kNot || token_.kind == TokenKind::kNotRegex;
    TRY(Advance());
    if (infix.kind == NodeKind::kIn) {
      left = TRY(ParseIn(std::move(left), negated));
      continue;
    }
    NodePtr right = TRY(ParseExpression(infix.power + 1));
    const Infix second = InfixOf(token_.kind);
    if (infix.power == kOrderPower && right->kind == NodeKind::kPath && second.power == kOrderPower && SameDirection(infix.op, second.op)) {
      TRY(Advance());
      left = TRY(Join(NodeKind::kRange, infix.op, std::move(left), std::move(right)));
      left->op2 = second.op;
      left->children.push_back(TRY(ParseExpression(kInPower)));
      TRY(Finish(left.get()));
      continue;
    }
    left = TRY(Join(infix.kind, infix.op, std::move(left), std::move(right)));
    if (infix.kind == NodeKind::kRegex) left->negated = negated;
  }
}

Result<NodePtr> Parser::ParseIn(NodePtr left, bool negated) {
  if (negated) TRY(Expect(TokenKind::kIn, "'in' after 'not'"));
  NodePtr right = TRY(ParseExpression(kShiftPower));
  NodePtr node = TRY(Join(NodeKind::kIn, Op::kEq, std::move(left), std::move(right)));
  node->negated = negated;
  return node;
}

Result<NodePtr> Parser::ParseUnary() {
  const size_t begin = token_.begin;
  Op op;
  switch (token_.kind) {
    case TokenKind::kPlus: op = Op::kPlus; break;
    case TokenKind::kMinus: op = Op::kNegate; break;
    case TokenKind::kTilde: op = Op::kBitNot; break;
    case TokenKind::kNot: op = Op::kNot; break;
    default: return ParsePrimary();
  }
  const Level level(&depth_);
  if (depth_ > kMaxDepth) return InvalidArgument("the expression is nested deeper than ", kMaxDepth);
  TRY(Advance());
  if (op == Op::kNegate && (token_.kind == TokenKind::kIntegerMin)) return ParseNumber(true);
  NodePtr child = TRY(ParseUnary());
  child = TRY(ParseInfix(std::move(child), kPowPower));
  NodePtr node = TRY(NewNode(NodeKind::kUnary, begin));
  node->op = op;
  node->children.push_back(std::move(child));
  TRY(Finish(node.get()));
  return node;
}

Result<NodePtr> Parser::ParseNumber(bool negative) {
  NodePtr node = TRY(NewNode(NodeKind::kConstant, token_.begin));
  if (token_.kind == TokenKind::kFloat) {
    node->constant.value = negative ? -token_.real : token_.real;
  } else if (token_.kind == TokenKind::kIntegerMin) {
    if (!negative) return lexer_.ErrorAt(token_.begin, "number out of range: 9223372036854775808");
    node->constant.value = INT64_MIN;
  } else {
    node->constant.value = negative ? -token_.integer : token_.integer;
  }
  TRY(Advance());
  TRY(Finish(node.get()));
  return node;
}

Result<NodePtr> Parser::ParsePrimary() {
  const size_t begin = token_.begin;
  switch (token_.kind) {
    case TokenKind::kInteger:
    case TokenKind::kIntegerMin:
    case TokenKind::kFloat: return ParseNumber(false);
    case TokenKind::kString:
    case TokenKind::kTrue:
    case TokenKind::kFalse: {
      NodePtr node = TRY(NewNode(NodeKind::kConstant, begin));
      if (token_.kind == TokenKind::kString) {
        node->constant.value = std::move(token_.text);
      } else {
        node->constant.value = token_.kind == TokenKind::kTrue;
      }
      TRY(Advance());
      TRY(Finish(node.get()));
      return node;
    }
    case TokenKind::kLeftBracket: return ParseList();
    case TokenKind::kLeftParen: {
      TRY(Advance());
      NodePtr inner = TRY(ParseExpression(kOrPower));
      TRY(Expect(TokenKind::kRightParen, "')'"));
      inner->in_parentheses = true;
      inner->begin = begin;
      inner->end = previous_end_;
      return inner;
    }
    case TokenKind::kLeftBrace: {
      TRY(Advance());
      if (token_.kind != TokenKind::kIdentifier) return Unexpected("the name of a template");
      NodePtr node = TRY(NewNode(NodeKind::kTemplate, begin));
      node->name = std::move(token_.text);
      TRY(Advance());
      TRY(Expect(TokenKind::kRightBrace, "'}'"));
      TRY(Finish(node.get()));
      return node;
    }
    case TokenKind::kExists: {
      TRY(Advance());
      NodePtr node = TRY(NewNode(NodeKind::kExists, begin));
      node->children.push_back(TRY(ParseExpression(kUnaryPower)));
      TRY(Finish(node.get()));
      return node;
    }
    case TokenKind::kIdentifier:
    case TokenKind::kMeta: return ParsePathOrCall();
    default: return Unexpected("a value, a field or '('");
  }
}

// Plain literals go into the packed list at once; anything else is kept as a tree for the binder to fold.
Result<NodePtr> Parser::ParseList() {
  NodePtr node = TRY(NewNode(NodeKind::kList, token_.begin));
  node->list = std::make_shared<List>();
  List& list = *node->list;
  TRY(Advance());
  while (token_.kind != TokenKind::kRightBracket) {
    const size_t begin = token_.begin;
    NodePtr element;
    const bool minus = token_.kind == TokenKind::kMinus;
    if (minus) TRY(Advance());
    Constant literal;
    bool plain = true;
    switch (token_.kind) {
      case TokenKind::kInteger: literal.value = minus ? -token_.integer : token_.integer; break;
      case TokenKind::kIntegerMin: literal.value = INT64_MIN; break;
      case TokenKind::kFloat: literal.value = minus ? -token_.real : token_.real; break;
      case TokenKind::kString:
        literal.value = std::move(token_.text);
        plain = !minus;
        break;
      case TokenKind::kTrue:
      case TokenKind::kFalse:
        literal.value = token_.kind == TokenKind::kTrue;
        plain = !minus;
        break;
      default: plain = false;
    }
    if (token_.kind == TokenKind::kIntegerMin && !minus) return lexer_.ErrorAt(begin, "number out of range: 9223372036854775808");
    if (plain) {
      TRY(Advance());
      if (token_.kind == TokenKind::kComma || token_.kind == TokenKind::kRightBracket) {
        list.Add(std::move(literal));
      } else {
        if (minus && token_.kind == TokenKind::kPower) return lexer_.ErrorAt(begin, "write -(a ** b) inside a list");
        element = TRY(NewNode(NodeKind::kConstant, begin));
        element->constant = std::move(literal);
        TRY(Finish(element.get()));
        element = TRY(ParseInfix(std::move(element), kOrPower));
      }
    } else if (minus) {
      return lexer_.ErrorAt(begin, "only a number can follow '-' inside a list");
    } else {
      element = TRY(ParseExpression(kOrPower));
    }
    if (element != nullptr) {
      list.Add(Constant{false});  // a bool makes the list a mixed one; the binder sets the value
      node->depth = std::max(node->depth, element->depth + 1);
      node->computed.emplace_back(list.size() - 1, std::move(element));
    }
    if (token_.kind == TokenKind::kRightBracket) break;
    TRY(Expect(TokenKind::kComma, "',' or ']'"));
  }
  TRY(Advance());
  TRY(Finish(node.get()));
  return node;
}

Result<NodePtr> Parser::ParsePathOrCall() {
  const size_t begin = token_.begin;
  const bool meta = token_.kind == TokenKind::kMeta;
  std::string name = std::move(token_.text);
  TRY(Advance());
  if (!meta && token_.kind == TokenKind::kLeftParen) {
    NodePtr call = TRY(NewNode(NodeKind::kCall, begin));
    call->name = std::move(name);
    TRY(ParseArguments(call.get()));
    TRY(Finish(call.get()));
    return call;
  }
  if (token_.kind == TokenKind::kString && (name == "iso" || name == "ISO" || name == "interval" || name == "INTERVAL")) {
    return InvalidArgument("timestamptz expressions (iso, interval) are not supported");
  }
  NodePtr path = TRY(NewNode(NodeKind::kPath, begin));
  path->name = std::move(name);
  TRY(ParseKeys(path.get()));
  TRY(Finish(path.get()));
  if (token_.kind != TokenKind::kIsNull && token_.kind != TokenKind::kIsNotNull) return path;
  NodePtr test = TRY(NewNode(NodeKind::kIsNull, begin));
  test->negated = token_.kind == TokenKind::kIsNotNull;
  test->children.push_back(std::move(path));
  TRY(Advance());
  TRY(Finish(test.get()));
  return test;
}

Status Parser::ParseKeys(Node* path) {
  while (token_.kind == TokenKind::kLeftBracket) {
    if (path->keys.size() >= static_cast<size_t>(kMaxDepth)) return InvalidArgument("a path has more than ", kMaxDepth, " steps");
    TRY(Advance());
    PathKey key;
    if (token_.kind == TokenKind::kString) {
      key = PathKey::FromText(std::move(token_.text));
    } else if (token_.kind == TokenKind::kInteger) {
      key = PathKey::FromIndex(token_.integer);
    } else if (token_.kind == TokenKind::kIdentifier) {
      return InvalidArgument("struct fields (", path->name, "[", token_.text, "]) are not supported");
    } else {
      return Unexpected("a string or an integer inside []");
    }
    path->keys.push_back(std::move(key));
    TRY(Advance());
    TRY(Expect(TokenKind::kRightBracket, "']'"));
  }
  return OkStatus();
}

Status Parser::ParseArguments(Node* call) {
  TRY(Advance());
  while (token_.kind != TokenKind::kRightParen) {
    NodePtr argument = TRY(ParseExpression(kOrPower));
    if (token_.kind == TokenKind::kAssign && argument->kind == NodeKind::kPath) {  // minimum_should_match=2, threshold=1
      std::string option = std::move(argument->name);
      TRY(Advance());
      argument = TRY(ParseExpression(kOrPower));
      argument->option = std::move(option);
    }
    call->children.push_back(std::move(argument));
    if (token_.kind == TokenKind::kRightParen) break;
    TRY(Expect(TokenKind::kComma, "',' or ')'"));
  }
  return Advance();
}

Result<NodePtr> Parser::NewNode(NodeKind kind, size_t begin) {
  if (kind != NodeKind::kConstant && ++nodes_ > kMaxNodes)
    return InvalidArgument("the expression has more than ", kMaxNodes, " operators and fields");
  NodePtr node = std::make_unique<Node>();
  node->kind = kind;
  node->begin = begin;
  return node;
}

// `a and b and c` is one node, so that long chains stay shallow.
Result<NodePtr> Parser::Join(NodeKind kind, Op op, NodePtr left, NodePtr right) {
  if ((kind == NodeKind::kAnd || kind == NodeKind::kOr) && left->kind == kind && !left->in_parentheses) {
    left->children.push_back(std::move(right));
    TRY(Finish(left.get()));
    return left;
  }
  NodePtr node = TRY(NewNode(kind, left->begin));
  node->op = op;
  node->children.push_back(std::move(left));
  node->children.push_back(std::move(right));
  TRY(Finish(node.get()));
  return node;
}

Status Parser::Finish(Node* node) {
  node->end = previous_end_;
  if (!node->children.empty()) node->depth = std::max(node->depth, node->children.back()->depth + 1);
  if (node->children.size() > 1) node->depth = std::max(node->depth, node->children.front()->depth + 1);
  if (node->depth > kMaxDepth) return InvalidArgument("the expression is nested deeper than ", kMaxDepth);
  return OkStatus();
}

Status Parser::Expect(TokenKind kind, std::string_view what) {
  if (token_.kind != kind) return Unexpected(what);
  return Advance();
}

Status Parser::Unexpected(std::string_view expected) const {
  const std::string_view found =
      token_.kind == TokenKind::kEnd ? "<EOF>" : text_.substr(token_.begin, std::min<size_t>(token_.end - token_.begin, 64));
  return lexer_.ErrorAt(token_.begin, "mismatched input '" + std::string(found) + "' expecting " + std::string(expected));
}

}  // namespace saker::filter
