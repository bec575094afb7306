// Files in memory: for the tests and the fuzz target of the index file reader.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/checksum.h"
#include "common/file.h"

namespace saker::index {

class StringFile final : public WritableFile {
 public:
  Status Append(std::span<const std::byte> bytes) override {
    contents.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return OkStatus();
  }
  Status Sync() override { return OkStatus(); }
  uint64_t size_bytes() const override { return contents.size(); }

  std::string contents;
};

// Only maps what it was given.
class StringFileSystem final : public FileSystem {
 public:
  std::map<std::string, std::string> contents;

  Result<std::shared_ptr<const MappedFile>> Map(const std::string& path) override {
    if (!contents.contains(path)) return NotFound(path);
    return std::shared_ptr<const MappedFile>(std::make_shared<Mapped>(contents[path]));
  }
  Result<std::shared_ptr<const MappedFile>> Load(const std::string& path) override { return Map(path); }
  Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override { return Refused(path); }
  Result<std::string> ReadAll(const std::string& path, uint64_t) override { return Refused(path); }
  Status Rename(const std::string& from, const std::string&) override { return Refused(from); }
  Status Remove(const std::string& path) override { return Refused(path); }
  Status MakeDirectories(const std::string& path) override { return Refused(path); }
  Status SyncDirectory(const std::string& path) override { return Refused(path); }
  Result<std::vector<std::string>> List(const std::string& path) override { return Refused(path); }
  bool Exists(const std::string& path) override { return contents.contains(path); }
  // A file of the kernel's memory: read by the same calls as one on a disk.
  Result<std::shared_ptr<const DirectFile>> OpenDirect(const std::string& path) override {
    if (!contents.contains(path)) return NotFound(path);
    const int fd = memfd_create("test", MFD_CLOEXEC);
    if (fd < 0) return Unavailable("no file in memory");
    const std::string& text = contents[path];
    const auto file = std::make_shared<MemoryFile>(fd, text.size());
    if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return Unavailable("write to a file in memory");
    return std::shared_ptr<const DirectFile>(file);
  }

 private:
  // Its own copy, aligned as a page would be, and not a byte more, so that a sanitizer sees every overrun.
  class Mapped final : public MappedFile {
   public:
    explicit Mapped(const std::string& text) : size_(text.size()), bytes_(new (std::align_val_t(64)) std::byte[text.size()]) {
      std::copy_n(reinterpret_cast<const std::byte*>(text.data()), size_, bytes_);
    }
    ~Mapped() override { operator delete[](bytes_, std::align_val_t(64)); }
    std::span<const std::byte> bytes() const override { return {bytes_, size_}; }

   private:
    const size_t size_;
    std::byte* const bytes_;
  };
  class MemoryFile final : public DirectFile {
   public:
    MemoryFile(int fd, uint64_t size) : fd_(fd), size_(size) {}
    ~MemoryFile() override { close(fd_); }
    int descriptor() const override { return fd_; }
    bool direct() const override { return false; }
    uint64_t size_bytes() const override { return size_; }
    Status ReadAt(uint64_t offset, std::span<std::byte> bytes) const override {
      const ssize_t n = pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      return n == static_cast<ssize_t>(bytes.size()) ? OkStatus() : Unavailable("read of a file in memory");
    }

   private:
    const int fd_;
    const uint64_t size_;
  };
  static Status Refused(const std::string& path) { return Unimplemented("a memory file system cannot do that to ", path); }
};

template <typename T>
T ReadAs(const std::string& bytes, size_t at) {
  T value{};
  if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

inline void PutWord(std::string& bytes, size_t at, uint64_t value) {
  std::memcpy(bytes.data() + at, &value, 8);
}

// FORMAT.md: header checksum at H - 8, a checksum per block of 64 KiB from E on, theirs at the end.
inline void Reseal(std::string& bytes) {
  const size_t header = ReadAs<uint32_t>(bytes, 12);
  if (header < 64 || header + 8 > bytes.size()) return;
  PutWord(bytes, header - 8, Checksum(std::string_view(bytes).substr(0, header - 8)));
  size_t blocks = 0;
  while (header + 8 + blocks * 8 <= bytes.size() && (bytes.size() - 8 - blocks * 8 - header + 65535) / 65536 > blocks) ++blocks;
  if (header + 8 + blocks * 8 > bytes.size()) return;
  const size_t end = bytes.size() - 8 - blocks * 8;
  for (size_t i = 0; i < blocks; ++i) {
    const size_t begin = header + i * 65536;
    PutWord(bytes, end + i * 8, Checksum(std::string_view(bytes).substr(begin, std::min<size_t>(65536, end - begin))));
  }
  PutWord(bytes, bytes.size() - 8, Checksum(std::string_view(bytes).substr(end, blocks * 8)));
}

}  // namespace saker::index
