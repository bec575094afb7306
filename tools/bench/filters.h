// The filters that `saker bench ann` searches under: which rows may be returned, the same in every run.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "index/bitset.h"
#include "index/metric.h"
#include "tools/bench/vector_file.h"

namespace saker::bench {

// InvalidArgument for a kind that nobody knows, and for a share that leaves no row.
Status CheckFilterKind(const std::string& kind);
Status CheckFilterLeavesRows(const std::string& kind, double selectivity, size_t rows);
// `kind` as in AnnOptions. One bitset for all queries, or one a query.
Result<std::vector<index::Bitset>> MakeFilters(const std::string& kind, double selectivity, const VectorRows& base,
                                               const VectorRows& queries, index::Metric metric);

}  // namespace saker::bench
