// What the parser makes of an expression: shapes and names, no types yet.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/filter/constant.h"
#include "server/scalar_index/json_path.h"

namespace saker::filter {

enum class Op : uint8_t {
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kBitAnd,
  kBitOr,
  kBitXor,
  kShift,
  kNot,
  kNegate,
  kPlus,
  kBitNot,
};

enum class NodeKind : uint8_t {
  kConstant,
  kList,
  kPath,
  kTemplate,
  kUnary,   // op child
  kBinary,  // child op child
  kAnd,     // children, two or more
  kOr,
  kRange,  // child op children[1] op2 child, the middle a path
  kIn,     // children[0] in children[1]
  kLike,   // children[0] like children[1]
  kRegex,  // children[0] =~ children[1], or !~
  kExists,
  kIsNull,
  kCall,  // name(children)
};

using scalar_index::PathKey;

struct Node {
  NodeKind kind;
  Op op = Op::kEq;
  Op op2 = Op::kEq;
  bool negated = false;
  bool in_parentheses = false;
  int depth = 1;
  size_t begin = 0;  // place in the text
  size_t end = 0;
  std::string name;
  std::string option;  // of an argument `name=value`: the name
  std::vector<PathKey> keys;
  Constant constant;
  std::shared_ptr<List> list;
  std::vector<std::pair<size_t, std::unique_ptr<Node>>> computed;  // list elements that are not plain literals
  std::vector<std::unique_ptr<Node>> children;
};
using NodePtr = std::unique_ptr<Node>;

}  // namespace saker::filter
