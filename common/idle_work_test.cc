#include "common/idle_work.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <sched.h>

namespace saker {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

TEST(IdleWork, RunsOnceOnAnIdleThreadAndGivesItsStatusBack) {
  int runs = 0, policy = -1;
  const Status done = RunIdle({}, nullptr, [&](const Context& context) -> Status {
    ++runs;
    policy = sched_getscheduler(0);
    TRY(context.Check());
    return NotFound("nothing");
  });
  EXPECT_EQ(done.code(), StatusCode::kNotFound);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(policy, SCHED_IDLE);
  EXPECT_NE(sched_getscheduler(0), SCHED_IDLE) << "the caller keeps its own";
}

TEST(IdleWork, EndsWithItsCaller) {
  Context stop;
  int runs = 0;
  const Status done = RunIdle({}, &stop, [&](const Context& context) -> Status {
    ++runs;
    stop.Cancel();
    return context.Check();
  });
  EXPECT_EQ(done.code(), StatusCode::kCancelled);
  EXPECT_EQ(runs, 1);
}

TEST(IdleWork, WhatSleepsDoesNotStarve) {
  int runs = 0;
  for (int tries = 0; tries < 10 && runs != 1; ++tries) {  // beside other work it may starve indeed
    runs = 0;
    const Status done = RunIdle({.patience = milliseconds(100)}, nullptr, [&](const Context& context) -> Status {
      ++runs;
      std::this_thread::sleep_for(milliseconds(300));
      return context.Check();
    });
    EXPECT_TRUE(done.ok()) << done.message();
  }
  EXPECT_EQ(runs, 1);
}

TEST(IdleWork, WhatGetsNoTimeIsRunAgainAtTheCallersPriority) {
  std::atomic<bool> over{false};
  std::vector<std::thread> busy;
  for (unsigned i = 0; i < 2 * std::max(1u, std::thread::hardware_concurrency()); ++i) {
    busy.emplace_back([&] {
      while (!over) {}
    });
  }
  int runs = 0, policy = -1;
  const Status done = RunIdle({.patience = milliseconds(200)}, nullptr, [&](const Context& context) -> Status {
    policy = sched_getscheduler(0);
    if (++runs > 1) return OkStatus();
    for (const auto end = Clock::now() + std::chrono::seconds(60); Clock::now() < end;) TRY(context.Check());
    return OkStatus();
  });
  over = true;
  for (std::thread& thread : busy) thread.join();
  EXPECT_TRUE(done.ok()) << done.message();
  EXPECT_EQ(runs, 2);
  EXPECT_NE(policy, SCHED_IDLE);
}

}  // namespace
}  // namespace saker
