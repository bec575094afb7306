// The grammar: text to tree, by precedence climbing. Bounded in depth and nodes; list elements are not counted.
#pragma once

#include <string_view>

#include "common/result.h"
#include "server/filter/ast.h"
#include "server/filter/lexer.h"

namespace saker::filter {

inline constexpr int kMaxDepth = 64;
inline constexpr size_t kMaxNodes = 4096;

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text), text_(text) {}
  Result<NodePtr> Parse();

 private:
  Result<NodePtr> ParseExpression(int min_power);
  Result<NodePtr> ParseInfix(NodePtr left, int min_power);
  Result<NodePtr> ParseIn(NodePtr left, bool negated);
  Result<NodePtr> ParseUnary();
  Result<NodePtr> ParsePrimary();
  Result<NodePtr> ParseNumber(bool negative);
  Result<NodePtr> ParseList();
  Result<NodePtr> ParsePathOrCall();
  Status ParseKeys(Node* path);
  Status ParseArguments(Node* call);
  Result<NodePtr> NewNode(NodeKind kind, size_t begin);
  Result<NodePtr> Join(NodeKind kind, Op op, NodePtr left, NodePtr right);
  Status Finish(Node* node);
  Status Advance() {
    previous_end_ = token_.end;
    return lexer_.Next(&token_);
  }
  Status Expect(TokenKind kind, std::string_view what);
  Status Unexpected(std::string_view expected) const;

  Lexer lexer_;
  std::string_view text_;
  Token token_;
  size_t previous_end_ = 0;
  size_t nodes_ = 0;
  int depth_ = 0;
};

}  // namespace saker::filter
