// The background lanes of one shard: each runs its job on a pool, one at a time; asked for while it runs, it queues again,
// behind what other shards wait for.
//
// A lane that only waits in a pool's queue holds nothing: Close() waits for those that run, so that dropping a collection does not
// wait for another one's build. Thread-safe.
#pragma once

#include <functional>
#include <memory>

#include "common/mutex.h"
#include "common/worker_pool.h"

namespace saker::shard {

class Lanes {
 public:
  // `run(lane)` on the pool's thread; lanes are numbers below `count`.
  Lanes(int count, std::function<void(int)> run);
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // A full pool is no loss: whatever asked asks again with the next write or seal.
  void Schedule(int lane, WorkerPool& pool);
  // Nothing runs after it, nor will.
  void Close();

 private:
  struct State;
  static bool Submit(const std::shared_ptr<State>& state, int lane, WorkerPool& pool);
  static void RunLane(const std::shared_ptr<State>& state, int lane, WorkerPool& pool);

  const std::shared_ptr<State> state_;  // shared with what waits in the queues
};

}  // namespace saker::shard
