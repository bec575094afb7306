#include "server/rpc/polling.h"

#include <cstdint>
#include <utility>

#include <pthread.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/check.h"

namespace saker::rpc {
namespace {

constexpr int64_t kLongRun = 1'000'000;  // ns; a thread switch is some 20,000
// Looks into the queue before a call is run here. The first often only takes note that events were added while nobody
// polled, and does not ask the sockets.
constexpr int kLooks = 2;

}  // namespace

Polling::Polling(grpc::ServerCompletionQueue& queue) : queue_(queue), timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) {
  CHECK(timer_ >= 0);
  for (std::thread& thread : threads_) {
    thread = std::thread([this] {
      pthread_setname_np(pthread_self(), "grpc-io");
      Loop();
    });
  }
}

Polling::~Polling() {
  queue_.Shutdown();
  for (std::thread& thread : threads_) thread.join();
  close(timer_);
}

void Polling::Loop() {
  while (BecomePoller()) Poll();
}

void Polling::Arm(int64_t nanoseconds) const {
  itimerspec when{};
  when.it_value.tv_nsec = nanoseconds;
  CHECK(timerfd_settime(timer_, 0, &when, nullptr) == 0);
}

// Blocks until this thread is the one that polls; false at the end.
bool Polling::BecomePoller() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (over_) return false;
      if (!polled_) {
        polled_ = true;
        return true;
      }
      ++waiting_;
    }
    uint64_t expirations = 0;
    const ssize_t got = read(timer_, &expirations, sizeof expirations);
    MutexLock lock(mutex_);
    --waiting_;
    if (over_) {
      Arm(1);  // for the next one
      return false;
    }
    // An expiry may be older than the run that is under way: taking over early does no harm.
    if (got > 0 && running_) {
      running_ = false;
      return true;
    }
  }
}

void Polling::Poll() {
  Runnable* ready = nullptr;
  int looks = 0;
  for (;;) {
    void* tag = nullptr;
    bool ok = false;
    const gpr_timespec until = ready == nullptr ? gpr_inf_future(GPR_CLOCK_REALTIME) : gpr_time_0(GPR_CLOCK_REALTIME);
    const auto got = queue_.AsyncNext(&tag, &ok, until);
    if (got == grpc::CompletionQueue::GOT_EVENT) {
      Runnable* next = static_cast<Event*>(tag)->Happened(ok);
      if (next != nullptr && ready != nullptr) ready->Submit();
      if (next != nullptr) ready = next;
      looks = 0;
    } else if (got == grpc::CompletionQueue::TIMEOUT) {
      if (++looks < kLooks) continue;
      looks = 0;
      if (!RunHere(std::exchange(ready, nullptr))) return;
    } else {
      MutexLock lock(mutex_);
      over_ = true;
      Arm(1);
      return;
    }
  }
}

// False when another thread polls by now.
bool Polling::RunHere(Runnable* call) {
  if (!call->MayRunHere() || !BeginRun()) {
    call->Submit();
    return true;
  }
  call->Run();
  MutexLock lock(mutex_);
  if (!running_) return false;
  running_ = false;
  Arm(0);
  return true;
}

// False when nobody could take over.
bool Polling::BeginRun() {
  MutexLock lock(mutex_);
  if (waiting_ == 0) return false;
  running_ = true;
  Arm(kLongRun);
  return true;
}

}  // namespace saker::rpc
