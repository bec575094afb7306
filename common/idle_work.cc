#include "common/idle_work.h"

#include <ctime>

#include <atomic>
#include <fstream>
#include <thread>

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/give_way.h"
#include "common/mutex.h"

namespace saker {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLooks = 20;  // within the patience

// Whether a thread of this process is running or wants to.
bool IsReady(int thread_id) {
  std::ifstream stat("/proc/self/task/" + std::to_string(thread_id) + "/stat");
  std::string line;
  std::getline(stat, line);
  const size_t name_end = line.rfind(')');  // the name may hold anything
  return name_end != std::string::npos && name_end + 2 < line.size() && line[name_end + 2] == 'R';
}

std::chrono::nanoseconds CpuTime(clockid_t clock) {
  timespec spent{};
  clock_gettime(clock, &spent);
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

// Waits for a thread and watches whether it gets any time.
class Watch {
 public:
  void Begin() {
    sched_param none{};
    static_cast<void>(sched_setscheduler(0, SCHED_IDLE, &none));  // refused: it runs as the caller does
    MutexLock lock(mutex_);
    thread_id_ = static_cast<int>(syscall(SYS_gettid));
    pthread_getcpuclockid(pthread_self(), &clock_);
    changed_.NotifyAll();
  }
  void End() {
    MutexLock lock(mutex_);
    ended_ = true;
    changed_.NotifyAll();
  }
  // True when the thread ended, false when it starves.
  bool AwaitEnd(std::chrono::milliseconds patience) {
    MutexLock lock(mutex_);
    while (thread_id_ == 0) changed_.Wait(mutex_);
    int ready = 0;
    Clock::time_point since = Clock::now();
    std::chrono::nanoseconds spent = CpuTime(clock_);
    while (!ended_) {
      static_cast<void>(changed_.WaitUntil(mutex_, Clock::now() + patience / kLooks));
      if (ended_) break;
      ready = IsReady(thread_id_) ? ready + 1 : 0;
      const std::chrono::nanoseconds had = CpuTime(clock_) - spent;
      if (ready == 0 || had * 20 >= Clock::now() - since) {
        since = Clock::now();
        spent += had;
        ready = 0;
      } else if (ready >= kLooks) {
        return false;
      }
    }
    return true;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int thread_id_ GUARDED_BY(mutex_) = 0;
  clockid_t clock_ GUARDED_BY(mutex_) = 0;
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace

Status RunIdle(const IdleWorkOptions& options, const Context* stop, const std::function<Status(const Context&)>& work) {
  Watch watch;
  Context starved;
  starved.CancelWhen([stop] { return stop != nullptr && stop->Done(); });
  Status status;
  std::thread thread([&] {
    pthread_setname_np(pthread_self(), options.name.substr(0, 15).c_str());
    watch.Begin();
    const GiveWay way(GiveWay::When::kOnIdleTime);
    status = work(starved);
    watch.End();
  });
  const bool ended = watch.AwaitEnd(options.patience);
  if (ended) {
    thread.join();
  } else {
    const GiveWay::Suspension now;  // it has to get as far as its next look at the context
    starved.Cancel();
    thread.join();
  }
  if (ended || status.ok()) return status;
  Context rest;
  rest.CancelWhen([stop] { return stop != nullptr && stop->Done(); });
  TRY(rest.Check());
  return work(rest);
}

}  // namespace saker
