// NGRAM: which rows hold every n-gram of a pattern's literals. They are candidates; the column's texts decide.
//
// Grams are kept as 64-bit hashes: two that collide cost a test, never an answer. Immutable; thread-safe.
#pragma once

#include <memory>
#include <vector>

#include "server/scalar_index/dictionary.h"
#include "server/scalar_index/file_index.h"

namespace saker::scalar_index {

class NgramIndex final : public FileIndex {
 public:
  static Result<std::shared_ptr<const ScalarIndex>> Open(std::shared_ptr<const MappedFile> bytes, const IndexFileReader& file,
                                                         const Spec& spec, const RowSets& rows);
  std::optional<Estimate> EstimateMatches(const Query& query) const override;
  Matches Find(const Query& query) const override;

 private:
  using FileIndex::FileIndex;
  // The pattern's grams with the fewest rows, places in the dictionary; size() of it stands for a gram that no row has.
  std::vector<size_t> RarestGrams(const Query& query) const;

  Dictionary<int64_t> grams_;
};

}  // namespace saker::scalar_index
