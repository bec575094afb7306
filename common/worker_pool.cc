#include "common/worker_pool.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace saker {

WorkerPool::WorkerPool(Options options) : options_(std::move(options)) {
  for (int i = 0; i < std::max(1, options_.threads); ++i) {
    threads_.emplace_back([this] {
      pthread_setname_np(pthread_self(), options_.name.substr(0, 15).c_str());
      if (options_.nice != 0) setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), options_.nice);
      Run();
    });
  }
}

WorkerPool::~WorkerPool() {
  Shutdown();
}

bool WorkerPool::TrySubmit(Task task) {
  {
    MutexLock lock(mutex_);
    if (stopping_ || queue_.size() >= options_.queue_limit) {
      rejected_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    queue_.push_back(std::move(task));
  }
  wake_.NotifyOne();
  return true;
}

void WorkerPool::Shutdown() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

size_t WorkerPool::queue_depth() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

void WorkerPool::Run() {
  for (;;) {
    Task task;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) wake_.Wait(mutex_);
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    const auto start = std::chrono::steady_clock::now();
    task();
    task = nullptr;
    const auto spent = std::chrono::steady_clock::now() - start;
    busy_us_.fetch_add(static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(spent).count()),
                       std::memory_order_relaxed);
  }
}

struct TaskGroup::Shared {
  Mutex mutex;
  CondVar done;
  std::deque<std::function<Status()>> queued GUARDED_BY(mutex);
  int running GUARDED_BY(mutex) = 0;
  Status first_error GUARDED_BY(mutex);

  // Runs one queued task; false when there was none.
  bool RunOne() EXCLUDES(mutex) {
    std::function<Status()> task;
    {
      MutexLock lock(mutex);
      if (queued.empty()) return false;
      task = std::move(queued.front());
      queued.pop_front();
      ++running;
    }
    const Status status = task();
    task = nullptr;
    {
      MutexLock lock(mutex);
      --running;
      if (!status.ok() && first_error.ok()) {
        first_error = status;
        queued.clear();
      }
    }
    done.NotifyAll();
    return true;
  }
};

TaskGroup::TaskGroup(WorkerPool& pool) : pool_(pool), shared_(std::make_shared<Shared>()) {}

TaskGroup::~TaskGroup() {
  static_cast<void>(Wait());
}

void TaskGroup::Run(std::function<Status()> task) {
  {
    MutexLock lock(shared_->mutex);
    if (!shared_->first_error.ok()) return;
    shared_->queued.push_back(std::move(task));
  }
  // When the pool is full the task stays in the group and Wait runs it.
  static_cast<void>(pool_.TrySubmit([shared = shared_] { shared->RunOne(); }));
}

Status TaskGroup::Wait() {
  while (shared_->RunOne()) {}
  MutexLock lock(shared_->mutex);
  while (shared_->running > 0) shared_->done.Wait(shared_->mutex);
  return shared_->first_error;
}

}  // namespace saker
