// Measures an index as built: what share of the true neighbours each effort finds. The table is for EffortTable::For.
#pragma once

#include "index/auto/effort_table.h"
#include "index/auto/held_out.h"
#include "index/index.h"

namespace saker::index {

// What the efforts of an index mean as search parameters.
enum class EffortKind { kGraph, kLists, kDisk };
std::map<std::string, std::string> EffortParams(EffortKind kind, const Effort& effort, size_t k);

// `queries`: DrawHeldOut of the rows of `index`. An empty table: there was nothing to measure with.
Result<EffortTable> Calibrate(const Index& index, EffortKind kind, const std::vector<HeldOutQuery>& queries, const BuildOptions& options);

}  // namespace saker::index
