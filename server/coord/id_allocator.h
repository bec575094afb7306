// Numbers for databases, collections, partitions, indexes and segments: never used twice, also across restarts.
//
// Blocks of a thousand are reserved durably before a number of them is given out. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>

#include "common/mutex.h"
#include "server/shard/shard.h"
#include "storage/catalog.h"

namespace saker::coord {

class IdAllocator final : public shard::IdSource {
 public:
  static constexpr int64_t kBlock = 1000;
  static Result<std::unique_ptr<IdAllocator>> Open(storage::Catalog& catalog);
  Result<int64_t> Next() override;

 private:
  IdAllocator(storage::Catalog& catalog, int64_t first) : catalog_(catalog), next_(first), end_(first) {}

  storage::Catalog& catalog_;
  Mutex mutex_;
  int64_t next_ GUARDED_BY(mutex_);
  int64_t end_ GUARDED_BY(mutex_);  // numbers below it are reserved
};

}  // namespace saker::coord
