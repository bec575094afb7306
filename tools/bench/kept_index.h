// An index file that `saker bench ann --index-file` keeps: is it the one that was asked for?
//
// Beside FILE lies FILE.base, a line with the rows' number, dimension and checksum, because an index file itself holds no
// trace of the vectors it was built from.
#pragma once

#include <string>

#include "common/result.h"
#include "tools/bench/ann_plan.h"

namespace saker::bench {

// Writes FILE.base.
Status RememberBase(const std::string& path, const VectorRows& base);
// InvalidArgument when the rows are others than FILE.base says. Without that file only number and dimension are known.
Status CheckBase(const std::string& path, const VectorRows& base);
// InvalidArgument when the type, the metric or a parameter that the user gave is another in the file.
Status CheckKept(const std::string& path, const index::IndexSpec& kept, const AnnPlan& plan);

}  // namespace saker::bench
