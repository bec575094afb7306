// Which rows of a VarChar column hold a token, and where: text_match and phrase_match cost their tokens' postings, not an analysis of
// every row.
//
// Tokens in order; for each its rows and, apart from them, its positions, as differences in variable-length bytes. Immutable;
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/context.h"
#include "common/result.h"
#include "server/analyzer/analyzer.h"
#include "server/match/match_query.h"
#include "server/schema/column.h"

namespace saker::match {

class MatchIndex {
 public:
  // Null rows have no tokens. Cancelled by the context.
  static Result<std::shared_ptr<const MatchIndex>> Build(const Column& texts, const analyzer::Analyzer& analyzer, const Context& context);
  // Memory that Build takes for a column, its result included, about.
  static uint64_t BuildBytes(const Column& texts);

  size_t row_count() const { return row_count_; }
  size_t term_count() const { return row_starts_.size() - 1; }
  uint64_t memory_bytes() const;

  // Sets the bits of the rows that match; `words` has one bit a row and begins empty.
  void Find(const MatchQuery& query, uint64_t* words) const;
  // At most so many rows match: what Find will touch.
  uint64_t Estimate(const MatchQuery& query) const;

 private:
  friend class MatchIndexBuilder;
  MatchIndex() = default;
  std::string_view Term(size_t i) const { return std::string_view(terms_).substr(term_starts_[i], term_starts_[i + 1] - term_starts_[i]); }
  size_t FindTerm(std::string_view text) const;  // term_count() when no row has it
  void FindPhrase(const MatchQuery& query, uint64_t* words) const;

  size_t row_count_ = 0;
  std::string terms_;
  std::vector<uint64_t> term_starts_;  // into terms_
  std::vector<uint32_t> row_counts_;   // of each term
  std::string rows_;                   // of each term: the differences of its rows
  std::vector<uint64_t> row_starts_;
  std::string positions_;  // of each term, for each of its rows: bytes, differences of the positions
  std::vector<uint64_t> position_starts_;
};

// By field id.
using MatchIndexMap = std::map<int64_t, std::shared_ptr<const MatchIndex>>;

}  // namespace saker::match
