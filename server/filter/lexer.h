// Turns the text of an expression into tokens, one at a time, so that long lists need no token array.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace saker::filter {

enum class TokenKind : uint8_t {
  kEnd,
  kInteger,
  kIntegerMin,  // 9223372036854775808: an integer only after a minus
  kFloat,
  kString,
  kTrue,
  kFalse,
  kIdentifier,
  kMeta,
  kAnd,
  kOr,
  kNot,
  kIn,
  kLike,
  kExists,
  kIsNull,
  kIsNotNull,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kPlus,
  kMinus,
  kStar,
  kSlash,
  kPercent,
  kPower,
  kBitAnd,
  kBitOr,
  kBitXor,
  kTilde,
  kShift,
  kAssign,
  kRegex,
  kNotRegex,
  kComma,
  kLeftParen,
  kRightParen,
  kLeftBracket,
  kRightBracket,
  kLeftBrace,
  kRightBrace,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t begin = 0;
  size_t end = 0;
  int64_t integer = 0;
  double real = 0;
  std::string text;  // of identifiers and strings (unescaped)
};

class Lexer {
 public:
  // The text must outlive the lexer and be valid UTF-8.
  explicit Lexer(std::string_view text) : text_(text) {}
  Status Next(Token* token);
  // An error that names the place, as ANTLR does: "line 1:4 ...".
  Status ErrorAt(size_t position, std::string_view what) const;

 private:
  bool LexPunctuation(Token* token);
  Status LexWord(Token* token);
  Status LexNumber(Token* token);
  Status LexString(Token* token, bool raw);
  Status Unescape(size_t* at, std::string* out) const;
  char At(size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace saker::filter
