// What every kind of index file has in common: its bytes, the rows it is about.
//
// Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "server/scalar_index/index_file.h"
#include "server/scalar_index/scalar_index.h"

namespace saker::scalar_index {

// Which rows are known and which the column must be asked for.
struct RowSets {
  size_t row_count = 0;
  std::span<const uint64_t> known;  // empty: all
  std::span<const uint32_t> unsure;

  static Result<RowSets> Read(const IndexFileReader& file, size_t row_count);
  // No row matches yet.
  Matches None() const;
};

// An index that is read in place; what it views lives as long as `bytes`.
class FileIndex : public ScalarIndex {
 public:
  FileIndex(Spec spec, std::shared_ptr<const MappedFile> bytes, const RowSets& rows)
      : ScalarIndex(std::move(spec)), rows_(rows), bytes_(std::move(bytes)) {}
  size_t row_count() const final { return rows_.row_count; }
  uint64_t memory_bytes() const final { return bytes_->bytes().size(); }

 protected:
  const RowSets rows_;

 private:
  const std::shared_ptr<const MappedFile> bytes_;
};

}  // namespace saker::scalar_index
