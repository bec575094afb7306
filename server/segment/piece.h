// A run of rows of one segment that never changes: what every read works on.
//
// A growing segment is a list of pieces, columns and vectors in memory; a sealed one is a single piece whose vectors lie
// in files and may have indexes. Copying a piece copies pointers. Immutable once published; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "index/index.h"
#include "index/vector_source.h"
#include "server/scalar_index/scalar_index.h"
#include "server/schema/column.h"
#include "server/schema/schema.h"
#include "server/segment/filter_bits.h"
#include "server/segment/index_damage.h"
#include "server/segment/key_index.h"

namespace saker::segment {

struct Piece {
  RowOffset first_row = 0;
  size_t row_count = 0;
  std::shared_ptr<const RowBatch> rows;
  std::shared_ptr<const std::vector<Timestamp>> timestamps;  // when each row was written
  Timestamp min_timestamp = 0;
  Timestamp max_timestamp = 0;
  std::shared_ptr<const KeyIndex> keys;
  std::map<int64_t, std::shared_ptr<const index::VectorSource>> vectors;  // by field id
  std::map<int64_t, std::shared_ptr<const index::Index>> indexes;         // by field id; may be missing
  scalar_index::IndexMap scalar_indexes;                                  // by index id; each holds its entry of the ledger; may be missing
  std::shared_ptr<IndexDamage> damage;      // sealed pieces in a shard; null: a damaged index fails its search
  std::shared_ptr<FilterBits> filter_bits;  // sealed pieces in a shard; null: every filter is evaluated
  // Entries of the memory ledger, given back when the last reader lets go: by field id for indexes, 0 for the columns.
  std::shared_ptr<const void> vector_reservation;  // null: mapped
  std::map<int64_t, std::shared_ptr<const void>> reservations;
};

using Pieces = std::vector<std::shared_ptr<const Piece>>;

// A piece over rows in memory, vector columns included. `rows` holds the primary key's column.
std::shared_ptr<Piece> MakePiece(std::shared_ptr<const RowBatch> rows, std::shared_ptr<const std::vector<Timestamp>> timestamps,
                                 RowOffset first_row, int64_t primary_key_id);
// Neighbours with the same fields as one, without their indexes.
std::shared_ptr<Piece> MergePieces(std::span<const std::shared_ptr<const Piece>> pieces, int64_t primary_key_id);

// The rows of a piece's field, whether it lies in a column, in a vector file, or nowhere because the schema grew later:
// then every row is the default, or null.
class FieldReader {
 public:
  FieldReader(const Piece& piece, const FieldSchema& field);
  void AppendTo(Column* out, size_t row) const;
  void AppendRangeTo(Column* out, size_t first, size_t count) const;

 private:
  const FieldSchema& field_;
  const Column* column_ = nullptr;
  const index::VectorSource* vectors_ = nullptr;
};

// Appends the value that a row written before the field existed has: its default, or null.
void AppendMissing(const FieldSchema& field, Column* out, size_t rows);

index::VectorType VectorTypeOf(DataType type);

// A column of vectors as an index reads it; keeps the batch alive.
std::shared_ptr<const index::VectorSource> MakeColumnSource(std::shared_ptr<const RowBatch> owner, const Column& column);

}  // namespace saker::segment
