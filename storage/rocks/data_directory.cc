#include "storage/rocks/data_directory.h"

#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/checksum.h"
#include "common/file.h"

namespace saker::storage::rocks {
namespace {

constexpr int kFormat = 1;

std::string VersionText(int format) {
  const std::string line = "saker data format " + std::to_string(format) + "\n";
  char sum[17];
  std::snprintf(sum, sizeof sum, "%016llx", static_cast<unsigned long long>(Checksum(line)));
  return line + sum + "\n";
}

}  // namespace

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) close(fd_);
}

Result<DirectoryLock> DirectoryLock::Take(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (fd < 0) return Unavailable("open ", path, ": ", std::system_category().message(errno));
  DirectoryLock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char pid[24] = {};
    const ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    std::string holder(pid, n > 0 ? static_cast<size_t>(n) : 0);
    holder = holder.substr(0, holder.find_first_not_of("0123456789"));
    return FailedPrecondition("another server (pid ", holder.empty() ? "unknown" : holder, ") uses ", directory);
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return Unavailable("write to ", path, ": ", std::system_category().message(errno));
  }
  return lock;
}

Result<DirectoryState> ReadVersion(const std::string& directory) {
  FileSystem& files = FileSystem::Posix();
  const std::string path = directory + "/VERSION";
  if (!files.Exists(path)) return DirectoryState::kNew;
  const std::string text = TRY(files.ReadAll(path, 4096));
  if (text == VersionText(kFormat)) return DirectoryState::kWritten;
  int format = 0;
  constexpr std::string_view kStart = "saker data format ";
  if (text.starts_with(kStart)) std::from_chars(text.data() + kStart.size(), text.data() + text.size(), format);
  if (text == VersionText(format)) { return FailedPrecondition(directory, " has data format ", format, ", this build reads ", kFormat); }
  return Corruption(path, " does not read as a version: ", text.size(), " bytes, their checksum does not fit");
}

Status WriteVersion(const std::string& directory) {
  return WriteFileAtomically(FileSystem::Posix(), directory + "/VERSION", VersionText(kFormat));
}

}  // namespace saker::storage::rocks
