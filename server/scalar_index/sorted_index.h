// The one structure behind INVERTED, BITMAP, STL_SORT, TRIE and JSON path indexes: sorted dictionaries with the rows of each value.
//
// Values of one kind lie in one dictionary; only a JSON index of everything has several. Immutable; thread-safe.
#pragma once

#include <memory>

#include "server/scalar_index/dictionary.h"
#include "server/scalar_index/file_index.h"

namespace saker::scalar_index {

class SortedIndex final : public FileIndex {
 public:
  static Result<std::shared_ptr<const ScalarIndex>> Open(std::shared_ptr<const MappedFile> bytes, const IndexFileReader& file,
                                                         const Spec& spec, const RowSets& rows);
  std::optional<Estimate> EstimateMatches(const Query& query) const override;
  Matches Find(const Query& query) const override;

 private:
  using FileIndex::FileIndex;
  bool Answers(const Query& query) const;
  template <typename F>
  auto WithTerms(const Query& query, F&& f) const;

  Dictionary<int64_t> integers_;
  Dictionary<double> reals_;
  Dictionary<std::string> texts_;
};

}  // namespace saker::scalar_index
