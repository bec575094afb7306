#include "common/give_way.h"

#include <atomic>
#include <cerrno>
#include <csignal>

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace saker {
namespace {

constexpr int kSignal = SIGURG;
constexpr long kEveryNanoseconds = 300'000;

thread_local volatile uint64_t given = 0;
thread_local bool owned = false;               // by a GiveWay further out
thread_local volatile int64_t yielded_at = 0;  // of the thread's CPU time, ns
std::atomic<int> suspended{0};

int64_t CpuNanoseconds() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return int64_t{spent.tv_sec} * 1'000'000'000 + spent.tv_nsec;
}

// Not before the thread had some time for itself: after a long wait a signal is always pending, and it would never get anywhere.
void Yield(int) {
  if (suspended.load(std::memory_order_relaxed) > 0 || CpuNanoseconds() - yielded_at < kEveryNanoseconds / 2) return;
  const int kept = errno;
  sched_yield();
  given = given + 1;
  yielded_at = CpuNanoseconds();
  errno = kept;
}

bool Handled() {
  static const bool done = [] {
    struct sigaction action {};
    action.sa_handler = Yield;
    action.sa_flags = SA_RESTART;
    return sigaction(kSignal, &action, nullptr) == 0;
  }();
  return done;
}

}  // namespace

GiveWay::GiveWay(When when) {
  if (owned || (when == When::kOnIdleTime && sched_getscheduler(0) != SCHED_IDLE)) return;
  yielded_at = CpuNanoseconds();
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = kSignal;
  event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
  if (!Handled() || timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) return;
  armed_ = owned = true;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, kSignal);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  const itimerspec every{{0, kEveryNanoseconds}, {0, kEveryNanoseconds}};
  timer_settime(timer_, 0, &every, nullptr);
}

GiveWay::~GiveWay() {
  if (!armed_) return;
  timer_delete(timer_);
  owned = false;
}

GiveWay::Suspension::Suspension() {
  ++suspended;
}

GiveWay::Suspension::~Suspension() {
  --suspended;
}

uint64_t GiveWay::times() {
  return given;
}

}  // namespace saker
