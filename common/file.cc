#include "common/file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/huge_memory.h"

namespace saker {
namespace {

Status Errno(std::string_view what, const std::string& path, int error) {
  const StatusCode code = error == ENOENT   ? StatusCode::kNotFound
                          : error == ENOSPC ? StatusCode::kResourceExhausted
                          : error == EACCES ? StatusCode::kPermissionDenied
                                            : StatusCode::kUnavailable;
  return MakeStatus(code, what, " ", path, ": ", std::system_category().message(error));
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixWritableFile() override { close(fd_); }

  Status Append(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = write(fd_, bytes.data(), bytes.size());
      if (n < 0) {
        if (errno == EINTR) continue;
        return Errno("write to", path_, errno);
      }
      size_ += static_cast<uint64_t>(n);
      bytes = bytes.subspan(static_cast<size_t>(n));
    }
    return OkStatus();
  }
  Status Sync() override { return fdatasync(fd_) == 0 ? OkStatus() : Errno("sync of", path_, errno); }
  uint64_t size_bytes() const override { return size_; }
  int descriptor() const { return fd_; }
  const std::string& path() const { return path_; }

 private:
  const int fd_;
  const std::string path_;
  uint64_t size_ = 0;
};

class PosixMappedFile final : public MappedFile {
 public:
  PosixMappedFile(const std::byte* data, size_t size) : data_(data), size_(size) {}
  ~PosixMappedFile() override {
    if (size_ > 0) munmap(const_cast<std::byte*>(data_), size_);
  }
  std::span<const std::byte> bytes() const override { return {data_, size_}; }

 private:
  const std::byte* const data_;
  const size_t size_;
};

class LoadedFile final : public MappedFile {
 public:
  explicit LoadedFile(HugeMemory memory) : memory_(std::move(memory)) {}
  std::span<const std::byte> bytes() const override { return {memory_.data(), memory_.size_bytes()}; }

 private:
  const HugeMemory memory_;
};

// Closes on every way out.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

Status ReadWhole(int fd, const std::string& path, uint64_t offset, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Errno("read", path, errno);
    if (n == 0) return Unavailable(path, " ends at ", offset, ", ", bytes.size(), " more bytes were to be read");
    offset += static_cast<uint64_t>(n);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return OkStatus();
}

class PosixDirectFile final : public DirectFile {
 public:
  PosixDirectFile(int fd, std::string path, bool direct, uint64_t size) : fd_(fd), path_(std::move(path)), direct_(direct), size_(size) {}
  Status ReadAt(uint64_t offset, std::span<std::byte> bytes) const override { return ReadWhole(fd_, path_, offset, bytes); }
  ~PosixDirectFile() override { close(fd_); }
  int descriptor() const override { return fd_; }
  bool direct() const override { return direct_; }
  uint64_t size_bytes() const override { return size_; }

 private:
  const int fd_;
  const std::string path_;
  const bool direct_;
  const uint64_t size_;
};

class PosixScratchFile final : public ScratchFile {
 public:
  PosixScratchFile(int fd, std::string directory) : file_(fd, directory + "/(scratch)") {}
  Status Append(std::span<const std::byte> bytes) override { return file_.Append(bytes); }
  Status ReadAt(uint64_t offset, std::span<std::byte> bytes) const override {
    return ReadWhole(file_.descriptor(), file_.path(), offset, bytes);
  }
  int descriptor() const override { return file_.descriptor(); }
  uint64_t size_bytes() const override { return file_.size_bytes(); }

 private:
  PosixWritableFile file_;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::shared_ptr<const DirectFile>> OpenDirect(const std::string& path) override {
    const char* const wish = std::getenv("SAKER_DISK_DIRECT");
    bool direct = wish == nullptr || std::string_view(wish) != "0";
    int fd = direct ? open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT) : -1;
    if (fd < 0) {  // a file system in memory, or one that cannot
      direct = false;
      fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0) return Errno("open", path, errno);
    struct stat info {};
    if (fstat(fd, &info) != 0) {
      const int error = errno;
      close(fd);
      return Errno("stat of", path, error);
    }
    // What was read to verify the file shall not stay in the page cache: it is not read through it again.
    if (direct) posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return std::shared_ptr<const DirectFile>(std::make_shared<PosixDirectFile>(fd, path, direct, static_cast<uint64_t>(info.st_size)));
  }

  Result<std::unique_ptr<ScratchFile>> CreateScratch(const std::string& directory) override {
    int fd = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
      std::string name = directory + "/saker-scratch-XXXXXX";
      fd = mkostemp(name.data(), O_CLOEXEC);
      if (fd >= 0) unlink(name.c_str());
    }
    if (fd < 0) return Errno("create a file in", directory, errno);
    return std::unique_ptr<ScratchFile>(std::make_unique<PosixScratchFile>(fd, directory));
  }

  Result<uint64_t> FreeBytes(const std::string& directory) override {
    struct statvfs info {};
    if (statvfs(directory.c_str(), &info) != 0) return Errno("look at the free space of", directory, errno);
    return uint64_t{info.f_bavail} * info.f_frsize;
  }

  Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    const int fd = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0) return Errno("create", path, errno);
    return std::unique_ptr<WritableFile>(new PosixWritableFile(fd, path));
  }

  Result<std::shared_ptr<const MappedFile>> Map(const std::string& path) override {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return Errno("open", path, errno);
    struct stat info {};
    if (fstat(fd, &info) != 0) {
      const int error = errno;
      close(fd);
      return Errno("stat of", path, error);
    }
    const auto size = static_cast<size_t>(info.st_size);
    void* data = nullptr;
    if (size > 0) data = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    const int error = errno;
    close(fd);
    if (data == MAP_FAILED) return Errno("map", path, error);
    return std::shared_ptr<const MappedFile>(std::make_shared<PosixMappedFile>(static_cast<const std::byte*>(data), size));
  }

  Result<std::shared_ptr<const MappedFile>> Load(const std::string& path) override {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return Errno("open", path, errno);
    struct stat info {};
    if (fstat(file.get(), &info) != 0) return Errno("stat of", path, errno);
    const auto size = static_cast<size_t>(info.st_size);
    HugeMemory memory = TRY(HugeMemory::Allocate(size, path.c_str()));
    for (size_t done = 0; done < size;) {
      const ssize_t n = pread(file.get(), memory.data() + done, size - done, static_cast<off_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Errno("read", path, errno);
      if (n == 0) return Unavailable(path, " ended after ", done, " of ", size, " bytes while it was read");
      done += static_cast<size_t>(n);
    }
    return std::shared_ptr<const MappedFile>(std::make_shared<LoadedFile>(std::move(memory)));
  }

  Result<std::string> ReadAll(const std::string& path, uint64_t limit_bytes) override {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return Errno("open", path, errno);
    std::string out;
    char buffer[65536];
    for (;;) {
      const ssize_t n = read(fd, buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        const int error = errno;
        close(fd);
        return Errno("read", path, error);
      }
      if (n == 0) break;
      if (out.size() + static_cast<size_t>(n) > limit_bytes) {
        close(fd);
        return ResourceExhausted(path, " is larger than the ", limit_bytes, " bytes that such a file may have");
      }
      out.append(buffer, static_cast<size_t>(n));
    }
    close(fd);
    return out;
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) return Errno("rename to", to, errno);
    return SyncDirectory(std::filesystem::path(to).parent_path().string());
  }

  Status Remove(const std::string& path) override {
    return unlink(path.c_str()) == 0 || errno == ENOENT ? OkStatus() : Errno("remove", path, errno);
  }

  Status MakeDirectories(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    return error ? Errno("create the directory", path, error.value()) : OkStatus();
  }

  Status SyncDirectory(const std::string& path) override {
    const int fd = open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return Errno("open the directory", path, errno);
    const int result = fsync(fd);
    const int error = errno;
    close(fd);
    return result == 0 ? OkStatus() : Errno("sync of the directory", path, error);
  }

  Result<std::vector<std::string>> List(const std::string& directory) override {
    DIR* dir = opendir(directory.c_str());
    if (dir == nullptr) return Errno("list", directory, errno);
    std::vector<std::string> names;
    while (const dirent* entry = readdir(dir)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    closedir(dir);
    std::sort(names.begin(), names.end());
    return names;
  }

  bool Exists(const std::string& path) override { return access(path.c_str(), F_OK) == 0; }
};

}  // namespace

Result<std::shared_ptr<const DirectFile>> FileSystem::OpenDirect(const std::string& path) {
  return Unimplemented("this file system cannot read ", path, " in pages");
}

Result<std::unique_ptr<ScratchFile>> FileSystem::CreateScratch(const std::string& directory) {
  return Unimplemented("this file system has no scratch files in ", directory);
}

Result<uint64_t> FileSystem::FreeBytes(const std::string& directory) {
  return Unimplemented("this file system does not know the free space of ", directory);
}

FileSystem& FileSystem::Posix() {
  static PosixFileSystem files;
  return files;
}

Status WriteFileAtomically(FileSystem& files, const std::string& path, std::string_view contents) {
  const std::string temporary = path + ".new";
  {
    std::unique_ptr<WritableFile> file = TRY(files.Create(temporary));
    TRY(file->Append(std::as_bytes(std::span(contents))));
    TRY(file->Sync());
  }
  return files.Rename(temporary, path);
}

}  // namespace saker
