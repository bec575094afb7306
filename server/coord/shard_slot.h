// The place of one shard: opens it at the first use, keeps it alive while it is used, destroys it after the last use.
//
// Thread-safe. A collection's snapshots share its slots, so a request that began before a drop ends well.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "common/context.h"
#include "common/result.h"
#include "common/timed_mutex.h"
#include "server/shard/shard.h"

namespace saker::coord {

class ShardSlot {
 public:
  using Opener = std::function<Result<std::unique_ptr<shard::Shard>>(ShardId)>;
  ShardSlot(ShardId id, Opener opener) : id_(id), opener_(std::move(opener)) {}

  ShardId id() const { return id_; }
  bool is_open() const { return open_.load(std::memory_order_acquire); }

  // Opens the shard, or waits for who does. A failure is remembered for a few seconds, then tried again.
  Status EnsureOpen(const Context& context);

  // f(shard), which returns a Status or a Result. NotFound (Milvus 100) once the shard is being destroyed.
  template <typename F>
  auto Use(const Context& context, F&& f) -> decltype(f(std::declval<shard::Shard&>())) {
    if (!is_open()) {
      const Status opened = EnsureOpen(context);
      if (!opened.ok()) return opened;
    }
    if (gone_.load(std::memory_order_acquire)) return Gone();
    std::shared_lock lock(use_mutex_);
    if (shard_ == nullptr) return Gone();
    return f(*shard_);
  }

  // Why the last attempt to open failed; OK when none did, or while one is running.
  Status last_failure();

  // Refuses new uses, waits for the running ones, then removes everything durable of the shard. May be repeated.
  Status Destroy();
  // The same without removing anything: the process ends.
  void Close();

 private:
  Status Gone() const;

  const ShardId id_;
  const Opener opener_;
  std::atomic<bool> open_{false};
  std::atomic<bool> gone_{false};
  TimedMutex open_mutex_;  // held while opening, so that waiters keep their deadline
  Status failure_;         // of the last attempt; under open_mutex_
  std::chrono::steady_clock::time_point failed_at_;
  std::shared_mutex use_mutex_;  // shared by uses; alone by open, destroy and close
  std::unique_ptr<shard::Shard> shard_;
};

}  // namespace saker::coord
