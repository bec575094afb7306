// Arithmetic and comparison of constants, at compile time.
#pragma once

#include <string_view>

#include "common/result.h"
#include "server/filter/ast.h"
#include "server/filter/constant.h"

namespace saker::filter {

std::string_view OpText(Op op);
Result<Constant> FoldArithmetic(Op op, const Constant& a, const Constant& b);
Result<Constant> FoldUnary(Op op, const Constant& a);
// InvalidArgument when the two cannot be compared; `text` is the comparison as written.
Result<bool> FoldComparison(Op op, const Constant& a, const Constant& b, std::string_view text);

}  // namespace saker::filter
