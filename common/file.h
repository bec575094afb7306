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
};

// Writes a whole small file so that a crash leaves either the old or the new one: temporary, sync, rename, sync.
Status WriteFileAtomically(FileSystem& files, const std::string& path, std::string_view contents);

}  // namespace saker
