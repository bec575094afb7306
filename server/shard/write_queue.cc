#include "server/shard/write_queue.h"

#include <algorithm>

namespace saker::shard {

namespace {

constexpr size_t kGroupWrites = 512;
constexpr size_t kGroupBytes = 32 << 20;

}  // namespace

Status WriteQueue::Submit(PendingWrite* write, const Context& context) {
  mutex_.Lock();
  if (waiting_.size() >= limit_) {
    mutex_.Unlock();
    return ResourceExhausted("the shard's write queue is full: ", limit_, " of ", limit_, " requests wait");
  }
  waiting_.push_back(write);
  while (!write->done && (running_ || waiting_.front() != write)) {
    const bool in_time =
        write->wake.WaitUntil(mutex_, std::min(context.deadline(), Context::Clock::now() + std::chrono::milliseconds(100)));
    if (in_time || write->done || !context.Done()) continue;
    const auto place = std::find(waiting_.begin(), waiting_.end(), write);
    if (place == waiting_.end()) continue;  // a leader has it: the outcome is near
    waiting_.erase(place);
    WakeNext();
    mutex_.Unlock();
    return context.Check();
  }
  if (write->done) {
    mutex_.Unlock();
    return OkStatus();
  }
  running_ = true;
  const std::vector<PendingWrite*> group = TakeGroup();
  mutex_.Unlock();
  run_(group);
  mutex_.Lock();
  running_ = false;
  for (PendingWrite* other : group) {
    other->done = true;
    if (other != write) other->wake.NotifyOne();  // under the lock: the waiter owns the condition
  }
  WakeNext();
  mutex_.Unlock();
  return OkStatus();
}

size_t WriteQueue::depth() const {
  MutexLock lock(mutex_);
  return waiting_.size();
}

std::vector<PendingWrite*> WriteQueue::TakeGroup() {
  std::vector<PendingWrite*> group;
  size_t bytes = 0;
  while (!waiting_.empty() && group.size() < kGroupWrites && (group.empty() || bytes + waiting_.front()->payload.size() <= kGroupBytes)) {
    bytes += waiting_.front()->payload.size();
    group.push_back(waiting_.front());
    waiting_.pop_front();
  }
  return group;
}

void WriteQueue::WakeNext() {
  if (!running_ && !waiting_.empty()) waiting_.front()->wake.NotifyOne();
}

}  // namespace saker::shard
