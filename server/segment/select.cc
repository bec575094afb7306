#include "server/segment/select.h"

#include <algorithm>
#include <utility>

namespace saker::segment {

namespace {

constexpr size_t kRowsPerKey = 64;  // more keys than one for so many rows are found as fast by a scan

// Word `w` of the bits of rows [first, first + ...) out of a segment's bitset that may end anywhere.
uint64_t WordAt(const index::Bitset& bits, size_t first, size_t w) {
  const size_t word = first / 64 + w;
  const size_t shift = first % 64;
  const uint64_t low = word < bits.word_count() ? bits.words()[word] >> shift : 0;
  if (shift == 0) return low;
  const uint64_t high = word + 1 < bits.word_count() ? bits.words()[word + 1] << (64 - shift) : 0;
  return low | high;
}

bool InTime(Timestamp written, const ReadView& view) {
  return written <= view.timestamp && (!view.min_timestamp || written >= *view.min_timestamp);
}

// A few keys are looked up, whatever the filter would cost.
std::optional<index::Bitset> RowsOfKeys(const Piece& piece, const filter::Filter& filter) {
  const PrimaryKeys* keys = filter.exact_primary_keys();
  if (keys == nullptr || keys->size() > piece.row_count / kRowsPerKey) return std::nullopt;
  index::Bitset rows(piece.row_count);
  for (size_t i = 0; i < keys->size(); ++i) {
    piece.keys->Find(KeyRef::At(*keys, i), [&](RowOffset row) {
      rows.Set(row);
      return true;
    });
  }
  return rows;
}

// What the filter says of the piece's rows, dead or alive.
Result<index::Bitset> Choose(const Piece& piece, const filter::Filter& filter, const Context& context) {
  if (std::optional<index::Bitset> rows = RowsOfKeys(piece, filter)) return *std::move(rows);
  FilterBits* remembered = filter.cache_key().empty() ? nullptr : piece.filter_bits.get();
  if (remembered != nullptr) {
    if (const std::shared_ptr<const index::Bitset> bits = remembered->Find(filter.cache_key())) return *bits;
  }
  index::Bitset chosen = TRY(filter.Evaluate(*piece.rows, {.scalars = &piece.scalar_indexes}, context));
  if (chosen.size() != piece.row_count) return Internal("the filter answered ", chosen.size(), " bits for ", piece.row_count, " rows");
  if (remembered != nullptr) remembered->Offer(filter.cache_key(), chosen);
  return chosen;
}

}  // namespace

Selection SelectVisible(const Piece& piece, const index::Bitset* dead, const ReadView& view) {
  const bool all_in_time = piece.max_timestamp <= view.timestamp && (!view.min_timestamp || piece.min_timestamp >= *view.min_timestamp);
  if (all_in_time && dead == nullptr) return {std::nullopt, piece.row_count};
  index::Bitset bits(piece.row_count, all_in_time);
  if (!all_in_time) {
    for (size_t row = 0; row < piece.row_count; ++row) {
      if (InTime((*piece.timestamps)[row], view)) bits.Set(row);
    }
  }
  if (dead != nullptr) {
    for (size_t w = 0; w < bits.word_count(); ++w) bits.words()[w] &= ~WordAt(*dead, piece.first_row, w);
  }
  const size_t count = bits.Count();
  if (count == piece.row_count) return {std::nullopt, count};
  return {std::move(bits), count};
}

Result<Selection> Select(const Piece& piece, const index::Bitset* dead, const ReadView& view, const Context& context) {
  Selection visible = SelectVisible(piece, dead, view);
  if (view.filter == nullptr || view.filter->always_true() || visible.count == 0) return visible;
  index::Bitset chosen = TRY(Choose(piece, *view.filter, context));
  if (visible.bits) chosen.And(*visible.bits);
  const size_t count = chosen.Count();
  if (count == piece.row_count) return Selection{std::nullopt, count};
  return Selection{std::move(chosen), count};
}

bool IsVisible(const Piece& piece, size_t row, const index::Bitset* dead, const ReadView& view) {
  const size_t in_segment = piece.first_row + row;
  if (dead != nullptr && in_segment < dead->size() && dead->Test(in_segment)) return false;
  return InTime((*piece.timestamps)[row], view);
}

}  // namespace saker::segment
