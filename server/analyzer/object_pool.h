// Objects of a library that only one call at a time may use, each made by cloning when all others are in use.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "common/mutex.h"

namespace saker::analyzer {

// Thread-safe. Holds as many objects as calls ran at once.
template <typename T, typename Deleter>
class ObjectPool {
 public:
  using Pointer = std::unique_ptr<T, Deleter>;

  // One that nobody uses, or make(), which may answer null.
  template <typename Make>
  Pointer Take(Make&& make) EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      if (!idle_.empty()) {
        Pointer object = std::move(idle_.back());
        idle_.pop_back();
        return object;
      }
    }
    return make();
  }
  void Return(Pointer object) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    idle_.push_back(std::move(object));
  }

 private:
  Mutex mutex_;
  std::vector<Pointer> idle_ GUARDED_BY(mutex_);
};

}  // namespace saker::analyzer
