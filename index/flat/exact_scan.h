// The exact scan behind ExactSearch, the FLAT index and every fallback: rows in blocks that stay in the second cache,
// each block scored against all queries, a bounded collector per query.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/context.h"
#include "common/result.h"
#include "index/flat/allowed_rows.h"
#include "index/index.h"

namespace saker::index {

// `inverse_norms` may be null; COSINE then computes them as it goes. Only request's k and range are read, not its queries.
Result<std::vector<std::vector<Hit>>> ScanRows(const VectorSource& source, Metric metric, const float* inverse_norms, const void* queries,
                                               size_t query_count, const SearchRequest& request, const AllowedRows& allowed,
                                               const Context& context, SearchStats* stats);

// The same for kSparse: inner products by merging; rows that share no index with the query do not appear.
Result<std::vector<std::vector<Hit>>> ScanSparseRows(const VectorSource& source, const SearchRequest& request, const AllowedRows& allowed,
                                                     const Context& context, SearchStats* stats);

// What every search checks first: k, queries, the bitset's size.
Status CheckRequest(const SearchRequest& request, VectorType type, size_t row_count);

// FLAT and BIN_FLAT: nothing but the scan (and, for COSINE, the norms).
std::unique_ptr<Index> MakeFlatIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source, std::vector<float> inverse_norms);

}  // namespace saker::index
