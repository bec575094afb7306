// Which rows of a piece a read may return: written and alive at its timestamp, not expired, and chosen by its filter.
#pragma once

#include <cstddef>
#include <optional>

#include "common/context.h"
#include "common/result.h"
#include "index/bitset.h"
#include "server/filter/filter.h"
#include "server/segment/piece.h"

namespace saker::segment {

struct ReadView {
  Timestamp timestamp = kMaxTimestamp;
  std::optional<Timestamp> min_timestamp;  // rows written before it are expired
  const filter::Filter* filter = nullptr;  // null: every row
};

// Absent bits mean every row.
struct Selection {
  std::optional<index::Bitset> bits;
  size_t count = 0;
};

// `dead` has one bit per dead row of the whole segment, or is null.
Result<Selection> Select(const Piece& piece, const index::Bitset* dead, const ReadView& view, const Context& context);
// The same without the filter.
Selection SelectVisible(const Piece& piece, const index::Bitset* dead, const ReadView& view);
// One row of the piece: the same without the filter.
bool IsVisible(const Piece& piece, size_t row, const index::Bitset* dead, const ReadView& view);

}  // namespace saker::segment
