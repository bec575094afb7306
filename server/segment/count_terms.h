// The counts that BM25 needs, of the rows of one segment.
//
// Thread-safe: pieces are immutable. Indexed pieces answer at once; the rest is a scan.
#pragma once

#include <cstdint>
#include <span>

#include "index/bm25.h"
#include "server/segment/piece.h"
#include "server/segment/segment.h"

namespace saker::segment {

// Adds the counts of every row with a vector in the field, dead ones too. `terms` ascend.
void CountStoredTerms(const Pieces& pieces, int64_t field_id, std::span<const uint32_t> terms, index::Bm25Statistics* sum);

// Adds those of the rows that were written and alive at the timestamp.
void CountVisibleTerms(const Pieces& pieces, const Deletions& deletions, Timestamp timestamp, int64_t field_id,
                       std::span<const uint32_t> terms, index::Bm25Statistics* sum);

}  // namespace saker::segment
