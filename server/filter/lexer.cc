#include "server/filter/lexer.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <simdjson.h>

#include "common/utf8.h"

namespace saker::filter {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsHexDigit(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
int HexValue(char c) {
  return IsDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

// Bytes of the UTF-8 character at `text`, and its code point.
size_t FirstCharacter(std::string_view text, uint32_t* code) {
  const auto lead = static_cast<uint8_t>(text[0]);
  const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  *code = length == 1 ? lead : lead & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length && i < text.size(); ++i) *code = *code << 6 | (static_cast<uint8_t>(text[i]) & 0x3FU);
  return length;
}

// Letters beyond ASCII, so that Chinese or accented dynamic keys need no brackets; punctuation and symbols are not letters.
bool IsLetter(uint32_t code) {
  if (code < 0x80) return code == '_' || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
  return code >= 0xC0 && code != 0xD7 && code != 0xF7 && !(code >= 0x2000 && code <= 0x2BFF) && !(code >= 0x3000 && code <= 0x3004) &&
         !(code >= 0x3008 && code <= 0x3020) && !(code >= 0xD800 && code <= 0xF8FF) && !(code >= 0xFE00 && code <= 0xFF20) &&
         !(code >= 0xFF3B && code <= 0xFF40) && !(code >= 0xFF5B && code <= 0xFF65) && !(code >= 0xFFE0 && code <= 0xFFFF);
}

// Keywords are known all lower and all upper, not mixed.
TokenKind KeywordKind(std::string_view word) {
  static constexpr std::pair<std::string_view, TokenKind> kKeywords[] = {
      {"and", TokenKind::kAnd},     {"AND", TokenKind::kAnd},     {"or", TokenKind::kOr},         {"OR", TokenKind::kOr},
      {"not", TokenKind::kNot},     {"NOT", TokenKind::kNot},     {"in", TokenKind::kIn},         {"IN", TokenKind::kIn},
      {"like", TokenKind::kLike},   {"LIKE", TokenKind::kLike},   {"exists", TokenKind::kExists}, {"EXISTS", TokenKind::kExists},
      {"true", TokenKind::kTrue},   {"True", TokenKind::kTrue},   {"TRUE", TokenKind::kTrue},     {"false", TokenKind::kFalse},
      {"False", TokenKind::kFalse}, {"FALSE", TokenKind::kFalse},
  };
  for (const auto& [name, kind] : kKeywords) {
    if (name == word) return kind;
  }
  return TokenKind::kIdentifier;
}

}  // namespace

Status Lexer::ErrorAt(size_t position, std::string_view what) const {
  const std::string_view before = text_.substr(0, position);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t start = before.rfind('\n');
  return InvalidArgument("line ", line, ":", start == std::string_view::npos ? position : position - start - 1, " ", what);
}

Status Lexer::Next(Token* token) {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  token->begin = at_;
  token->kind = TokenKind::kEnd;
  token->end = at_;
  if (at_ == text_.size()) return OkStatus();
  const char c = text_[at_];
  Status status;
  if (IsDigit(c) || (c == '.' && IsDigit(At(at_ + 1)))) {
    status = LexNumber(token);
  } else if (c == '"' || c == '\'') {
    status = LexString(token, false);
  } else if (!LexPunctuation(token)) {
    status = LexWord(token);
  }
  token->end = at_;
  return status;
}

bool Lexer::LexPunctuation(Token* token) {
  static constexpr std::pair<std::string_view, TokenKind> kTable[] = {
      {"==", TokenKind::kEq},          {"!=", TokenKind::kNe},       {"<=", TokenKind::kLe},        {">=", TokenKind::kGe},
      {"&&", TokenKind::kAnd},         {"||", TokenKind::kOr},       {"**", TokenKind::kPower},     {"<<", TokenKind::kShift},
      {">>", TokenKind::kShift},       {"=~", TokenKind::kRegex},    {"!~", TokenKind::kNotRegex},  {"<", TokenKind::kLt},
      {">", TokenKind::kGt},           {"+", TokenKind::kPlus},      {"-", TokenKind::kMinus},      {"*", TokenKind::kStar},
      {"/", TokenKind::kSlash},        {"%", TokenKind::kPercent},   {"&", TokenKind::kBitAnd},     {"|", TokenKind::kBitOr},
      {"^", TokenKind::kBitXor},       {"~", TokenKind::kTilde},     {"!", TokenKind::kNot},        {"=", TokenKind::kAssign},
      {",", TokenKind::kComma},        {"(", TokenKind::kLeftParen}, {")", TokenKind::kRightParen}, {"[", TokenKind::kLeftBracket},
      {"]", TokenKind::kRightBracket}, {"{", TokenKind::kLeftBrace}, {"}", TokenKind::kRightBrace},
  };
  const char c = text_[at_];
  if (c == ',' || c == ']') {  // between the elements of long lists
    token->kind = c == ',' ? TokenKind::kComma : TokenKind::kRightBracket;
    ++at_;
    return true;
  }
  const std::string_view rest = text_.substr(at_);
  for (const auto& [sign, kind] : kTable) {
    if (!rest.starts_with(sign)) continue;
    token->kind = kind;
    at_ += sign.size();
    return true;
  }
  return false;
}

Status Lexer::LexWord(Token* token) {
  if (text_.substr(at_).starts_with("$meta")) {
    at_ += 5;
    token->kind = TokenKind::kMeta;
    token->text = "$meta";
    return OkStatus();
  }
  if (text_[at_] == '$') return ErrorAt(at_, "'$' stands only before meta; $[field] of element_filter and match_* is not supported");
  const size_t begin = at_;
  while (at_ < text_.size()) {
    uint32_t code = 0;
    const size_t length = FirstCharacter(text_.substr(at_), &code);
    if (!IsLetter(code) && !(at_ > begin && IsDigit(text_[at_]))) break;
    at_ += length;
  }
  const std::string_view word = text_.substr(begin, at_ - begin);
  if (word.empty()) return ErrorAt(at_, "token recognition error");
  const std::string_view rest = text_.substr(at_);
  if ((At(at_) == '"' || At(at_) == '\'') && (word == "u8" || word == "u" || word == "U" || word == "L" || word == "r")) {
    return LexString(token, word == "r");
  }
  for (const auto& [first, last, kind] :
       {std::tuple{"is", " null", TokenKind::kIsNull}, std::tuple{"IS", " NULL", TokenKind::kIsNull},
        std::tuple{"is", " not null", TokenKind::kIsNotNull}, std::tuple{"IS", " NOT NULL", TokenKind::kIsNotNull}}) {
    const std::string_view tail = last;
    if (word != first || !rest.starts_with(tail)) continue;
    uint32_t code = 0;
    if (rest.size() > tail.size()) FirstCharacter(rest.substr(tail.size()), &code);
    if (IsLetter(code) || IsDigit(static_cast<char>(code & 0x7F))) continue;
    at_ += tail.size();
    token->kind = kind;
    return OkStatus();
  }
  token->kind = KeywordKind(word);
  if (token->kind == TokenKind::kIdentifier) token->text = word;
  return OkStatus();
}

Status Lexer::LexNumber(Token* token) {
  const size_t begin = at_;
  const char* const end = text_.data() + text_.size();
  int base = 10;
  size_t digits = begin;
  if (text_[begin] == '0' && ((At(begin + 1) | 0x20) == 'x' || (At(begin + 1) | 0x20) == 'b')) {
    base = (At(begin + 1) | 0x20) == 'x' ? 16 : 2;
    digits = begin + 2;
  }
  size_t stop = digits;
  while (base == 16 ? IsHexDigit(At(stop)) : IsDigit(At(stop))) ++stop;
  const char mark = static_cast<char>(At(stop) | 0x20);
  const bool real = At(stop) == '.' || (base == 10 && mark == 'e') || (base == 16 && mark == 'p');
  std::from_chars_result parsed = {};
  if (real && base != 2) {
    token->kind = TokenKind::kFloat;
    parsed = std::from_chars(text_.data() + digits, end, token->real, base == 16 ? std::chars_format::hex : std::chars_format::general);
  } else {
    token->kind = TokenKind::kInteger;
    if (base == 10 && stop - digits > 1 && text_[digits] == '0') base = 8;
    uint64_t magnitude = 0;
    parsed = std::from_chars(text_.data() + digits, end, magnitude, base);
    token->integer = static_cast<int64_t>(magnitude);
    if (parsed.ec == std::errc() && magnitude == uint64_t{1} << 63) token->kind = TokenKind::kIntegerMin;
    if (magnitude > uint64_t{1} << 63) parsed.ec = std::errc::result_out_of_range;
  }
  const auto parsed_end = static_cast<size_t>(parsed.ptr - text_.data());
  uint32_t next = 0;
  if (parsed.ec != std::errc::invalid_argument && parsed_end < text_.size()) FirstCharacter(text_.substr(parsed_end), &next);
  if (parsed.ec == std::errc::result_out_of_range) {
    return ErrorAt(begin, "number out of range: " + std::string(text_.substr(begin, std::min<size_t>(parsed_end - begin, 64))));
  }
  if (parsed.ec != std::errc() || IsLetter(next) || (next >= '0' && next <= '9') || next == '.') {
    return ErrorAt(begin, "malformed number: " + std::string(text_.substr(begin, std::min<size_t>(stop - begin + 1, 64))));
  }
  at_ = parsed_end;
  return OkStatus();
}

Status Lexer::LexString(Token* token, bool raw) {
  const size_t begin = at_;
  const char quote = text_[at_++];
  token->kind = TokenKind::kString;
  token->text.clear();
  bool bytes_escaped = false;
  while (true) {
    size_t stop = at_;
    while (stop < text_.size() && text_[stop] != quote && (raw || text_[stop] != '\\')) ++stop;
    if (stop == text_.size()) return ErrorAt(begin, "unterminated string");
    token->text.append(text_, at_, stop - at_);
    at_ = stop;
    if (text_[at_] == quote) {
      ++at_;
      break;
    }
    bytes_escaped = true;
    if (Status status = Unescape(&at_, &token->text); !status.ok()) return status;
  }
  if (bytes_escaped && !simdjson::validate_utf8(token->text)) return ErrorAt(begin, "escapes in the string do not give valid UTF-8");
  return OkStatus();
}

// *at stands on the backslash and ends behind the escape.
Status Lexer::Unescape(size_t* at, std::string* out) const {
  const size_t begin = *at;
  const char c = At(begin + 1);
  *at = begin + 2;
  static constexpr std::string_view kNames = "'\"?abfnrtv\\";
  static constexpr std::string_view kValues = "'\"?\a\b\f\n\r\t\v\\";
  if (const size_t found = kNames.find(c); c != '\0' && found != std::string_view::npos) {
    out->push_back(kValues[found]);
    return OkStatus();
  }
  if (c == '%' || c == '_') {  // like's own escapes, kept for it
    out->push_back('\\');
    out->push_back(c);
    return OkStatus();
  }
  uint32_t value = 0;
  if (c >= '0' && c <= '7') {
    for (*at = begin + 1; *at < begin + 4 && At(*at) >= '0' && At(*at) <= '7'; ++*at)
      value = value * 8 + static_cast<uint32_t>(At(*at) - '0');
    if (value > 0xFF) return ErrorAt(begin, "octal escape beyond \\377");
    out->push_back(static_cast<char>(value));
    return OkStatus();
  }
  const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits == 0) return ErrorAt(begin, "unknown escape in string");
  for (size_t i = 0; i < digits; ++i) {
    if (!IsHexDigit(At(*at))) return ErrorAt(begin, "escape needs " + std::to_string(digits) + " hexadecimal digits");
    value = value << 4 | static_cast<uint32_t>(HexValue(At((*at)++)));
  }
  if (c == 'x') {
    out->push_back(static_cast<char>(value));
  } else if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    return ErrorAt(begin, "escape is not a Unicode character");
  } else {
    AppendUtf8(value, out);
  }
  return OkStatus();
}

}  // namespace saker::filter
