// What text_match and phrase_match ask of a text, as tokens: some of these, or all of these as near to one another as asked.
//
// text_match: at least `minimum` of the query's tokens occur, each counted as often as the query has it. phrase_match: all occur, and
// their positions less those in the query lie within `slop` of one another, in any direction (Milvus: "A B" matches "B A" with a slop
// of 2). A query without tokens matches nothing. A value; immutable once made.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "server/analyzer/analyzer.h"

namespace saker::match {

class MatchQuery {
 public:
  static Result<MatchQuery> AnyOf(const analyzer::Analyzer& analyzer, std::string_view text, uint32_t minimum);
  static Result<MatchQuery> Phrase(const analyzer::Analyzer& analyzer, std::string_view text, uint32_t slop);

  // Ascending, each once.
  const std::vector<std::string>& terms() const { return terms_; }
  bool is_phrase() const { return !places_.empty(); }
  // Of a text_match: how often the query has terms()[i], and how many of the tokens must occur.
  const std::vector<uint32_t>& weights() const { return weights_; }
  uint32_t minimum() const { return minimum_; }
  // Of a phrase: its tokens, in order.
  struct Place {
    uint32_t term;    // in terms()
    uint32_t behind;  // how far the phrase's last token lies behind this one
  };
  const std::vector<Place>& places() const { return places_; }
  // True when the phrase occurs in a text that has terms()[i] at positions[i], none of which is empty.
  bool PhraseOccurs(std::span<const std::vector<uint32_t>> positions) const;

  // The whole question asked of one text's tokens: what an index answers for many.
  bool Matches(std::span<const analyzer::Token> tokens) const;

 private:
  static Result<MatchQuery> Read(const analyzer::Analyzer& analyzer, std::string_view text, std::vector<analyzer::Token>* tokens);
  size_t FindTerm(std::string_view text) const;  // terms().size() when it is none of them

  std::vector<std::string> terms_;
  std::vector<uint32_t> weights_;
  uint32_t minimum_ = 1;
  std::vector<Place> places_;
  uint32_t slop_ = 0;
};

// The least slop with which the phrase occurs in the text, or nothing when a token of it is missing; 0 for a phrase without tokens.
// Milvus' ComputePhraseMatchSlop.
std::optional<uint32_t> LeastSlop(std::span<const analyzer::Token> phrase, std::span<const analyzer::Token> text);

}  // namespace saker::match
