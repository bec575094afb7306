// A mutex and its guard with clang's thread-safety annotations, so that `./dev check` proves what GUARDED_BY claims.
#pragma once

#include <condition_variable>
#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define SAKER_TSA(x) __attribute__((x))
#else
#define SAKER_TSA(x)
#endif
#define CAPABILITY(x) SAKER_TSA(capability(x))
#define SCOPED_CAPABILITY SAKER_TSA(scoped_lockable)
#define GUARDED_BY(x) SAKER_TSA(guarded_by(x))
#define REQUIRES(...) SAKER_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) SAKER_TSA(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) SAKER_TSA(acquire_capability(__VA_ARGS__))
#define RELEASE(...) SAKER_TSA(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS SAKER_TSA(no_thread_safety_analysis)

namespace saker {

class CAPABILITY("mutex") Mutex {
 public:
  void Lock() ACQUIRE() { mutex_.lock(); }
  void Unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Condition variable over Mutex; the caller holds the mutex and tests its own predicate in a loop. Not over
// std::condition_variable_any: that has a second mutex, for which who is woken often has to sleep once more.
class CondVar {
 public:
  void Wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  // False when the deadline passed.
  bool WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point deadline) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool in_time = cv_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return in_time;
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

// An immutable value that is replaced as a whole: readers take it once and keep it as long as they like.
template <typename T>
class Snapshot {
 public:
  explicit Snapshot(std::shared_ptr<const T> value = nullptr) : value_(std::move(value)) {}
  std::shared_ptr<const T> Get() const {
    MutexLock lock(mutex_);
    return value_;
  }
  void Set(std::shared_ptr<const T> value) {
    {
      MutexLock lock(mutex_);
      value_.swap(value);
    }
    // The old value, when this was its last owner, dies here: outside the lock.
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const T> value_ GUARDED_BY(mutex_);
};

}  // namespace saker
