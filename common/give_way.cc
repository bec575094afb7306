#include "common/give_way.h"

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
thread_local bool owned = false;  // by a GiveWay further out

void Yield(int) {
  const int kept = errno;
  sched_yield();
  given = given + 1;
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
  given = given;  // the handler must not be the first to ask for the thread's copy
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

uint64_t GiveWay::times() {
  return given;
}

}  // namespace saker
