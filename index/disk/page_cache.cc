#include "index/disk/page_cache.h"

#include <cstring>

namespace saker::index {

Result<std::unique_ptr<PageCache>> PageCache::Make(uint64_t bytes, size_t page_bytes) {
  auto cache = std::make_unique<PageCache>();
  cache->page_bytes_ = page_bytes;
  cache->frames_ = static_cast<size_t>(bytes / (page_bytes + kEntryBytes));
  cache->memory_ = TRY(HugeMemory::Allocate(cache->frames_ * page_bytes, "the page cache of a disk graph"));
  std::byte* memory = cache->memory_.data();
  for (size_t s = 0; s < kShards; ++s) {
    Shard& shard = cache->shards_[s];
    shard.frames = cache->frames_ / kShards + (s < cache->frames_ % kShards ? 1 : 0);
    shard.memory = memory;
    memory += shard.frames * page_bytes;
    const MutexLock lock(shard.mutex);
    shard.frame_of.reserve(shard.frames);
    shard.pages.reserve(shard.frames);
    shard.used.reserve(shard.frames);
  }
  return cache;
}

bool PageCache::Get(uint64_t page, std::byte* to) {
  Shard& shard = ShardOf(page);
  if (shard.frames == 0) return false;
  const MutexLock lock(shard.mutex);
  const auto found = shard.frame_of.find(page);
  if (found == shard.frame_of.end()) return false;
  shard.used[found->second] = 1;
  std::memcpy(to, shard.memory + found->second * page_bytes_, page_bytes_);
  return true;
}

void PageCache::Put(uint64_t page, const std::byte* bytes) {
  Shard& shard = ShardOf(page);
  if (shard.frames == 0) return;
  const MutexLock lock(shard.mutex);
  if (shard.frame_of.contains(page)) return;
  size_t frame = shard.pages.size();
  if (frame < shard.frames) {
    shard.pages.push_back(page);
    shard.used.push_back(0);
  } else {
    while (shard.used[shard.hand] != 0) {
      shard.used[shard.hand] = 0;
      shard.hand = (shard.hand + 1) % shard.frames;
    }
    frame = shard.hand;
    shard.hand = (shard.hand + 1) % shard.frames;
    shard.frame_of.erase(shard.pages[frame]);
    shard.pages[frame] = page;
  }
  shard.frame_of[page] = static_cast<uint32_t>(frame);
  std::memcpy(shard.memory + frame * page_bytes_, bytes, page_bytes_);
}

}  // namespace saker::index
