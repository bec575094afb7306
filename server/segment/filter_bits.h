// The rows of one sealed piece that filters chose before, for filters that come again: dashboards, tenants, pages of one query.
//
// Sealed rows never change, so an entry stays right; deletions and time are applied behind it. A filter is kept from the second time
// on. Bounded by rows; memory is asked from the ledger, and not taken while that is three quarters full. Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/memory_budget.h"
#include "common/mutex.h"
#include "index/bitset.h"

namespace saker::segment {

class FilterBits {
 public:
  // The budget outlives the cache.
  FilterBits(MemoryBudget& memory, size_t row_count);

  // Null when the filter is not there. `key` is Filter::cache_key().
  std::shared_ptr<const index::Bitset> Find(std::string_view key) EXCLUDES(mutex_);
  void Offer(std::string_view key, const index::Bitset& bits) EXCLUDES(mutex_);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const index::Bitset> bits;
    MemoryBudget::Reservation reservation;
  };

  MemoryBudget& memory_;
  const size_t limit_bytes_;
  Mutex mutex_;
  std::list<Entry> recent_ GUARDED_BY(mutex_);  // newest first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  std::array<size_t, 256> seen_once_ GUARDED_BY(mutex_) = {};  // hashes of keys
};

}  // namespace saker::segment
