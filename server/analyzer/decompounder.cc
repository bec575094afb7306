#include <unordered_map>

#include "server/analyzer/filters.h"

namespace saker::analyzer {
namespace {

constexpr size_t kMaxWordBytes = 256;
constexpr size_t kMaxNodes = size_t{1} << 22;

// A tree of the words' bytes: how far a text follows it is found in one pass.
class WordTree {
 public:
  // False when the words are too many.
  bool Add(std::string_view word) {
    uint32_t node = 0;
    for (const char c : word) {
      const auto [next, is_new] = edges_.try_emplace(Key(node, c), static_cast<uint32_t>(is_word_.size()));
      if (is_new) is_word_.push_back(false);
      node = next->second;
    }
    is_word_[node] = true;
    return is_word_.size() <= kMaxNodes;
  }
  // The bytes of the longest word that `text` begins with, or 0.
  size_t Longest(std::string_view text) const {
    uint32_t node = 0;
    size_t longest = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto next = edges_.find(Key(node, text[i]));
      if (next == edges_.end()) break;
      node = next->second;
      if (is_word_[node]) longest = i + 1;
    }
    return longest;
  }

 private:
  static uint64_t Key(uint32_t node, char c) { return uint64_t{node} << 8 | static_cast<uint8_t>(c); }
  std::unordered_map<uint64_t, uint32_t> edges_;
  std::vector<bool> is_word_ = {false};
};

class Decompounder : public TokenFilter {
 public:
  explicit Decompounder(WordTree tree) : tree_(std::move(tree)) {}

  Status Apply(std::vector<Token>* tokens) const override {
    std::vector<Token> parts;
    parts.reserve(tokens->size());
    for (Token& token : *tokens) {
      const size_t before = parts.size();
      const std::string_view text = token.text;
      size_t at = 0;
      for (size_t length = 1; at < text.size(); at += length) {
        length = tree_.Longest(text.substr(at));
        if (length == 0) break;
        parts.push_back(token);
        parts.back().text = text.substr(at, length);
      }
      if (at < text.size() || text.empty()) {
        parts.resize(before);
        parts.push_back(std::move(token));
      }
      if (parts.size() > kMaxTokens) return InvalidArgument("a decompounder makes more than ", kMaxTokens, " tokens of one text");
    }
    *tokens = std::move(parts);
    return OkStatus();
  }

 private:
  const WordTree tree_;
};

}  // namespace

Result<FilterPtr> MakeDecompounder(const std::vector<std::string>& words) {
  WordTree tree;
  for (const std::string& word : words) {
    if (word.empty()) return InvalidArgument("create decompounder failed: an empty word");
    if (word.size() > kMaxWordBytes) {
      return InvalidArgument("create decompounder failed: a word of ", word.size(), " bytes, at most ", kMaxWordBytes, " are allowed");
    }
    if (!tree.Add(word))
      return InvalidArgument("create decompounder failed: the words have more than ", kMaxNodes, " different beginnings");
  }
  return FilterPtr(new Decompounder(std::move(tree)));
}

}  // namespace saker::analyzer
