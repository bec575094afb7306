#include "storage/rocks/disk_guard.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/log.h"

namespace saker::storage::rocks {
namespace {

using std::chrono::steady_clock;
constexpr auto kMeasureEvery = std::chrono::milliseconds(100);
constexpr auto kMeasureBeforeRefusal = std::chrono::milliseconds(1);
constexpr uint64_t kRoomMargin = 512 << 10;  // blocks, inodes and journal of the file system itself
// A quarter of it is the floor of small writes, which must be more than what WaitForRoom wants to see free: else a write is
// let in and waits there for ever.
constexpr uint64_t kLeastKept = 8 * kRoomMargin;
constexpr auto kOpenPatience = std::chrono::seconds(10);

uint64_t FileBytes(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

}  // namespace

DiskGuard::DiskGuard(std::string directory, uint64_t reserve_bytes)
    : directory_(std::move(directory)),
      reserve_path_(directory_ + "/reserve"),
      free_gauge_(GetGauge("saker_storage_disk_free_bytes", "free space of the data directory's disk, without the reserve file")),
      refusals_(GetCounter("saker_storage_disk_refusals_total", "writes refused because the disk is too full")) {
  reserve_file_ = FileBytes(reserve_path_);
  keep_bytes_ = reserve_bytes;
  if (reserve_bytes == 0) {
    struct statvfs info {};
    const uint64_t disk_bytes = statvfs(directory_.c_str(), &info) == 0 ? static_cast<uint64_t>(info.f_blocks) * info.f_frsize : 0;
    wanted_bytes_ = std::max<uint64_t>(uint64_t{1} << 30, disk_bytes / 50);
    // A restart on a full disk keeps the reserve that was made while there was space.
    keep_bytes_ = std::max(std::min(wanted_bytes_, (FreeBytes() + reserve_file_) / 10), 2 * reserve_file_);
  }
  keep_bytes_ = std::max<uint64_t>(keep_bytes_, kLeastKept);
  Measure();
}

Status DiskGuard::Prepare(uint64_t replay_bytes) {
  if (reserve_file_ > 0 && FreeBytes() < replay_bytes + keep_bytes_ / 4) GiveReserveUp();
  const uint64_t free_bytes = FreeBytes();
  if (free_bytes < replay_bytes + keep_bytes_ / 16) {
    return ResourceExhausted("the disk of ", directory_, " has ", free_bytes, " bytes left and replaying the log needs ", replay_bytes,
                             "; free space or add a disk");
  }
  if (reserve_file_ == 0 && free_bytes > replay_bytes + keep_bytes_) MakeReserve();
  Measure();
  return OkStatus();
}

void DiskGuard::Start(std::function<uint64_t()> unwritten) {
  MutexLock lock(mutex_);
  unwritten_ = std::move(unwritten);
  started_ = true;
}

void DiskGuard::Stop() {
  MutexLock lock(mutex_);
  unwritten_ = nullptr;
  stopped_ = true;
}

Status DiskGuard::Admit(uint64_t bytes) {
  const Status status = Decide({keep_bytes_, bytes, true}, kMeasureEvery);
  if (!status.ok()) refusals_.Add();
  return status;
}

Status DiskGuard::AdmitSmall(uint64_t bytes) {
  // What is let in here waits for ever when the disk is full after all: no old number is good enough.
  const Status status = Decide({keep_bytes_ / 4, bytes, false}, kMeasureBeforeRefusal);
  if (!status.ok()) refusals_.Add();
  return status;
}

Status DiskGuard::Check() {
  return Decide({keep_bytes_, 0, true}, kMeasureEvery);
}

Status DiskGuard::Decide(const Need& need, steady_clock::duration max_age) {
  bool stale = false;
  {
    MutexLock lock(mutex_);
    stale = steady_clock::now() - measured_at_ > max_age;
  }
  if (stale) Measure();
  {
    MutexLock lock(mutex_);
    const Status status = Decide(need);
    if (status.ok() || steady_clock::now() - measured_at_ < kMeasureBeforeRefusal) return status;
  }
  return Decide(need, kMeasureBeforeRefusal);  // nobody is refused over an old number
}

Status DiskGuard::Decide(const Need& need) {
  const uint64_t remaining = Remaining(need.count_memtables);
  if (need.count_memtables && remaining >= resume_at_) resume_at_ = 0;
  if (remaining >= need.floor + 2 * need.bytes && (!need.count_memtables || resume_at_ == 0)) {
    admitted_bytes_ += need.bytes;
    return OkStatus();
  }
  if (need.count_memtables)
    resume_at_ = std::max(resume_at_, std::min<uint64_t>(need.floor + 2 * need.bytes, keep_bytes_ + keep_bytes_ / 8));
  return Status(StatusCode::kResourceExhausted,
                internal::Join("the disk of ", directory_, " has ", remaining, " bytes left and ", need.floor,
                               " are kept in reserve; free space or add a disk"),
                kDiskFullDetail);
}

bool DiskGuard::WaitForRoom(uint64_t bytes) {
  const auto start = steady_clock::now();
  for (bool waited = false;; waited = true) {
    const uint64_t free_bytes = FreeBytes();
    if (free_bytes >= bytes + kRoomMargin) return true;
    if (reserve_file_ > 0) {
      GiveReserveUp();
      continue;
    }
    if (stopped_ || (!started_ && steady_clock::now() - start > kOpenPatience)) return false;
    if (!waited) Log(kError, "disk full, writing waits", {{"directory", directory_}, {"free", free_bytes}, {"needed", bytes}});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void DiskGuard::Refresh() {
  Measure();
  uint64_t free_bytes = 0, unwritten_bytes = 0;
  {
    MutexLock lock(mutex_);
    free_bytes = free_bytes_;
    unwritten_bytes = unwritten_bytes_;
  }
  free_gauge_.Set(static_cast<double>(free_bytes));
  // After a start on a full disk, which could keep only little, the reserve grows with the space that comes back.
  keep_bytes_ = std::max<uint64_t>(keep_bytes_, std::min(wanted_bytes_, (free_bytes + reserve_file_) / 10));
  if (reserve_file_ > 0 && free_bytes < keep_bytes_ / 4) {
    GiveReserveUp();
  } else if (reserve_file_ < keep_bytes_ / 4 && free_bytes > keep_bytes_ + unwritten_bytes) {
    MakeReserve();
  }
}

uint64_t DiskGuard::SpareBytes() {
  MutexLock lock(mutex_);
  const uint64_t remaining = Remaining(true);
  return remaining > keep_bytes_ ? remaining - keep_bytes_ : 0;
}

bool DiskGuard::HasRoom(uint64_t bytes) const {
  return FreeBytes() + reserve_file_ >= bytes + 2 * kRoomMargin;
}

uint64_t DiskGuard::FreeBytes() const {
  struct statvfs info {};
  return statvfs(directory_.c_str(), &info) == 0 ? static_cast<uint64_t>(info.f_bavail) * info.f_frsize : 0;
}

void DiskGuard::Measure() {
  // `unwritten` takes RocksDB's locks, under which RocksDB may come here to wait for room: never ask it under ours.
  std::function<uint64_t()> unwritten;
  {
    MutexLock lock(mutex_);
    unwritten = unwritten_;
  }
  const uint64_t unwritten_bytes = unwritten ? unwritten() : 0;
  const uint64_t free_bytes = FreeBytes();
  MutexLock lock(mutex_);
  free_bytes_ = free_bytes;
  unwritten_bytes_ = unwritten_bytes;
  admitted_bytes_ = 0;
  measured_at_ = steady_clock::now();
}

uint64_t DiskGuard::Remaining(bool count_memtables) const {
  const uint64_t have = free_bytes_ + reserve_file_;
  const uint64_t spoken_for = count_memtables ? unwritten_bytes_ + 2 * admitted_bytes_ : admitted_bytes_;
  return have > spoken_for ? have - spoken_for : 0;
}

void DiskGuard::MakeReserve() {
  const uint64_t bytes = keep_bytes_ / 2;
  MutexLock lock(reserve_mutex_);
  if (bytes == 0 || reserve_file_ >= bytes) return;
  const int fd = open(reserve_path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) return;
  const int error = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  close(fd);
  if (error == 0) {
    reserve_file_ = bytes;
    return;
  }
  unlink(reserve_path_.c_str());
  reserve_file_ = 0;
  Log(kWarning, "no disk reserve", {{"file", reserve_path_}, {"bytes", bytes}, {"error", std::system_category().message(error)}});
}

void DiskGuard::GiveReserveUp() {
  MutexLock lock(reserve_mutex_);
  if (reserve_file_ == 0) return;
  Log(kWarning, "disk nearly full, reserve given up", {{"directory", directory_}, {"reserve", reserve_file_.load()}});
  unlink(reserve_path_.c_str());
  reserve_file_ = 0;
}

}  // namespace saker::storage::rocks
