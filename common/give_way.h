// While it lives, its thread offers the core to others every 300 us: for long computing that a search should not have to wait for.
//
// Low priority alone does not do it. Under EEVDF (Linux 6.6 and later) a thread that wakes while another of its kind
// runs queues behind whatever has had less than its share, a SCHED_IDLE thread too, and that one then keeps the core until the
// next tick: up to 4 ms at 250 Hz. sched_yield forfeits what the thread is owed. A timer's signal (SIGURG, ignored by default, as
// Go's runtime uses it) calls it, so that libraries' loops give way like ours; system calls go on after it (SA_RESTART).
// Used by the thread that made it; within another one's life, and where the kernel refuses the timer, nothing happens.
#pragma once

#include <cstdint>
#include <ctime>

namespace saker {

class GiveWay {
 public:
  enum class When { kAlways, kOnIdleTime };  // the latter: only where the thread's policy is SCHED_IDLE

  explicit GiveWay(When when);
  ~GiveWay();
  GiveWay(const GiveWay&) = delete;
  GiveWay& operator=(const GiveWay&) = delete;

  // While it lives nobody gives way: for the end of work that starves.
  class Suspension {
   public:
    Suspension();
    ~Suspension();
    Suspension(const Suspension&) = delete;
    Suspension& operator=(const Suspension&) = delete;
  };

  // How often the calling thread gave way so far.
  static uint64_t times();

 private:
  bool armed_ = false;
  timer_t timer_{};
};

}  // namespace saker
