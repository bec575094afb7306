// One call from its arrival to its end: decoded and answered by its route's method, in whatever order gRPC's events come.
//
// Every call is taken as bytes through gRPC's generic service: authenticated and admitted on the polling thread, run there when it
// is a short read and nothing waits, else on the request pool. Deletes itself after gRPC's last event for it.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

// Before gRPC's: abseil defines our thread-safety macros once more.
#include "common/metrics.h"
#include "common/worker_pool.h"
#include "server/rpc/call.h"
#include "server/rpc/health_book.h"
#include "server/rpc/polling.h"

#include <grpcpp/generic/async_generic_service.h>

namespace saker::rpc {

// Whether calls of a method have been short lately, as a moving average over eight of them.
class RecentTime {
 public:
  bool IsShort() const { return us_.load(std::memory_order_relaxed) < kShortUs; }
  void Note(int64_t us) {
    const int64_t before = us_.load(std::memory_order_relaxed);
    us_.store(before + (us - before) / 8, std::memory_order_relaxed);  // a lost update does no harm
  }

 private:
  static constexpr int64_t kShortUs = 2000;
  std::atomic<int64_t> us_{0};
};

// What belongs to a method of the contract for as long as the server runs; the calls point to it.
struct Route {
  Route(const Method* its_method, std::string its_name, Counter& answered, Counter& refused, Histogram& times)
      : method(its_method), name(std::move(its_name)), ok(answered), failed(refused), seconds(times) {}
  const Method* const method;  // nullptr: in the contract, not in Saker
  const std::string name;
  Counter& ok;
  Counter& failed;
  Histogram& seconds;
  mutable RecentTime recent_time;
};

// What every call needs. Counts the calls, so that a server ends after the last of them.
class CallHost {
 public:
  virtual ~CallHost() = default;
  virtual const Route* FindRoute(const std::string& path) const = 0;  // nullptr: in no contract

  const Services& services;
  WorkerPool& pool;
  HealthBook& health;
  grpc::AsyncGenericService generic;

  void Begun() EXCLUDES(mutex_);
  void Ended() EXCLUDES(mutex_);
  void AwaitNone() EXCLUDES(mutex_);

 protected:
  CallHost(const Services& all_services, WorkerPool& request_pool, HealthBook& book)
      : services(all_services), pool(request_pool), health(book) {}

 private:
  Mutex mutex_;
  CondVar none_;
  int64_t calls_ GUARDED_BY(mutex_) = 0;
};

// Waits for the next call on that queue; another one takes its place when it arrives.
void AwaitCall(CallHost& host, grpc::ServerCompletionQueue& queue);

}  // namespace saker::rpc
