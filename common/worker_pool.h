// A named, bounded pool of threads, and TaskGroup, which fans one request out over it.
//
// A full queue is an answer: TrySubmit returns false and the caller refuses the request or runs the task itself.
// Thread-safe. Shutdown (or the destructor) runs what is queued and joins.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "common/result.h"

namespace saker {

class WorkerPool {
 public:
  using Task = std::function<void()>;
  struct Options {
    std::string name;  // at most 15 characters: it is the threads' name too
    int threads = 1;
    size_t queue_limit = 4096;  // tasks waiting
    int nice = 0;               // background pools run at 10
  };

  explicit WorkerPool(Options options);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False when the queue is full or the pool is shut down; the task was then not taken.
  [[nodiscard]] bool TrySubmit(Task task) EXCLUDES(mutex_);
  void Shutdown() EXCLUDES(mutex_);

  const std::string& name() const { return options_.name; }
  int threads() const { return options_.threads; }
  size_t queue_depth() const EXCLUDES(mutex_);
  uint64_t rejected() const { return rejected_.load(std::memory_order_relaxed); }
  // Thread-seconds spent in tasks, in microseconds.
  uint64_t busy_us() const { return busy_us_.load(std::memory_order_relaxed); }

 private:
  void Run();

  const Options options_;
  mutable Mutex mutex_;
  CondVar wake_;
  std::deque<Task> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::atomic<uint64_t> rejected_{0};
  std::atomic<uint64_t> busy_us_{0};
  std::vector<std::thread> threads_;
};

// Runs the tasks of one request. The first error cancels those not yet started. Whoever waits also runs the group's
// queued tasks, so a full pool cannot deadlock on itself. Used by one thread; the destructor waits.
class TaskGroup {
 public:
  explicit TaskGroup(WorkerPool& pool);
  ~TaskGroup();
  void Run(std::function<Status()> task);
  // The first error, or OK when every task ended well.
  Status Wait();

 private:
  struct Shared;
  WorkerPool& pool_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace saker
