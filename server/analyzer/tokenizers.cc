#include "server/analyzer/tokenizers.h"

#include "server/analyzer/unicode.h"

namespace saker::analyzer {
namespace {

// The runs of characters for which inside(c) holds, numbered from 0.
template <typename Inside>
void AppendRuns(std::string_view text, const Inside& inside, std::vector<Token>* out) {
  uint32_t position = 0;
  size_t start = text.size();
  const auto finish = [&](size_t end) {
    if (start >= end) return;
    Token& token = out->emplace_back();
    token.text.assign(text.substr(start, end - start));
    token.start = static_cast<uint32_t>(start);
    token.end = static_cast<uint32_t>(end);
    token.position = position++;
    start = text.size();
  };
  for (size_t at = 0; at < text.size();) {
    const size_t before = at;
    if (!inside(NextChar(text, &at))) {
      finish(before);
    } else if (start == text.size()) {
      start = before;
    }
  }
  finish(text.size());
}

class StandardTokenizer : public Tokenizer {
 public:
  Status Tokenize(std::string_view text, std::vector<Token>* out) const override {
    const CharTable& table = CharTable::Get();
    AppendRuns(
        text, [&](char32_t c) { return (table.Flags(c) & kAlphanumeric) != 0; }, out);
    return OkStatus();
  }
};

class WhitespaceTokenizer : public Tokenizer {
 public:
  Status Tokenize(std::string_view text, std::vector<Token>* out) const override {
    AppendRuns(
        text, [](char32_t c) { return c != ' ' && c != '\t' && c != '\n' && c != '\f' && c != '\r'; }, out);
    return OkStatus();
  }
};

struct CharGroup {
  std::string_view name;
  uint16_t flags;
  bool ascii;
};
constexpr CharGroup kGroups[] = {
    {"whitespace", kWhitespace, false},
    {"letter", kAlphabetic, false},
    {"digit", 0, true},  // Milvus' are the ten ASCII digits by both names
    {"punctuation", kPunctuation, false},
    {"symbol", kSymbol, false},
    {"ascii_whitespace", kWhitespace, true},
    {"ascii_letter", kAlphabetic, true},
    {"ascii_digit", 0, true},
    {"ascii_punctuation", kPunctuation | kSymbol, true},
};

class CharGroupTokenizer : public Tokenizer {
 public:
  CharGroupTokenizer(std::u32string single, uint16_t flags, uint16_t ascii_flags, bool digits)
      : single_(std::move(single)), flags_(flags), ascii_flags_(ascii_flags), digits_(digits) {}

  Status Tokenize(std::string_view text, std::vector<Token>* out) const override {
    const CharTable& table = CharTable::Get();
    AppendRuns(
        text,
        [&](char32_t c) {
          const uint16_t flags = table.Flags(c);
          if ((flags & flags_) != 0 || (c < 0x80 && (flags & ascii_flags_) != 0)) return false;
          if (digits_ && c >= '0' && c <= '9') return false;
          return single_.find(c) == std::u32string::npos;
        },
        out);
    return OkStatus();
  }

 private:
  const std::u32string single_;
  const uint16_t flags_;
  const uint16_t ascii_flags_;
  const bool digits_;
};

}  // namespace

std::unique_ptr<Tokenizer> MakeStandardTokenizer() {
  return std::make_unique<StandardTokenizer>();
}

std::unique_ptr<Tokenizer> MakeWhitespaceTokenizer() {
  return std::make_unique<WhitespaceTokenizer>();
}

Result<std::unique_ptr<Tokenizer>> MakeCharGroupTokenizer(const std::vector<std::string>& delimiters) {
  constexpr size_t kMaxSingle = 256;
  std::u32string single;
  uint16_t flags = 0;
  uint16_t ascii_flags = 0;
  bool digits = false;
  for (const std::string& delimiter : delimiters) {
    if (!delimiter.empty() && CountChars(delimiter) == 1) {
      size_t at = 0;
      single.push_back(NextChar(delimiter, &at));
      if (single.size() > kMaxSingle) return InvalidArgument("char group tokenizer has more than ", kMaxSingle, " delimiters");
      continue;
    }
    bool known = false;
    for (const CharGroup& group : kGroups) {
      if (group.name != delimiter) continue;
      known = true;
      digits |= group.flags == 0;
      (group.ascii ? ascii_flags : flags) |= group.flags;
    }
    if (!known) return InvalidArgument(delimiter, " not a char or name of build-in char group");
  }
  return std::unique_ptr<Tokenizer>(new CharGroupTokenizer(std::move(single), flags, ascii_flags, digits));
}

}  // namespace saker::analyzer
