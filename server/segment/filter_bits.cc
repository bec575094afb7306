#include "server/segment/filter_bits.h"

#include <algorithm>
#include <utility>

#include "common/metrics.h"

namespace saker::segment {
namespace {

constexpr size_t kBytesPerRow = 8;        // 64 filters
constexpr size_t kLeastBytes = 64 << 10;  // of a small segment
constexpr size_t kEntryBytes = 256;       // beside key and bits

Counter& Requests(std::string_view result) {
  return GetCounter("saker_filter_bits_requests_total", "Filters over sealed segments by whether their rows were remembered",
                    {{"result", std::string(result)}});
}

}  // namespace

FilterBits::FilterBits(MemoryBudget& memory, size_t row_count)
    : memory_(memory), limit_bytes_(std::max(row_count * kBytesPerRow, kLeastBytes)) {}

std::shared_ptr<const index::Bitset> FilterBits::Find(std::string_view key) {
  static Counter& hits = Requests("hit");
  static Counter& misses = Requests("miss");
  MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    misses.Add();
    return nullptr;
  }
  hits.Add();
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->bits;
}

void FilterBits::Offer(std::string_view key, const index::Bitset& bits) {
  const size_t hash = std::hash<std::string_view>()(key);
  const size_t bytes = kEntryBytes + key.size() + bits.word_count() * 8;
  {
    MutexLock lock(mutex_);
    size_t& seen = seen_once_[hash % seen_once_.size()];
    if (std::exchange(seen, hash) != hash || bytes > limit_bytes_) return;
  }
  if (memory_.used_bytes() + bytes > memory_.limit_bytes() / 4 * 3) return;
  auto reservation = memory_.Reserve("index", bytes, "the rows of a filter");
  if (!reservation.ok()) return;
  Entry entry{std::string(key), std::make_shared<const index::Bitset>(bits), std::move(*reservation)};
  MutexLock lock(mutex_);
  if (by_key_.contains(key)) return;
  recent_.push_front(std::move(entry));
  by_key_.emplace(recent_.front().key, recent_.begin());
  bytes_ += bytes;
  while (bytes_ > limit_bytes_) {
    bytes_ -= recent_.back().reservation.bytes();
    by_key_.erase(recent_.back().key);
    recent_.pop_back();
  }
}

}  // namespace saker::segment
