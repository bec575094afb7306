// What `saker bench ann` is going to do, from its flags: everything that can be wrong with them is refused here, before a build.
//
// Values. InvalidArgument names the flag, what it was and what it can be.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/result.h"
#include "index/index.h"
#include "tools/bench/ann_bench.h"
#include "tools/bench/vector_file.h"

namespace saker::bench {

using Params = std::map<std::string, std::string>;

// The metric that `--metric` names, any case.
Result<index::Metric> MetricOf(std::string name);

struct AnnPlan {
  index::IndexSpec spec;  // valid, with what is sensible for these rows where no parameter was given
  Params given;           // of the build, as the user wrote them
  Params extra;           // of every search
};
// Numbers, names and parameters against the rows.
Result<AnnPlan> PlanAnn(const AnnOptions& options, index::Metric metric, const VectorRows& base);

// A family's knob: settings of the search ascending in recall and cost.
struct Knob {
  std::vector<Params> settings;
};
std::vector<Knob> KnobsOf(const index::IndexSpec& spec, size_t k);

}  // namespace saker::bench
