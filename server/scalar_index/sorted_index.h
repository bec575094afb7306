// The one structure behind INVERTED, BITMAP, STL_SORT, TRIE and JSON path indexes: sorted dictionaries with the rows of each value.
//
// Values of one kind lie in one dictionary; only a JSON index of everything has several. Immutable; thread-safe.
#pragma once

#include <memory>
#include <span>

#include "server/scalar_index/dictionary.h"
#include "server/scalar_index/scalar_index.h"

namespace saker::scalar_index {

// The parts that every kind of file has: which rows are known and which the column must be asked for.
struct RowSets {
  size_t row_count = 0;
  std::span<const uint64_t> known;  // empty: all
  std::span<const uint32_t> unsure;

  static Result<RowSets> Read(const IndexFileReader& file, size_t row_count);
  // No row matches yet.
  Matches None() const;
};

class SortedIndex final : public ScalarIndex {
 public:
  static Result<std::shared_ptr<const ScalarIndex>> Open(std::shared_ptr<const MappedFile> bytes, const IndexFileReader& file,
                                                         const Spec& spec, const RowSets& rows);
  size_t row_count() const override { return rows_.row_count; }
  uint64_t memory_bytes() const override { return file_->bytes().size(); }
  std::optional<Estimate> EstimateMatches(const Query& query) const override;
  Matches Find(const Query& query) const override;

 private:
  explicit SortedIndex(Spec spec) : ScalarIndex(std::move(spec)) {}
  bool Answers(const Query& query) const;
  template <typename F>
  auto WithTerms(const Query& query, F&& f) const;

  std::shared_ptr<const MappedFile> file_;
  RowSets rows_;
  Dictionary<int64_t> integers_;
  Dictionary<double> reals_;
  Dictionary<std::string> texts_;
};

}  // namespace saker::scalar_index
