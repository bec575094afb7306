// How searches fare beside work in the background: an index build, then a compaction, of another collection of the same rows.
//
// Calls come at a fixed rate, --rate a second over all callers, so that a slower server has no easier time. A call that
// waited for the one before is timed from when it was due. Before, between and after the jobs the server is quiet; those
// calls together are what the jobs are compared with. Prints one JSON object a line: quiet, build and compaction with p50, p95,
// p99 and their ratios to the quiet ones. Client and server share the machine's cores: give both the same ones (taskset).
#pragma once

#include "tools/bench/serve/workload.h"

namespace saker::bench {

// The other collection is made anew and gone afterwards. Needs --base.
Status MeasureBeside(const ServeOptions& options, const Workload& workload, int threads);

}  // namespace saker::bench
