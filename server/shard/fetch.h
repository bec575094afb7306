// Output columns for chosen rows, wherever they lie.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/result.h"
#include "server/segment/piece.h"

namespace saker::shard {

struct RowRef {
  const segment::Piece* piece = nullptr;
  uint32_t row = 0;
};

// The rows' fields in this order. ResourceExhausted when they take more than max_bytes.
Result<RowBatch> FetchRows(std::span<const RowRef> rows, const CollectionSchema& schema, const std::vector<int64_t>& field_ids,
                           uint64_t max_bytes);
// The primary key first, then the others, each once.
std::vector<int64_t> OutputFields(const CollectionSchema& schema, const std::vector<int64_t>& wanted);

}  // namespace saker::shard
