// Keeps RocksDB from ever meeting a full disk: Debian's build aborts the process on ENOSPC.
//
// A part of the disk is kept back (`keep`): half of it as the file DIR/reserve, half as free space below which writes are
// refused. What the memtables will need when they are flushed counts as used already. When others eat the disk
// nevertheless, the file is given up so that a running flush or compaction can end; it comes back with the space.
// Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "common/metrics.h"
#include "common/mutex.h"
#include "common/result.h"

namespace saker::storage::rocks {

class DiskGuard {
 public:
  // `reserve_bytes` 0: max(1 GiB, 2 % of the disk), at most a tenth of what is free.
  DiskGuard(std::string directory, uint64_t reserve_bytes);

  // Before the first write: makes the file, or gives it up when the disk is too full to replay `replay_bytes` of log.
  Status Prepare(uint64_t replay_bytes) EXCLUDES(mutex_);
  // Bytes that are still in memory and will be written; asked at most every 100 ms.
  void SetUnwritten(std::function<uint64_t()> unwritten) EXCLUDES(mutex_);

  // `bytes` of user data are about to be written: OK, or ResourceExhausted that says how much is left.
  Status Admit(uint64_t bytes) EXCLUDES(mutex_) { return AdmitAbove(bytes, keep_bytes_); }
  // What frees space, or is small and must not fail (a dropped collection, a checkpoint), may use most of the reserve.
  Status AdmitSmall(uint64_t bytes) EXCLUDES(mutex_) { return AdmitAbove(bytes, keep_bytes_ / 4); }

  // Whether user data is admitted now; counts no refusal.
  Status Check() EXCLUDES(mutex_);

  // Called a few times a second: measures, gives the file up or makes it again.
  void Refresh() EXCLUDES(mutex_);
  // Free bytes beyond what is kept; 0 when writes are refused.
  uint64_t SpareBytes() EXCLUDES(mutex_);
  uint64_t keep_bytes() const { return keep_bytes_; }

 private:
  Status AdmitAbove(uint64_t bytes, uint64_t floor) EXCLUDES(mutex_);
  void Measure() REQUIRES(mutex_);
  uint64_t Remaining() const REQUIRES(mutex_);
  Status Refusal(uint64_t remaining, uint64_t floor) const;
  void MakeReserve() REQUIRES(mutex_);
  void GiveReserveUp() REQUIRES(mutex_);

  const std::string directory_;
  const std::string reserve_path_;
  Gauge& free_gauge_;
  Counter& refusals_;
  mutable Mutex mutex_;
  uint64_t keep_bytes_ = 0;  // constant after the constructor
  // After a refusal: what must be there before anything is admitted again, so that a full disk does not flicker.
  uint64_t resume_at_ GUARDED_BY(mutex_) = 0;
  std::function<uint64_t()> unwritten_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point measured_at_ GUARDED_BY(mutex_);
  uint64_t free_bytes_ GUARDED_BY(mutex_) = 0;       // as the file system says, without the reserve file
  uint64_t file_bytes_ GUARDED_BY(mutex_) = 0;       // the reserve file now
  uint64_t unwritten_bytes_ GUARDED_BY(mutex_) = 0;  // at the last measurement
  uint64_t admitted_bytes_ GUARDED_BY(mutex_) = 0;   // since then; each byte is written twice, to the log and to a table
};

}  // namespace saker::storage::rocks
