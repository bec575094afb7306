#include "common/heap.h"

#include <malloc.h>

#include <atomic>
#include <chrono>

namespace saker {

void ConfigureHeap() {
  // The default of eight arenas per core keeps tens of MiB of freed memory resident in a process with pools.
  mallopt(M_ARENA_MAX, 4);
  // Without a fixed threshold it grows with the first big block that is freed, up to 32 MiB, and messages stay in the heap.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

void ReturnFreeHeap() {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kEveryMs = 1000;
  static std::atomic<int64_t> last_ms{-kEveryMs};
  const int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count();
  int64_t last = last_ms.load(std::memory_order_relaxed);
  if (now_ms - last < kEveryMs || !last_ms.compare_exchange_strong(last, now_ms)) return;
  malloc_trim(0);
}

}  // namespace saker
