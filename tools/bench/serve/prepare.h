// Makes the collection that the load runs against, through the server's public calls, and says how fast that went.
#pragma once

#include "tools/bench/serve/serve_bench.h"

namespace saker::bench {

// Creates, inserts the base, flushes, indexes and loads; prints one JSON line. AlreadyExists when the collection is there and
// options.replace is not set.
Status PrepareCollection(const ServeOptions& options);

}  // namespace saker::bench
