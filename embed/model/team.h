// A few threads that run one function together, for forward passes of a millisecond: waiting spins before it sleeps.
//
// Run is called by one thread at a time; that thread is worker 0.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace saker::embed {

// Lets `count` threads go once all have come; reusable.
class SpinBarrier {
 public:
  explicit SpinBarrier(uint32_t count) : count_(count) {}
  void Wait();

 private:
  const uint32_t count_;
  std::atomic<uint32_t> arrived_{0};
  std::atomic<uint32_t> round_{0};
};

class Team {
 public:
  Team(size_t threads, const std::string& name);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  size_t size() const { return threads_.size() + 1; }
  // Calls work(0) here and work(1) ... work(size() - 1) on the others; returns when all have returned.
  void Run(const std::function<void(size_t)>& work);

 private:
  void Loop(size_t worker);

  const std::function<void(size_t)>* work_ = nullptr;
  std::atomic<uint32_t> round_{0};
  std::atomic<uint32_t> running_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

}  // namespace saker::embed
