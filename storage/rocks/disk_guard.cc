#include "storage/rocks/disk_guard.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/log.h"

namespace saker::storage::rocks {
namespace {

constexpr auto kMeasureEvery = std::chrono::milliseconds(100);

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
  MutexLock lock(mutex_);
  file_bytes_ = FileBytes(reserve_path_);
  Measure();
  keep_bytes_ = reserve_bytes;
  if (reserve_bytes == 0) {
    struct statvfs info {};
    const uint64_t disk_bytes = statvfs(directory_.c_str(), &info) == 0 ? static_cast<uint64_t>(info.f_blocks) * info.f_frsize : 0;
    const uint64_t wanted = std::max<uint64_t>(uint64_t{1} << 30, disk_bytes / 50);
    // A restart on a full disk keeps the reserve that was made while there was space.
    keep_bytes_ = std::max(std::min(wanted, (free_bytes_ + file_bytes_) / 10), 2 * file_bytes_);
  }
}

Status DiskGuard::Prepare(uint64_t replay_bytes) {
  MutexLock lock(mutex_);
  if (file_bytes_ > 0 && free_bytes_ < replay_bytes + keep_bytes_ / 4) GiveReserveUp();
  Measure();
  if (free_bytes_ < replay_bytes + keep_bytes_ / 16) {
    return ResourceExhausted("the disk of ", directory_, " has ", free_bytes_, " bytes left and replaying the log needs ", replay_bytes,
                             "; free space or add a disk");
  }
  if (file_bytes_ == 0 && free_bytes_ > replay_bytes + keep_bytes_) MakeReserve();
  Measure();
  return OkStatus();
}

void DiskGuard::SetUnwritten(std::function<uint64_t()> unwritten) {
  MutexLock lock(mutex_);
  unwritten_ = std::move(unwritten);
}

Status DiskGuard::AdmitAbove(uint64_t bytes, uint64_t floor) {
  MutexLock lock(mutex_);
  if (std::chrono::steady_clock::now() - measured_at_ > kMeasureEvery) Measure();
  const uint64_t remaining = Remaining();
  const bool user_data = floor == keep_bytes_;
  if (user_data && remaining >= resume_at_) resume_at_ = 0;
  if (remaining < floor + 2 * bytes || (user_data && remaining < resume_at_)) {
    if (user_data) resume_at_ = std::max(resume_at_, std::min(floor + 2 * bytes, keep_bytes_ + keep_bytes_ / 8));
    refusals_.Add();
    return Refusal(remaining, floor);
  }
  admitted_bytes_ += bytes;
  return OkStatus();
}

Status DiskGuard::Check() {
  MutexLock lock(mutex_);
  if (std::chrono::steady_clock::now() - measured_at_ > kMeasureEvery) Measure();
  const uint64_t remaining = Remaining();
  return remaining < std::max(keep_bytes_, resume_at_) ? Refusal(remaining, keep_bytes_) : OkStatus();
}

Status DiskGuard::Refusal(uint64_t remaining, uint64_t floor) const {
  return ResourceExhausted("the disk of ", directory_, " has ", remaining, " bytes left and ", floor,
                           " are kept in reserve; free space or add a disk");
}

void DiskGuard::Refresh() {
  MutexLock lock(mutex_);
  Measure();
  free_gauge_.Set(static_cast<double>(free_bytes_));
  if (file_bytes_ > 0 && free_bytes_ < keep_bytes_ / 4) {
    GiveReserveUp();
  } else if (file_bytes_ == 0 && free_bytes_ > keep_bytes_ + unwritten_bytes_) {
    MakeReserve();
  }
}

uint64_t DiskGuard::SpareBytes() {
  MutexLock lock(mutex_);
  const uint64_t remaining = Remaining();
  return remaining > keep_bytes_ ? remaining - keep_bytes_ : 0;
}

void DiskGuard::Measure() {
  struct statvfs info {};
  if (statvfs(directory_.c_str(), &info) == 0) free_bytes_ = static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  unwritten_bytes_ = unwritten_ ? unwritten_() : 0;
  admitted_bytes_ = 0;
  measured_at_ = std::chrono::steady_clock::now();
}

uint64_t DiskGuard::Remaining() const {
  const uint64_t have = free_bytes_ + file_bytes_;
  const uint64_t spoken_for = unwritten_bytes_ + 2 * admitted_bytes_;
  return have > spoken_for ? have - spoken_for : 0;
}

void DiskGuard::MakeReserve() {
  const uint64_t bytes = keep_bytes_ / 2;
  if (bytes == 0) return;
  const int fd = open(reserve_path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) return;
  const int error = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  if (error == 0) {
    file_bytes_ = bytes;
  } else {
    if (ftruncate(fd, 0) != 0) unlink(reserve_path_.c_str());
    saker::Log(kWarning, "no disk reserve", {{"file", reserve_path_}, {"bytes", bytes}, {"error", std::system_category().message(error)}});
  }
  close(fd);
  Measure();
}

void DiskGuard::GiveReserveUp() {
  saker::Log(kWarning, "disk nearly full, reserve given up", {{"directory", directory_}, {"free", free_bytes_}, {"reserve", file_bytes_}});
  if (unlink(reserve_path_.c_str()) == 0 || errno == ENOENT) file_bytes_ = 0;
  Measure();
}

}  // namespace saker::storage::rocks
