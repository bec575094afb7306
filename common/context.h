// What travels with one request through every layer: its deadline, its cancellation, who asked.
//
// Long loops test Done() between segments and every few hundred steps. Thread-safe: the caller may cancel from any
// thread while workers read.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "common/result.h"

namespace saker {

class Context {
 public:
  using Clock = std::chrono::steady_clock;

  Context() = default;
  explicit Context(Clock::time_point deadline) : deadline_(deadline) {}

  void Cancel() { cancelled_->store(true, std::memory_order_relaxed); }
  // Asked, beside Cancel(), by everyone who asks: for a caller whose going away cannot be delivered in time.
  void CancelWhen(std::function<bool()> gone) { gone_ = std::move(gone); }
  bool cancelled() const { return cancelled_->load(std::memory_order_relaxed) || (gone_ && gone_()); }
  Clock::time_point deadline() const { return deadline_; }
  bool Done() const { return cancelled() || (deadline_ != Clock::time_point::max() && Clock::now() >= deadline_); }
  // OK, or why the work must stop: Cancelled or DeadlineExceeded.
  Status Check() const {
    if (cancelled()) return Cancelled("the caller went away");
    if (Done()) return DeadlineExceeded("the request's deadline passed");
    return OkStatus();
  }

  std::string request_id;
  std::string user;  // empty while authentication is off

 private:
  Clock::time_point deadline_ = Clock::time_point::max();
  std::function<bool()> gone_;
  std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace saker
