// One byte of spin lock per row: lists are held for a few hundred nanoseconds and hardly ever by two threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

namespace saker::index {

class RowLocks {
 public:
  explicit RowLocks(size_t rows) : locks_(new std::atomic<uint8_t>[rows]) {
    for (size_t row = 0; row < rows; ++row) locks_[row].store(0, std::memory_order_relaxed);
  }

  class Guard {
   public:
    Guard(RowLocks& locks, size_t row) : lock_(locks.locks_[row]) {
      for (int spins = 0; lock_.exchange(1, std::memory_order_acquire) != 0;) {
        if (++spins % 64 == 0) std::this_thread::yield();
      }
    }
    ~Guard() { lock_.store(0, std::memory_order_release); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    std::atomic<uint8_t>& lock_;
  };

 private:
  std::unique_ptr<std::atomic<uint8_t>[]> locks_;
};

}  // namespace saker::index
