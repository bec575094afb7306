// The rows of a set whose codes are nearest to a query, all of the set looked at: what a graph's search does when the rows
// that may be found are few, or far from where a walk would look.
#pragma once

#include <cstdint>
#include <vector>

#include "common/context.h"
#include "index/flat/allowed_rows.h"
#include "index/graph/node_codes.h"

namespace saker::index {

// Both replace `found` by packed rows (key << 32 | row) in no order, are thread-safe, and fail only when the context ends.

// The `count` nearest of `rows` by codes. Returns a bound of what was left out: no row with a smaller key was.
Result<uint32_t> ScanCodes(const CodeQuery& query, const AllowedRows& rows, size_t count, const Context& context,
                           std::vector<uint64_t>* found);
// Those of `rows` whose key is from `lowest` to `highest`; false, and `found` is of no use, when there are more than `most`.
Result<bool> ScanCodesBetween(const CodeQuery& query, const AllowedRows& rows, KeyRange keys, size_t most, const Context& context,
                              std::vector<uint64_t>* found);

}  // namespace saker::index
