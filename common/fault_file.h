// A file system that misbehaves on purpose, for tests: it forgets bytes that were not synced, tears writes, fails calls.
//
//   FaultFileSystem files(FileSystem::Posix(), seed);
//   files.FailCall(7);         // the 7th fallible call from now on answers Unavailable and does nothing
//   files.FailAppendShort(2);  // the 2nd Append from now on writes half of its bytes and fails
//   files.FailRead(3, EIO);    // the 3rd page read through a DirectFile from now on ends with that errno
//   files.PowerCut();          // leaves what a power cut would: synced bytes and a random part of the others
//
// It sits on a real file system and forgets whatever the code under test did not ask to be durable: bytes without Sync, a
// new file whose directory was not synced. Writers that were open at a cut fail from then on. Must outlive its writers.
// Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>

#include "common/file.h"
#include "common/mutex.h"

namespace saker {

class FaultFileSystem final : public FileSystem {
 public:
  FaultFileSystem(FileSystem& base, uint64_t seed) : base_(base), random_(seed) {}

  void FailCall(int n) EXCLUDES(mutex_);         // 1 is the next one; 0 switches it off
  void FailAppendShort(int n) EXCLUDES(mutex_);  // likewise
  void FailRead(int n, int error) EXCLUDES(mutex_);
  int calls() const EXCLUDES(mutex_);  // fallible calls so far: a test fails each of them in turn
  Status PowerCut() EXCLUDES(mutex_);

  Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  Result<std::shared_ptr<const MappedFile>> Map(const std::string& path) override;
  Result<std::shared_ptr<const MappedFile>> Load(const std::string& path) override;
  Result<std::string> ReadAll(const std::string& path, uint64_t limit_bytes) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status MakeDirectories(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& directory) override;
  bool Exists(const std::string& path) override { return base_.Exists(path); }
  Result<std::shared_ptr<const DirectFile>> OpenDirect(const std::string& path) override;
  Result<std::unique_ptr<ScratchFile>> CreateScratch(const std::string& directory) override;
  Result<uint64_t> FreeBytes(const std::string& directory) override;

 private:
  class File;
  class Direct;
  class Scratch;
  // A file that was created here and what of it is on the disk.
  struct Tracked {
    uint64_t written_bytes = 0;
    uint64_t synced_bytes = 0;
    bool entry_synced = false;
  };

  Status Step(std::string_view what, const std::string& path) EXCLUDES(mutex_);
  // How many of `size` bytes the next Append may write; fewer than `size` means that it then fails.
  uint64_t AppendAllowance(uint64_t size) EXCLUDES(mutex_);
  int ReadError() EXCLUDES(mutex_);

  FileSystem& base_;
  mutable Mutex mutex_;
  std::mt19937_64 random_ GUARDED_BY(mutex_);
  int calls_ GUARDED_BY(mutex_) = 0;
  int fail_call_ GUARDED_BY(mutex_) = 0;
  int fail_append_ GUARDED_BY(mutex_) = 0;
  int fail_read_ GUARDED_BY(mutex_) = 0;
  int read_error_ GUARDED_BY(mutex_) = 0;
  uint64_t cuts_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, Tracked> tracked_ GUARDED_BY(mutex_);
};

}  // namespace saker
