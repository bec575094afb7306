#include "embed/model/team.h"

#include <pthread.h>
#include <sched.h>

namespace saker::embed {
namespace {

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits until `value` is no longer `old`: some 30 microseconds of spinning (a phase of a short query), then asleep, so
// that an idle model costs nothing and a busy machine can run whom we wait for.
void AwaitChange(std::atomic<uint32_t>& value, uint32_t old) {
  constexpr int kSpins = 1000;
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    Pause();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

void SpinBarrier::Wait() {
  const uint32_t round = round_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
    arrived_.store(0, std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    return;
  }
  AwaitChange(round_, round);
}

Team::Team(size_t threads, const std::string& name) {
  for (size_t i = 1; i < threads; ++i) {
    threads_.emplace_back([this, i] { Loop(i); });
    pthread_setname_np(threads_.back().native_handle(), name.substr(0, 15).c_str());
  }
}

Team::~Team() {
  stopping_.store(true, std::memory_order_release);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Team::Run(const std::function<void(size_t)>& work) {
  if (!threads_.empty()) {
    work_ = &work;
    running_.store(static_cast<uint32_t>(threads_.size()), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
  }
  work(0);
  for (uint32_t left = running_.load(std::memory_order_acquire); left != 0; left = running_.load(std::memory_order_acquire)) {
    AwaitChange(running_, left);
  }
}

void Team::Loop(size_t worker) {
  uint32_t seen = 0;
  for (;;) {
    AwaitChange(round_, seen);
    ++seen;
    if (stopping_.load(std::memory_order_acquire)) return;
    (*work_)(worker);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_all();
  }
}

}  // namespace saker::embed
