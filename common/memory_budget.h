// The ledger: every large allocation asks here first, by account; a refusal says what would fit.
//
// A Reservation gives its bytes back when destroyed. Thread-safe. The budget must outlive its reservations.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "common/mutex.h"
#include "common/result.h"

namespace saker {

class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  class [[nodiscard]] Reservation {
   public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept { swap(other); }
    Reservation& operator=(Reservation&& other) noexcept {
      swap(other);
      return *this;
    }
    ~Reservation() {
      if (budget_ != nullptr) budget_->Return(account_, bytes_);
    }
    uint64_t bytes() const { return bytes_; }

   private:
    friend class MemoryBudget;
    void swap(Reservation& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(account_, other.account_);
      std::swap(bytes_, other.bytes_);
    }
    MemoryBudget* budget_ = nullptr;
    std::string account_;
    uint64_t bytes_ = 0;
  };

  // `account` is one of a small fixed set: "growing", "columns", "index", "rocksdb", "model", "request".
  Result<Reservation> Reserve(const std::string& account, uint64_t bytes, const std::string& what) EXCLUDES(mutex_);

  uint64_t limit_bytes() const { return limit_bytes_; }
  uint64_t used_bytes() const EXCLUDES(mutex_);
  std::map<std::string, uint64_t> Accounts() const EXCLUDES(mutex_);

 private:
  void Return(const std::string& account, uint64_t bytes) EXCLUDES(mutex_);

  const uint64_t limit_bytes_;
  mutable Mutex mutex_;
  uint64_t used_bytes_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, uint64_t> accounts_ GUARDED_BY(mutex_);
};

// The machine's memory as this process may use it: the cgroup's limit (v1 or v2) or the physical memory, in bytes.
uint64_t AvailableMemoryBytes();

}  // namespace saker
