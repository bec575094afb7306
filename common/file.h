// All file access of Saker's own formats goes through here, so that tests can break it.
//
// WritableFile appends and syncs; RandomAccessFile reads or maps. FileSystem is the seam: Posix() is the real one,
// FaultFileSystem (common/fault_file.h) drops unsynced bytes, tears writes and fails the n-th call. Paths are plain
// paths below a directory that the server owns; names that come from outside never reach this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace saker {

class WritableFile {
 public:
  virtual ~WritableFile() = default;  // closes; bytes that were not synced may be lost
  virtual Status Append(std::span<const std::byte> bytes) = 0;
  virtual Status Sync() = 0;  // fdatasync; after a failure the file must be thrown away, never synced again
  virtual uint64_t size_bytes() const = 0;
};

// A read-only view of a whole file, mapped or in memory; it lives as long as the object.
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  virtual std::span<const std::byte> bytes() const = 0;
};

// A file that is read in pages by somebody with buffers and a queue of his own (io_uring). Thread-safe.
class DirectFile {
 public:
  virtual ~DirectFile() = default;  // closes
  virtual int descriptor() const = 0;
  // Reads bypass the page cache: offsets, lengths and addresses are multiples of 4096. False where the system refused that.
  virtual bool direct() const = 0;
  virtual uint64_t size_bytes() const = 0;
  // All of `bytes`, at once and waiting: for few and long reads. Aligned as direct() asks.
  virtual Status ReadAt(uint64_t offset, std::span<std::byte> bytes) const = 0;
  // Tests: the errno that the next read is to end with instead of what it gave; 0: none.
  virtual int InjectedError() const { return 0; }
};

// A file without a name, gone when it is closed, by a crash too. Bytes are appended by one thread, then read by any.
class ScratchFile : public DirectFile {
 public:
  virtual Status Append(std::span<const std::byte> bytes) = 0;
  bool direct() const override { return false; }
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  static FileSystem& Posix();

  virtual Result<std::unique_ptr<WritableFile>> Create(const std::string& path) = 0;  // truncates an old one
  virtual Result<std::shared_ptr<const MappedFile>> Map(const std::string& path) = 0;
  // Read whole into anonymous memory, on 2 MiB pages where the kernel gives them. What a checksum was computed over stays
  // what is searched, a read error is a Status and not a SIGBUS, and random access does not pay for 4 KiB pages.
  virtual Result<std::shared_ptr<const MappedFile>> Load(const std::string& path) = 0;
  virtual Result<std::string> ReadAll(const std::string& path, uint64_t limit_bytes) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;  // and syncs the directory
  virtual Status Remove(const std::string& path) = 0;                         // OK when it does not exist
  virtual Status MakeDirectories(const std::string& path) = 0;
  virtual Status SyncDirectory(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> List(const std::string& directory) = 0;  // names, sorted
  virtual bool Exists(const std::string& path) = 0;

  // What only indexes on disk need; a file system may lack it. SAKER_DISK_DIRECT=0 makes OpenDirect read through the page cache.
  virtual Result<std::shared_ptr<const DirectFile>> OpenDirect(const std::string& path);
  virtual Result<std::unique_ptr<ScratchFile>> CreateScratch(const std::string& directory);
  virtual Result<uint64_t> FreeBytes(const std::string& directory);  // for this process, of the disk below
};

// Writes a whole small file so that a crash leaves either the old or the new one: temporary, sync, rename, sync.
Status WriteFileAtomically(FileSystem& files, const std::string& path, std::string_view contents);

}  // namespace saker
