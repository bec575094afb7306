// Writes that wait for the log, and the group commit over them.
//
// Whoever finds the queue idle becomes the leader: it takes what waits, up to a bound, runs the group on its own thread
// and then wakes the next leader. So a shard needs no writer thread of its own, a lone write needs no thread switch, and
// everything that arrived during one fsync shares the next. Thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "common/context.h"
#include "common/mutex.h"
#include "common/result.h"
#include "server/shard/request.h"

namespace saker::shard {

struct PendingWrite {
  WriteRequest request;
  std::shared_ptr<const RowBatch> rows;  // the request's, shared with the segment that takes them
  std::string payload;                   // the record; its header is filled in by the group's leader
  Status status;
  WriteResult result;

 private:
  friend class WriteQueue;
  bool done = false;
  CondVar wake;
};

class WriteQueue {
 public:
  // `run` sets status and result of every write of a group; never two groups at a time.
  WriteQueue(size_t limit, std::function<void(const std::vector<PendingWrite*>&)> run) : limit_(limit), run_(std::move(run)) {}

  // Returns when the write was run, or without running it: ResourceExhausted when the queue is full, the context's error
  // when that came first.
  Status Submit(PendingWrite* write, const Context& context) EXCLUDES(mutex_);
  size_t depth() const EXCLUDES(mutex_);

 private:
  std::vector<PendingWrite*> TakeGroup() REQUIRES(mutex_);
  void WakeNext() REQUIRES(mutex_);

  const size_t limit_;
  const std::function<void(const std::vector<PendingWrite*>&)> run_;
  mutable Mutex mutex_;
  std::deque<PendingWrite*> waiting_ GUARDED_BY(mutex_);
  bool running_ GUARDED_BY(mutex_) = false;
};

}  // namespace saker::shard
