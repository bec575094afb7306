// Makes the collection that the load runs against, through the server's public calls, and says how fast that went.
#pragma once

#include <string>

#include "tools/bench/serve/connection.h"
#include "tools/bench/serve/serve_bench.h"
#include "tools/bench/vector_file.h"

namespace saker::bench {

// Creates, inserts the base, flushes, indexes and loads; prints one JSON line. AlreadyExists when the collection is there and
// options.replace is not set.
Status PrepareCollection(const ServeOptions& options);

// The steps of it, for one collection; those that start work in the server wait for its end. Used by one thread. The options
// must outlive it.
class Preparation {
 public:
  explicit Preparation(const ServeOptions& options) : options_(options), connection_(options.address, options.token) {}

  Status MakeRoom();
  Status Create(size_t dim);
  // Rows first..end of the base, under their numbers.
  Status Insert(const VectorRows& base, size_t first, size_t end);
  Status Flush();
  Status CreateIndex();
  Status AwaitIndex(size_t rows);
  Status Load();
  // Small segments into large ones.
  Status Compact();

 private:
  const ServeOptions& options_;
  Connection connection_;
};

}  // namespace saker::bench
