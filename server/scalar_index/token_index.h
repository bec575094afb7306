// Which rows of a VarChar column hold a token, and where: text_match and phrase_match cost their tokens' postings, not an analysis of
// every row.
//
// Tokens in order; for each its rows and, apart from them, its positions, as differences in variable-length bytes. A view of an index
// file's sections, each of whose bytes was followed once when it was opened. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "server/scalar_index/file_index.h"

namespace saker::scalar_index {

class TokenIndex final : public FileIndex {
 public:
  static Result<std::shared_ptr<const ScalarIndex>> Open(std::shared_ptr<const MappedFile> bytes, const IndexFileReader& file,
                                                         const Spec& spec, const RowSets& rows);
  std::optional<Estimate> EstimateMatches(const Query& query) const override;
  Matches Find(const Query& query) const override;

 private:
  using FileIndex::FileIndex;
  Status ReadSections(const IndexFileReader& file);
  Status CheckPostings(const IndexFileReader& file) const;
  size_t term_count() const { return counts_.size(); }
  std::string_view Term(size_t i) const { return {terms_.data() + term_starts_[i], term_starts_[i + 1] - term_starts_[i]}; }
  size_t FindTerm(std::string_view text) const;  // term_count() when no row has it
  void FindAny(const match::MatchQuery& query, uint64_t* words) const;
  void FindPhrase(const match::MatchQuery& query, uint64_t* words) const;

  std::span<const char> terms_;
  std::span<const uint64_t> term_starts_;  // into terms_, and the end; empty without terms
  std::span<const uint32_t> counts_;       // rows of each term
  std::span<const char> row_bytes_;        // of each term: the differences of its rows
  std::span<const uint64_t> row_starts_;
  std::span<const char> position_bytes_;  // of each term, for each of its rows: length, differences of the positions
  std::span<const uint64_t> position_starts_;
};

}  // namespace saker::scalar_index
