// One stretch of load from a number of threads, and what came of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench/serve/workload.h"

namespace saker::bench {

struct KindOutcome {
  std::vector<float> latencies_us;  // of answered calls
  std::map<std::string, uint64_t> errors;
  uint64_t queries = 0;  // or rows inserted
  uint64_t found = 0, expected = 0;

  void Merge(KindOutcome&& other);
};

struct LoadOutcome {
  KindOutcome kinds[kKinds];
  double seconds = 0;
  std::optional<double> server_cpu_seconds;
};

// Runs for options.seconds after a warm-up. `next_insert` numbers the insert calls, so that no key comes twice.
Result<LoadOutcome> RunLoad(const ServeOptions& options, const Workload& workload, int threads, uint64_t* next_insert);

}  // namespace saker::bench
