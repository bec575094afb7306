// Reads pages of files, many at a time: io_uring where the kernel allows it, else a few threads that call pread.
//
// A reader has kDepth buffers and belongs to one search at a time (ReaderPool); buffers are registered with the kernel, and so
// are the files last read, so that a read pins and looks up nothing. Reads are queued, handed over together by Wait, and come
// back in any order. Nothing is in flight when a reader goes back to its pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/file.h"
#include "common/mutex.h"
#include "common/result.h"

namespace saker::index {

class PageReader {
 public:
  static constexpr size_t kDepth = 64;
  static constexpr size_t kAlignment = 4096;

  struct Done {
    uint32_t buffer;
    int result;  // bytes, or the negative errno
  };

  virtual ~PageReader() = default;
  virtual const char* engine() const = 0;

  // Buffers of at least `bytes` each (a multiple of kAlignment) from now on; none may be in use.
  virtual Status SetBufferBytes(size_t bytes) = 0;
  std::byte* Buffer(uint32_t buffer) const { return memory_.get() + size_t{buffer} * buffer_bytes_; }

  // At most kDepth queued or in flight, one a buffer. `file` stays open until the read is done.
  virtual void Queue(const DirectFile& file, uint64_t offset, uint32_t bytes, uint32_t buffer) = 0;
  // Starts what is queued, and waits for nothing: so that the disk has work while its reader has other work.
  virtual void Start() = 0;
  // Starts what is queued, waits until at least one read is done and appends all that are.
  virtual Status Wait(std::vector<Done>* done) = 0;
  size_t in_flight() const { return in_flight_; }

  // The file is about to be closed: its registration goes. By the pool, while no search has the reader.
  virtual void Forget(int /*descriptor*/) {}

 protected:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  // False: no memory.
  bool Allocate(size_t bytes);

  std::unique_ptr<std::byte, Free> memory_;
  size_t buffer_bytes_ = 0;
  size_t in_flight_ = 0;
};

enum class ReadEngine { kAuto, kUring, kThreads };

// kUring: Unavailable where the kernel forbids it.
Result<std::unique_ptr<PageReader>> MakeUringReader();
std::unique_ptr<PageReader> MakeThreadsReader();

// The process' readers: as many as searches ever ran at once, each with kDepth buffers. SAKER_DISK_IO=threads or uring forces
// one engine. Thread-safe.
class ReaderPool {
 public:
  static ReaderPool& Instance();

  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) noexcept = default;
    explicit Lease(std::unique_ptr<PageReader> reader) : reader_(std::move(reader)) {}
    ~Lease();
    PageReader* operator->() const { return reader_.get(); }
    PageReader& operator*() const { return *reader_; }

   private:
    std::unique_ptr<PageReader> reader_;
  };

  Result<Lease> Take(size_t page_bytes) EXCLUDES(mutex_);
  void Forget(const DirectFile& file) EXCLUDES(mutex_);  // before it is closed; no search of it may run
  // For tests: what SAKER_DISK_IO would say.
  void Force(ReadEngine engine) EXCLUDES(mutex_);

 private:
  ReaderPool();
  Result<std::unique_ptr<PageReader>> Make(ReadEngine engine);
  void Return(std::unique_ptr<PageReader> reader) EXCLUDES(mutex_);

  Mutex mutex_;
  ReadEngine engine_ GUARDED_BY(mutex_) = ReadEngine::kAuto;
  std::vector<std::unique_ptr<PageReader>> idle_ GUARDED_BY(mutex_);
  std::vector<int> forgotten_ GUARDED_BY(mutex_);  // while readers are out: they hear of it when they come back
  size_t out_ GUARDED_BY(mutex_) = 0;
};

}  // namespace saker::index
