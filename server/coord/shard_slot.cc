#include "server/coord/shard_slot.h"

#include "common/kill_point.h"
#include "common/log.h"
#include "server/schema/error.h"

namespace saker::coord {
namespace {
constexpr std::chrono::seconds kRetryOpenAfter{5};
constexpr std::chrono::seconds kLongestWait{30};
}  // namespace

Status ShardSlot::Gone() const {
  return MilvusError(MilvusErrorCode::kCollectionNotFound, "collection not found[collection=", id_.collection, "]: it is being dropped");
}

Status ShardSlot::last_failure() {
  std::unique_lock opening(open_mutex_, std::try_to_lock);
  return opening.owns_lock() && !is_open() ? failure_ : OkStatus();
}

Status ShardSlot::EnsureOpen(const Context& context) {
  if (is_open()) return OkStatus();
  const auto now = std::chrono::steady_clock::now();
  std::unique_lock opening(open_mutex_, std::min(context.deadline(), now + kLongestWait));
  if (!opening.owns_lock()) {
    return MilvusError(MilvusErrorCode::kServiceNotReady, "service not ready: shard ", id_, " is still being opened");
  }
  if (is_open()) return OkStatus();
  if (gone_.load(std::memory_order_acquire)) return Gone();
  if (!failure_.ok() && now - failed_at_ < kRetryOpenAfter) return failure_;
  Result<std::unique_ptr<shard::Shard>> opened = opener_(id_);
  if (!opened.ok()) {
    failure_ = opened.status();
    failed_at_ = std::chrono::steady_clock::now();
    Log(kError, "shard not opened", {{"shard", id_}, {"why", failure_.message()}});
    return failure_;
  }
  std::unique_lock alone(use_mutex_);
  shard_ = std::move(opened).value();
  open_.store(true, std::memory_order_release);
  return OkStatus();
}

Status ShardSlot::Destroy() {
  gone_.store(true, std::memory_order_release);
  std::unique_lock opening(open_mutex_);
  if (!is_open()) {
    // What is on disk can only be removed through the shard itself.
    Result<std::unique_ptr<shard::Shard>> opened = opener_(id_);
    if (!opened.ok()) return opened.status();
    std::unique_lock alone(use_mutex_);
    shard_ = std::move(opened).value();
    open_.store(true, std::memory_order_release);
  }
  std::unique_lock alone(use_mutex_);
  if (shard_ == nullptr) return OkStatus();
  SAKER_KILL_POINT("ddl.shard.before_destroy");
  const Status destroyed = shard_->Destroy();
  if (destroyed.ok()) shard_.reset();
  return destroyed;
}

void ShardSlot::Close() {
  gone_.store(true, std::memory_order_release);
  std::unique_lock opening(open_mutex_);
  std::unique_lock alone(use_mutex_);
  shard_.reset();
}

}  // namespace saker::coord
