// Keeps RocksDB from ever meeting a full disk: Debian's build aborts the process on ENOSPC.
//
// A part of the disk is kept back (`keep`): half of it as the file DIR/reserve, half as free space below which writes are
// refused. What the memtables will need when they are flushed counts as used already. When others eat the disk
// nevertheless, the file is given up so that a running flush or compaction can end, and when that is not enough either,
// RocksDB's writes wait (guarded_file_system.h). The file comes back with the space. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

#include "common/metrics.h"
#include "common/mutex.h"
#include "common/result.h"

namespace saker::storage::rocks {

// What a refusal carries as Status::detail_code: on Milvus' wire "disk limit exceeded" (server/schema/error.h), which the
// code alone does not tell from a lack of memory.
constexpr int32_t kDiskFullDetail = 7;

class DiskGuard {
 public:
  // `reserve_bytes` 0: max(1 GiB, 2 % of the disk), at most a tenth of what is free; more when more becomes free.
  DiskGuard(std::string directory, uint64_t reserve_bytes);

  // Before the first write: makes the file, or gives it up when the disk is too full to replay `replay_bytes` of log.
  Status Prepare(uint64_t replay_bytes) EXCLUDES(mutex_);
  // From now on `unwritten` tells of bytes that are still in memory and will be written. Asked at most every 100 ms, or
  // before a refusal.
  void Start(std::function<uint64_t()> unwritten) EXCLUDES(mutex_);
  // Ends all waiting; `unwritten` is not asked again.
  void Stop() EXCLUDES(mutex_);

  // `bytes` of user data are about to be written: OK, or ResourceExhausted that says how much is left.
  Status Admit(uint64_t bytes) EXCLUDES(mutex_);
  // What frees space, or is small and must not fail (a dropped collection, a checkpoint), may use most of the reserve.
  Status AdmitSmall(uint64_t bytes) EXCLUDES(mutex_);
  // Whether user data is admitted now; counts no refusal.
  Status Check() EXCLUDES(mutex_);
  // Returns once `bytes` fit on the disk, giving the file up for it; false when stopped. Takes no lock that a caller of
  // the others may hold.
  bool WaitForRoom(uint64_t bytes);

  // Called a few times a second: measures, gives the file up or makes it again.
  void Refresh() EXCLUDES(mutex_);
  // Whether `bytes` fit when the reserve is given up for them.
  bool HasRoom(uint64_t bytes) const;
  // Free bytes beyond what is kept; 0 when writes are refused.
  uint64_t SpareBytes() EXCLUDES(mutex_);

 private:
  struct Need {
    uint64_t floor;        // what must stay
    uint64_t bytes;        // what is to be written
    bool count_memtables;  // as used
  };
  // OK or a refusal, with what is known now.
  Status Decide(const Need& need) REQUIRES(mutex_);
  Status Decide(const Need& need, std::chrono::steady_clock::duration max_age) EXCLUDES(mutex_);
  void Measure() EXCLUDES(mutex_);
  uint64_t FreeBytes() const;
  uint64_t Remaining(bool count_memtables) const REQUIRES(mutex_);
  void MakeReserve() EXCLUDES(reserve_mutex_);
  void GiveReserveUp() EXCLUDES(reserve_mutex_);

  const std::string directory_;
  const std::string reserve_path_;
  Gauge& free_gauge_;
  Counter& refusals_;
  uint64_t wanted_bytes_ = 0;              // of a reserve that grows by itself; constant after the constructor
  std::atomic<uint64_t> keep_bytes_{0};    // grows in Refresh alone
  std::atomic<uint64_t> reserve_file_{0};  // bytes of the reserve file now
  std::atomic<bool> started_{false}, stopped_{false};
  Mutex reserve_mutex_;  // the file; nothing is called while it is held
  mutable Mutex mutex_;
  std::function<uint64_t()> unwritten_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point measured_at_ GUARDED_BY(mutex_);
  uint64_t free_bytes_ GUARDED_BY(mutex_) = 0;       // as the file system says, without the reserve file
  uint64_t unwritten_bytes_ GUARDED_BY(mutex_) = 0;  // at the last measurement
  uint64_t admitted_bytes_ GUARDED_BY(mutex_) = 0;   // since then; each byte is written twice, to the log and to a table
  // After a refusal: what must be there before anything is admitted again, so that a full disk does not flicker.
  uint64_t resume_at_ GUARDED_BY(mutex_) = 0;
};

}  // namespace saker::storage::rocks
