#include "server/coord/timestamp_oracle.h"

#include <gtest/gtest.h>

#include <thread>

#include "common/timestamp.h"
#include "server/coord/fake_world.h"

namespace saker::coord {
namespace {

TEST(TimestampOracle, FollowsTheClockAndNeverRepeats) {
  FakeCatalog catalog;
  uint64_t now_ms = 1'000'000;
  auto oracle = TimestampOracle::Open(catalog, [&] { return now_ms; }).value();
  Timestamp last = 0;
  for (int i = 0; i < 1000; ++i) {
    const Timestamp next = oracle->Next().value();
    ASSERT_GT(next, last);
    ASSERT_GE(TimestampMs(next), now_ms);
    last = next;
    if (i % 10 == 0) now_ms += 7;
  }
}

TEST(TimestampOracle, NeverGoesBackWhenTheClockDoes) {
  FakeCatalog catalog;
  uint64_t now_ms = 5'000'000;
  auto oracle = TimestampOracle::Open(catalog, [&] { return now_ms; }).value();
  Timestamp last = oracle->Next().value();
  now_ms -= 4'000'000;
  for (int i = 0; i < 100; ++i) {
    const Timestamp next = oracle->Next().value();
    ASSERT_GT(next, last);
    last = next;
  }
}

TEST(TimestampOracle, ContinuesAboveEverythingAfterARestart) {
  FakeCatalog catalog;
  uint64_t now_ms = 5'000'000;
  Timestamp last = 0;
  for (int restart = 0; restart < 20; ++restart) {
    auto oracle = TimestampOracle::Open(catalog, [&] { return now_ms; }).value();
    for (int i = 0; i < 50; ++i) {
      const Timestamp next = oracle->Next().value();
      ASSERT_GT(next, last) << "restart " << restart;
      last = next;
    }
    now_ms = now_ms / 2 + 1000;  // the clock was set back while the process was down
  }
}

TEST(TimestampOracle, WritesTheCeilingAheadAndRarely) {
  FakeCatalog catalog;
  uint64_t now_ms = 5'000'000;
  auto oracle = TimestampOracle::Open(catalog, [&] { return now_ms; }).value();
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(oracle->Next().ok());
    now_ms += 1;
  }
  EXPECT_LE(catalog.writes(), 6);  // ten seconds
}

TEST(TimestampOracle, RefusesRatherThanGoPastADurableCeiling) {
  FakeCatalog catalog;
  uint64_t now_ms = 5'000'000;
  auto oracle = TimestampOracle::Open(catalog, [&] { return now_ms; }).value();
  ASSERT_TRUE(oracle->Next().ok());
  catalog.fail_after_writes = catalog.writes();
  now_ms += 60'000;
  EXPECT_FALSE(oracle->Next().ok());
  catalog.fail_after_writes.reset();
  EXPECT_TRUE(oracle->Next().ok());
}

TEST(TimestampOracle, RangesOfManyThreadsDoNotOverlap) {
  FakeCatalog catalog;
  auto oracle = TimestampOracle::Open(catalog, UnixMs).value();
  std::vector<std::vector<Timestamp>> firsts(4);
  std::vector<std::thread> threads;
  for (auto& mine : firsts) {
    threads.emplace_back([&oracle, &mine] {
      for (int i = 0; i < 500; ++i) mine.push_back(oracle->NextRange(1000).value());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<Timestamp> all;
  for (const auto& mine : firsts) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  for (size_t i = 1; i < all.size(); ++i) ASSERT_GE(all[i], all[i - 1] + 1000);
}

TEST(IdAllocator, NeverGivesANumberTwiceAcrossRestarts) {
  FakeCatalog catalog;
  int64_t last = 0;
  for (int restart = 0; restart < 5; ++restart) {
    auto ids = IdAllocator::Open(catalog).value();
    for (int i = 0; i < 1500; ++i) {
      const int64_t next = ids->Next().value();
      ASSERT_GT(next, last);
      last = next;
    }
  }
}

}  // namespace
}  // namespace saker::coord
