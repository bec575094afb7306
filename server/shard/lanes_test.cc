#include "server/shard/lanes.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>
#include <string>
#include <utility>

namespace saker::shard {
namespace {

TEST(LanesTest, WhatIsAskedForWhileItRunsRunsAgainBehindTheOthers) {
  WorkerPool pool({.name = "build", .threads = 1});
  std::binary_semaphore begun{0}, go{0};
  Mutex mutex;
  std::string order;
  bool first = true;
  Lanes a(1, [&](int) {
    if (std::exchange(first, false)) {
      begun.release();
      go.acquire();
    }
    MutexLock lock(mutex);
    order += 'a';
  });
  Lanes b(1, [&](int) {
    MutexLock lock(mutex);
    order += 'b';
  });
  a.Schedule(0, pool);
  begun.acquire();
  for (int i = 0; i < 3; ++i) a.Schedule(0, pool);
  b.Schedule(0, pool);
  b.Schedule(0, pool);
  go.release();
  pool.Shutdown();
  // Shut down, the pool takes nothing new: the second run of a may be lost, never doubled.
  EXPECT_TRUE(order == "ab" || order == "aba") << order;
}

TEST(LanesTest, ClosingWaitsForWhatRunsAndNotForWhatWaits) {
  WorkerPool pool({.name = "build", .threads = 1});
  std::binary_semaphore begun{0}, go{0};
  std::atomic<int> runs{0};
  Lanes slow(1, [&](int) {
    begun.release();
    go.acquire();
    ++runs;
  });
  slow.Schedule(0, pool);
  begun.acquire();
  {
    Lanes waiting(1, [&](int) { runs += 100; });
    waiting.Schedule(0, pool);
  }  // closed while it waits behind `slow`
  EXPECT_EQ(runs, 0);
  go.release();
  slow.Close();
  EXPECT_EQ(runs, 1);
  slow.Schedule(0, pool);
  pool.Shutdown();
  EXPECT_EQ(runs, 1);
}

TEST(LanesTest, LanesOfOneShardRunSideBySide) {
  WorkerPool pool({.name = "background", .threads = 2});
  std::binary_semaphore first{0}, second{0};
  Lanes lanes(2, [&](int lane) {
    (lane == 0 ? first : second).release();
    (lane == 0 ? second : first).acquire();
  });
  lanes.Schedule(0, pool);
  lanes.Schedule(1, pool);
  pool.Shutdown();
}

}  // namespace
}  // namespace saker::shard
