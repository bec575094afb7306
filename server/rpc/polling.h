// The threads that wait for gRPC's events: one polls and runs short calls itself, the other takes over when one turns out long.
//
// gRPC wakes a second poller for every event as soon as there is one, and that costs more than a short search. So one thread at
// a time is in the queue. It hands a ready call to the pool when more events wait already; else it runs the call where it
// is, under a timer: after kLongRun the other thread becomes the one that polls. A stuck call therefore never stops the rest.
#pragma once

#include <cstdint>
#include <thread>

// Before gRPC's: abseil defines our thread-safety macros once more.
#include "common/mutex.h"

#include <grpcpp/completion_queue.h>

namespace saker::rpc {

// A call whose request is there.
class Runnable {
 public:
  virtual bool MayRunHere() const = 0;  // short, by all that is known
  virtual void Run() = 0;               // to the end; the object may be gone then
  virtual void Submit() = 0;            // to the pool, or refuses the call

 protected:
  ~Runnable() = default;
};

// What a tag in the queue points to.
class Event {
 public:
  // On the polling thread, short. A call that became ready by it, or null.
  virtual Runnable* Happened(bool ok) = 0;

 protected:
  ~Event() = default;
};

class Polling {
 public:
  // Does not own the queue.
  explicit Polling(grpc::ServerCompletionQueue& queue);
  // After the server's shutdown and the end of every call: drains the queue and joins.
  ~Polling();
  Polling(const Polling&) = delete;
  Polling& operator=(const Polling&) = delete;

  grpc::ServerCompletionQueue& queue() { return queue_; }

 private:
  void Loop();
  bool BecomePoller() EXCLUDES(mutex_);
  void Poll();
  bool RunHere(Runnable* call) EXCLUDES(mutex_);
  bool BeginRun() EXCLUDES(mutex_);
  void Arm(int64_t nanoseconds) const;

  grpc::ServerCompletionQueue& queue_;
  const int timer_;
  Mutex mutex_;
  bool polled_ GUARDED_BY(mutex_) = false;   // somebody is the poller
  bool running_ GUARDED_BY(mutex_) = false;  // and runs a call, so that the queue is not looked at
  int waiting_ GUARDED_BY(mutex_) = 0;       // threads that could take over
  bool over_ GUARDED_BY(mutex_) = false;
  std::thread threads_[2];
};

}  // namespace saker::rpc
