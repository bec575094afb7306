#include "server/shard/lanes.h"

#include <utility>
#include <vector>

namespace saker::shard {

struct Lanes::State {
  struct Lane {
    bool queued = false;  // or running
    bool again = false;
  };

  const std::function<void(int)> run;
  Mutex mutex;
  CondVar idle;
  std::vector<Lane> lanes GUARDED_BY(mutex);
  int running GUARDED_BY(mutex) = 0;
  bool closed GUARDED_BY(mutex) = false;

  State(int count, std::function<void(int)> job) : run(std::move(job)), lanes(static_cast<size_t>(count)) {}
};

Lanes::Lanes(int count, std::function<void(int)> run) : state_(std::make_shared<State>(count, std::move(run))) {}

Lanes::~Lanes() {
  Close();
}

void Lanes::Schedule(int lane, WorkerPool& pool) {
  MutexLock lock(state_->mutex);
  if (state_->closed) return;
  State::Lane& own = state_->lanes[static_cast<size_t>(lane)];
  if (own.queued) {
    own.again = true;
  } else {
    own.queued = Submit(state_, lane, pool);
  }
}

bool Lanes::Submit(const std::shared_ptr<State>& state, int lane, WorkerPool& pool) {
  return pool.TrySubmit([state, lane, &pool] { RunLane(state, lane, pool); });
}

void Lanes::RunLane(const std::shared_ptr<State>& state, int lane, WorkerPool& pool) {
  {
    MutexLock lock(state->mutex);
    if (state->closed) return;
    ++state->running;
  }
  state->run(lane);
  MutexLock lock(state->mutex);
  State::Lane& own = state->lanes[static_cast<size_t>(lane)];
  own.queued = own.again && !state->closed && Submit(state, lane, pool);
  own.again = false;
  --state->running;
  state->idle.NotifyAll();
}

void Lanes::Close() {
  MutexLock lock(state_->mutex);
  state_->closed = true;
  while (state_->running > 0) state_->idle.Wait(state_->mutex);
}

}  // namespace saker::shard
