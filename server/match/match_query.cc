#include "server/match/match_query.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace saker::match {
namespace {

using analyzer::Token;

// One sorted list of positions, each moved by `behind`.
struct List {
  std::span<const uint32_t> positions;
  uint32_t behind;
};

// The least difference between the greatest and the smallest of one element of each list; stops at the first that is at most
// `enough`. The lists' heads in a heap, the smallest moves on: k lists of n positions in all cost n log k.
uint64_t LeastSpread(std::span<const List> lists, uint64_t enough) {
  struct Head {
    uint64_t value;
    size_t list;
    size_t at;
    bool operator>(const Head& other) const { return value > other.value; }
  };
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  uint64_t greatest = 0;
  for (size_t i = 0; i < lists.size(); ++i) {
    const uint64_t value = uint64_t{lists[i].positions[0]} + lists[i].behind;
    greatest = std::max(greatest, value);
    heads.push({value, i, 0});
  }
  uint64_t least = UINT64_MAX;
  while (true) {
    Head head = heads.top();
    heads.pop();
    least = std::min(least, greatest - head.value);
    const List& list = lists[head.list];
    if (least <= enough || ++head.at == list.positions.size()) return least;
    head.value = uint64_t{list.positions[head.at]} + list.behind;
    greatest = std::max(greatest, head.value);
    heads.push(head);
  }
}

}  // namespace

size_t MatchQuery::FindTerm(std::string_view text) const {
  const auto found = std::lower_bound(terms_.begin(), terms_.end(), text);
  return found != terms_.end() && *found == text ? static_cast<size_t>(found - terms_.begin()) : terms_.size();
}

Result<MatchQuery> MatchQuery::Read(const analyzer::Analyzer& analyzer, std::string_view text, std::vector<Token>* tokens) {
  TRY(analyzer.Analyze(text, tokens));
  MatchQuery query;
  for (const Token& token : *tokens) query.terms_.push_back(token.text);
  std::sort(query.terms_.begin(), query.terms_.end());
  query.terms_.erase(std::unique(query.terms_.begin(), query.terms_.end()), query.terms_.end());
  query.weights_.resize(query.terms_.size());
  for (const Token& token : *tokens) ++query.weights_[query.FindTerm(token.text)];
  return query;
}

Result<MatchQuery> MatchQuery::AnyOf(const analyzer::Analyzer& analyzer, std::string_view text, uint32_t minimum) {
  std::vector<Token> tokens;
  MatchQuery query = TRY(Read(analyzer, text, &tokens));
  query.minimum_ = std::max<uint32_t>(minimum, 1);
  return query;
}

Result<MatchQuery> MatchQuery::Phrase(const analyzer::Analyzer& analyzer, std::string_view text, uint32_t slop) {
  std::vector<Token> tokens;
  MatchQuery query = TRY(Read(analyzer, text, &tokens));
  query.slop_ = slop;
  if (tokens.size() < 2) return query;  // a phrase of one word is that word
  uint32_t last = 0;
  for (const Token& token : tokens) last = std::max(last, token.position);
  for (const Token& token : tokens) { query.places_.push_back({static_cast<uint32_t>(query.FindTerm(token.text)), last - token.position}); }
  return query;
}

bool MatchQuery::PhraseOccurs(std::span<const std::vector<uint32_t>> positions) const {
  std::vector<List> lists;
  lists.reserve(places_.size());
  for (const Place& place : places_) lists.push_back({positions[place.term], place.behind});
  return LeastSpread(lists, slop_) <= slop_;
}

bool MatchQuery::Matches(std::span<const Token> tokens) const {
  if (terms_.empty()) return false;
  std::vector<std::vector<uint32_t>> positions(terms_.size());
  for (const Token& token : tokens) {
    const size_t term = FindTerm(token.text);
    if (term < terms_.size()) positions[term].push_back(token.position);
  }
  if (is_phrase()) {
    const auto missing = [](const std::vector<uint32_t>& list) { return list.empty(); };
    return std::none_of(positions.begin(), positions.end(), missing) && PhraseOccurs(positions);
  }
  uint64_t found = 0;
  for (size_t i = 0; i < terms_.size(); ++i) found += positions[i].empty() ? 0 : weights_[i];
  return found >= minimum_;
}

std::optional<uint32_t> LeastSlop(std::span<const Token> phrase, std::span<const Token> text) {
  if (phrase.empty()) return 0;
  std::vector<std::pair<std::string_view, uint32_t>> occurrences;
  for (const Token& token : text) occurrences.emplace_back(token.text, token.position);
  std::sort(occurrences.begin(), occurrences.end());
  std::vector<uint32_t> positions;
  for (const auto& [word, position] : occurrences) positions.push_back(position);
  uint32_t last = 0;
  for (const Token& token : phrase) last = std::max(last, token.position);
  std::vector<List> lists;
  for (const Token& token : phrase) {
    const std::string_view word = token.text;
    const auto less = [](const auto& a, const auto& b) { return a.first < b.first; };
    const auto [first, end] = std::equal_range(occurrences.begin(), occurrences.end(), std::pair(word, uint32_t{0}), less);
    if (first == end) return std::nullopt;
    lists.push_back({std::span(positions).subspan(static_cast<size_t>(first - occurrences.begin()), static_cast<size_t>(end - first)),
                     last - token.position});
  }
  return static_cast<uint32_t>(LeastSpread(lists, 0));
}

}  // namespace saker::match
