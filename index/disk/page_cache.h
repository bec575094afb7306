// The pages read last, within a fixed budget of memory. CLOCK, in shards with a lock each; a page is copied out under it.
//
// All memory is taken when the cache is made. Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "common/huge_memory.h"
#include "common/mutex.h"
#include "common/result.h"

namespace saker::index {

class PageCache {
 public:
  // `bytes` of frames and what finding them costs; less than one page: no cache.
  static Result<std::unique_ptr<PageCache>> Make(uint64_t bytes, size_t page_bytes);

  bool Get(uint64_t page, std::byte* to);
  void Put(uint64_t page, const std::byte* bytes);
  size_t memory_bytes() const { return memory_.size_bytes() + frames_ * kEntryBytes; }

 private:
  static constexpr size_t kShards = 16;
  static constexpr size_t kEntryBytes = 64;  // of the table, a frame
  struct Shard {
    Mutex mutex;
    std::unordered_map<uint64_t, uint32_t> frame_of GUARDED_BY(mutex);
    std::vector<uint64_t> pages GUARDED_BY(mutex);
    std::vector<uint8_t> used GUARDED_BY(mutex);
    size_t hand GUARDED_BY(mutex) = 0;
    size_t frames = 0;
    std::byte* memory = nullptr;
  };
  Shard& ShardOf(uint64_t page) { return shards_[page * 0x9e3779b97f4a7c15ull >> 60]; }

  size_t page_bytes_ = 0;
  size_t frames_ = 0;
  HugeMemory memory_;
  Shard shards_[kShards];
};

}  // namespace saker::index
