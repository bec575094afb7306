// Filters that change the characters of tokens.
#include <utility>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>

#include "server/analyzer/filters.h"
#include "server/analyzer/unicode.h"

namespace saker::analyzer {
namespace {

class Lowercase : public TokenFilter {
 public:
  Status Apply(std::vector<Token>* tokens) const override {
    for (Token& token : *tokens) {
      uint8_t all = 0;
      for (char& c : token.text) {
        all |= static_cast<uint8_t>(c);
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
      }
      if (all >= 0x80) LowerAll(&token.text);
    }
    return OkStatus();
  }

 private:
  static void LowerAll(std::string* text) {
    const CharTable& table = CharTable::Get();
    bool changes = false;
    for (size_t at = 0; at < text->size() && !changes;) changes = (table.Flags(NextChar(*text, &at)) & kLowers) != 0;
    if (!changes) return;
    std::string lower;
    lower.reserve(text->size() + 1);
    for (size_t at = 0; at < text->size();) AppendLower(NextChar(*text, &at), &lower);
    *text = std::move(lower);
  }
};

// Rewrites the tokens that are not ASCII, character by character: replace(c, out) appends what stands for c.
template <typename Replace>
class RewriteChars : public TokenFilter {
 public:
  explicit RewriteChars(Replace replace) : replace_(std::move(replace)) {}
  Status Apply(std::vector<Token>* tokens) const override {
    std::string rewritten;
    for (Token& token : *tokens) {
      uint8_t all = 0;
      for (const char c : token.text) all |= static_cast<uint8_t>(c);
      if (all < 0x80) continue;
      rewritten.clear();
      for (size_t at = 0; at < token.text.size();) {
        const char32_t c = NextChar(token.text, &at);
        c < 0x80 ? rewritten.push_back(static_cast<char>(c)) : replace_(c, &rewritten);
      }
      token.text = rewritten;
    }
    // A token of nothing but marks is none any more.
    std::erase_if(*tokens, [](const Token& token) { return token.text.empty(); });
    return OkStatus();
  }

 private:
  const Replace replace_;
};
template <typename Replace>
FilterPtr MakeRewrite(Replace replace) {
  return std::make_unique<RewriteChars<Replace>>(std::move(replace));
}

struct Folding {
  char32_t c;
  std::string_view ascii;
};
// Letters that Unicode does not decompose, and the quotation marks and dashes.
constexpr Folding kFoldings[] = {
    {0x00AB, "\""}, {0x00BB, "\""}, {0x00C6, "AE"}, {0x00D0, "D"}, {0x00D8, "O"},  {0x00DE, "TH"}, {0x00DF, "ss"}, {0x00E6, "ae"},
    {0x00F0, "d"},  {0x00F8, "o"},  {0x00FE, "th"}, {0x0110, "D"}, {0x0111, "d"},  {0x0126, "H"},  {0x0127, "h"},  {0x0131, "i"},
    {0x0138, "q"},  {0x0141, "L"},  {0x0142, "l"},  {0x014A, "N"}, {0x014B, "n"},  {0x0152, "OE"}, {0x0153, "oe"}, {0x0166, "T"},
    {0x0167, "t"},  {0x0180, "b"},  {0x018F, "A"},  {0x0192, "f"}, {0x0197, "I"},  {0x019A, "l"},  {0x01B5, "Z"},  {0x01B6, "z"},
    {0x0237, "j"},  {0x0259, "a"},  {0x1E9E, "SS"}, {0x2010, "-"}, {0x2011, "-"},  {0x2012, "-"},  {0x2013, "-"},  {0x2014, "-"},
    {0x2018, "'"},  {0x2019, "'"},  {0x201A, "'"},  {0x201B, "'"}, {0x201C, "\""}, {0x201D, "\""}, {0x201E, "\""}, {0x2032, "'"},
    {0x2033, "\""}, {0x2039, "'"},  {0x203A, "'"},
};

// The compatibility decomposition without its marks, when that is ASCII letters and digits, or a full-width form.
bool AppendAsciiDecomposition(char32_t c, std::string* out) {
  UErrorCode error = U_ZERO_ERROR;
  const UNormalizer2* nfkd = unorm2_getNFKDInstance(&error);
  UChar units[36];
  const int32_t length = unorm2_getDecomposition(nfkd, static_cast<UChar32>(c), units, 36, &error);
  if (U_FAILURE(error) || length <= 0) return false;
  const bool full_width = c >= 0xFF01 && c <= 0xFF5E;
  const size_t before = out->size();
  for (int32_t i = 0; i < length;) {
    UChar32 next;
    U16_NEXT(units, i, length, next);
    if (u_charType(next) == U_NON_SPACING_MARK) continue;
    const bool plain = next < 0x80 && (full_width || (CharTable::Get().Flags(static_cast<char32_t>(next)) & kAlphanumeric) != 0);
    if (!plain) {
      out->resize(before);
      return false;
    }
    out->push_back(static_cast<char>(next));
  }
  return out->size() > before;
}

void FoldToAscii(char32_t c, std::string* out) {
  for (const Folding& folding : kFoldings) {
    if (folding.c == c) {
      out->append(folding.ascii);
      return;
    }
  }
  if (!AppendAsciiDecomposition(c, out)) AppendUtf8(c, out);
}

void NormalizeArabic(char32_t c, std::string* out) {
  const bool mark = (c >= 0x064B && c <= 0x0652) || c == 0x0640;  // short vowels and tatweel
  if (mark) return;
  if (c == 0x0622 || c == 0x0623 || c == 0x0625) c = 0x0627;  // alef with madda or hamza
  if (c == 0x0649) c = 0x064A;                                // alef maksura: yeh
  if (c == 0x0629) c = 0x0647;                                // teh marbuta: heh
  AppendUtf8(c, out);
}

}  // namespace

FilterPtr MakeLowercase() {
  return std::make_unique<Lowercase>();
}

FilterPtr MakeAsciiFolding() {
  return MakeRewrite(FoldToAscii);
}

FilterPtr MakeDecimalDigit() {
  return MakeRewrite([](char32_t c, std::string* out) {
    const int32_t digit = u_charDigitValue(static_cast<UChar32>(c));
    digit >= 0 ? out->push_back(static_cast<char>('0' + digit)) : AppendUtf8(c, out);
  });
}

FilterPtr MakeArabicNormalization() {
  return MakeRewrite(NormalizeArabic);
}

}  // namespace saker::analyzer
