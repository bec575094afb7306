#include "common/give_way.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include <sched.h>

namespace saker {
namespace {

using Clock = std::chrono::steady_clock;

// How often the thread gave way while it computed; on a busy machine it may take long to get the time.
uint64_t Compute(std::chrono::milliseconds spent) {
  const uint64_t before = GiveWay::times();
  const Clock::time_point until = Clock::now() + spent;
  while (Clock::now() < until) {}
  return GiveWay::times() - before;
}
bool GivesWayOften() {
  uint64_t times = 0;
  for (int tries = 0; times < 10 && tries < 100; ++tries) times += Compute(std::chrono::milliseconds(20));
  return times >= 10;
}

TEST(GiveWay, OffersTheCoreWhileItLives) {
  {
    const GiveWay way(GiveWay::When::kAlways);
    EXPECT_TRUE(GivesWayOften());
  }
  EXPECT_EQ(Compute(std::chrono::milliseconds(5)), 0u);
}

TEST(GiveWay, OnlyOnIdleTimeWhenAsked) {
  const GiveWay way(GiveWay::When::kOnIdleTime);
  EXPECT_EQ(Compute(std::chrono::milliseconds(5)), 0u) << "this thread has a priority";
  bool often = false;
  std::thread([&often] {
    sched_param none{};
    ASSERT_EQ(sched_setscheduler(0, SCHED_IDLE, &none), 0);
    const GiveWay idle(GiveWay::When::kOnIdleTime);
    often = GivesWayOften();
  }).join();
  EXPECT_TRUE(often);
}

TEST(GiveWay, OneInAnotherAddsNothing) {
  const GiveWay outer(GiveWay::When::kAlways);
  { const GiveWay inner(GiveWay::When::kAlways); }
  EXPECT_TRUE(GivesWayOften()) << "the inner one's end is not the outer's";
}

TEST(GiveWay, ACallThatWaitsGoesOnWaiting) {
  const GiveWay way(GiveWay::When::kAlways);
  const Clock::time_point begin = Clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(20));
}

}  // namespace
}  // namespace saker
