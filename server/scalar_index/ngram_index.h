// NGRAM: which rows hold every n-gram of a pattern's literals. They are candidates; the column's texts decide.
//
// Grams are kept as 64-bit hashes: two that collide cost a test, never an answer. Immutable; thread-safe.
#pragma once

#include <memory>
#include <vector>

#include "server/scalar_index/sorted_index.h"

namespace saker::scalar_index {

class NgramIndex final : public ScalarIndex {
 public:
  static Result<std::shared_ptr<const ScalarIndex>> Open(std::shared_ptr<const MappedFile> bytes, const IndexFileReader& file,
                                                         const Spec& spec, const RowSets& rows);
  size_t row_count() const override { return rows_.row_count; }
  uint64_t memory_bytes() const override { return file_->bytes().size(); }
  std::optional<Estimate> EstimateMatches(const Query& query) const override;
  Matches Find(const Query& query) const override;

 private:
  explicit NgramIndex(Spec spec) : ScalarIndex(std::move(spec)) {}
  // The pattern's grams with the fewest rows, places in the dictionary; size() of it stands for a gram that no row has.
  std::vector<size_t> RarestGrams(const Query& query) const;

  std::shared_ptr<const MappedFile> file_;
  RowSets rows_;
  Dictionary<int64_t> grams_;
};

}  // namespace saker::scalar_index
