#include <algorithm>

#include "server/analyzer/filters.h"
#include "server/analyzer/string_set.h"

namespace saker::analyzer {
namespace {

struct Line {
  std::vector<std::string> left;
  std::vector<std::string> right;
  bool mapping = false;
};

Result<Line> ParseLine(std::string_view text) {
  Line line;
  std::string word;
  bool ended = false;  // by a space: only a comma, => or the end may follow
  const auto finish = [&] {
    if (!word.empty()) (line.mapping ? line.right : line.left).push_back(std::move(word));
    word.clear();
    ended = false;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const std::string_view rest = text.substr(i);
    if (c == ' ') {
      ended = !word.empty();
    } else if (c == ',') {
      finish();
    } else if (rest.starts_with("=>")) {
      if (line.mapping) return InvalidArgument("read synonym dict failed, has more than one \"=>\" in ", text);
      finish();
      line.mapping = true;
      ++i;
    } else if (ended) {
      return InvalidArgument("read synonym dict failed, has space between words ", text, ", please use \\ to escape space");
    } else if (c == '\\') {
      if (rest.size() < 2) return InvalidArgument("invalid synonym escaped in the end: ", text);
      if (rest.substr(1).starts_with("=>")) {
        word += "=>";
        i += 2;
      } else if (rest[1] == ',' || rest[1] == '\\' || rest[1] == ' ') {
        word += rest[1];
        ++i;
      } else {
        return InvalidArgument("invalid synonym escaped: ", rest.substr(0, 2), " in ", text);
      }
    } else {
      word += c;
    }
  }
  finish();
  return line;
}

class Synonym : public TokenFilter {
 public:
  explicit Synonym(SynonymMode mode) : expand_(mode == SynonymMode::kExpand) {}

  Status Add(const Line& line) {
    const std::vector<std::string> first(line.left.begin(), line.left.begin() + (line.left.empty() ? 0 : 1));
    for (const std::string& key : line.left) {
      std::vector<std::string>& words = words_[key];
      if (expand_ && words.empty()) words.push_back(key);
      for (const std::string& word : line.mapping ? line.right : expand_ ? line.left : first) {
        if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
      }
      if (words.size() > kMaxSynonyms) return InvalidArgument("synonym filter has more than ", kMaxSynonyms, " words for ", key);
    }
    return OkStatus();
  }

  Status Apply(std::vector<Token>* tokens) const override {
    std::vector<Token> all;
    all.reserve(tokens->size());
    for (Token& token : *tokens) {
      const auto found = words_.find(std::string_view(token.text));
      if (found == words_.end() || found->second.empty()) {
        all.push_back(std::move(token));
      } else {
        for (const std::string& word : found->second) all.push_back({word, token.start, token.end, token.position, token.position_length});
      }
      if (all.size() > kMaxTokens) return InvalidArgument("synonyms make more than ", kMaxTokens, " tokens of one text");
    }
    *tokens = std::move(all);
    return OkStatus();
  }

 private:
  static constexpr size_t kMaxSynonyms = 256;
  const bool expand_;
  StringMap<std::vector<std::string>> words_;
};

}  // namespace

Result<FilterPtr> MakeSynonym(const std::vector<std::string>& lines, SynonymMode mode) {
  auto filter = std::make_unique<Synonym>(mode);
  for (const std::string& line : lines) TRY(filter->Add(TRY(ParseLine(line))));
  return FilterPtr(std::move(filter));
}

}  // namespace saker::analyzer
