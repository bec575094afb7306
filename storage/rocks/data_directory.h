// The outside of a data directory: whose it is (LOCK) and which format it has (VERSION).
#pragma once

#include <string>

#include "common/result.h"

namespace saker::storage::rocks {

// Held as long as the object lives; the kernel lets go of it when the process dies.
class DirectoryLock {
 public:
  // FailedPrecondition "another server (pid N) uses DIR".
  static Result<DirectoryLock> Take(const std::string& directory);
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

enum class DirectoryState { kNew, kWritten };

// kNew when there is no VERSION; FailedPrecondition for another build's format; DataLoss for one that cannot be read.
Result<DirectoryState> ReadVersion(const std::string& directory);
Status WriteVersion(const std::string& directory);

}  // namespace saker::storage::rocks
