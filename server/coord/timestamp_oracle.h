// The process's one source of timestamps: they follow the clock, never repeat and never go back, not across restarts
// nor when the clock is set back.
//
// A ceiling about three seconds ahead is durable before any timestamp below it is given out; a start continues at the
// ceiling. Thread-safe; a call is a lock and an addition, about once in two seconds one caller also writes the ceiling.
#pragma once

#include <cstdint>
#include <functional>

#include "common/mutex.h"
#include "common/timestamp.h"
#include "server/shard/shard.h"
#include "storage/catalog.h"

namespace saker::coord {

class TimestampOracle final : public shard::TimestampSource {
 public:
  // Reads the ceiling; nothing is written until the first Next.
  static Result<std::unique_ptr<TimestampOracle>> Open(storage::Catalog& catalog, std::function<uint64_t()> clock_ms);

  Result<Timestamp> Next() override { return NextRange(1); }
  // `count` consecutive timestamps; returns the first. They serve as automatic primary keys too.
  Result<Timestamp> NextRange(uint64_t count);
  // At least every timestamp given out so far; follows the clock. Nothing is handed out.
  Timestamp Latest();

 private:
  TimestampOracle(storage::Catalog& catalog, std::function<uint64_t()> clock_ms, uint64_t ceiling_ms);
  Status RaiseCeiling(uint64_t ceiling_ms) REQUIRES(mutex_);

  storage::Catalog& catalog_;
  const std::function<uint64_t()> clock_ms_;
  Mutex mutex_;
  CondVar raised_;
  Timestamp next_ GUARDED_BY(mutex_);
  uint64_t ceiling_ms_ GUARDED_BY(mutex_);  // durable; every timestamp given out is below it
  bool raising_ GUARDED_BY(mutex_) = false;
};

}  // namespace saker::coord
