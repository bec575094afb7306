#include "common/memory_budget.h"

#include <algorithm>
#include <fstream>

#include <unistd.h>

namespace saker {

Result<MemoryBudget::Reservation> MemoryBudget::Reserve(const std::string& account, uint64_t bytes, const std::string& what) {
  MutexLock lock(mutex_);
  const uint64_t left = limit_bytes_ - std::min(limit_bytes_, used_bytes_);
  if (bytes > left) {
    return ResourceExhausted(what, " needs ", bytes, " bytes of memory and ", left, " of ", limit_bytes_,
                             " are left; release a collection or raise memory-limit");
  }
  used_bytes_ += bytes;
  accounts_[account] += bytes;
  Reservation reservation;
  reservation.budget_ = this;
  reservation.account_ = account;
  reservation.bytes_ = bytes;
  return reservation;
}

void MemoryBudget::Return(const std::string& account, uint64_t bytes) {
  MutexLock lock(mutex_);
  used_bytes_ -= bytes;
  accounts_[account] -= bytes;
}

uint64_t MemoryBudget::used_bytes() const {
  MutexLock lock(mutex_);
  return used_bytes_;
}

std::map<std::string, uint64_t> MemoryBudget::Accounts() const {
  MutexLock lock(mutex_);
  return accounts_;
}

uint64_t AvailableMemoryBytes() {
  uint64_t bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE));
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    uint64_t limit = 0;
    if (std::ifstream in(path); in >> limit && limit > 0) bytes = std::min(bytes, limit);
  }
  return bytes;
}

}  // namespace saker
