#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "common/log.h"
#include "index/disk/page_reader.h"

namespace saker::index {

void PageReader::Free::operator()(std::byte* memory) const {
  std::free(memory);
}

bool PageReader::Allocate(size_t bytes) {
  memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, kDepth * bytes)));
  buffer_bytes_ = memory_ == nullptr ? 0 : bytes;
  return memory_ != nullptr;
}

ReaderPool& ReaderPool::Instance() {
  static ReaderPool pool;
  return pool;
}

ReaderPool::ReaderPool() {
  const char* const wish = std::getenv("SAKER_DISK_IO");
  if (wish == nullptr) return;
  if (std::strcmp(wish, "threads") == 0) engine_ = ReadEngine::kThreads;
  if (std::strcmp(wish, "uring") == 0) engine_ = ReadEngine::kUring;
}

ReaderPool::Lease::~Lease() {
  if (reader_ != nullptr) Instance().Return(std::move(reader_));
}

Result<std::unique_ptr<PageReader>> ReaderPool::Make(ReadEngine engine) {
  if (engine != ReadEngine::kThreads) {
    Result<std::unique_ptr<PageReader>> reader = MakeUringReader();
    if (reader.ok() || engine == ReadEngine::kUring) return reader;
    static const bool said = [&] {
      Log(kWarning, "disk indexes are read by threads, which is slower", {{"why", reader.status().message()}});
      return true;
    }();
    (void)said;
  }
  return MakeThreadsReader();
}

Result<ReaderPool::Lease> ReaderPool::Take(size_t page_bytes) {
  std::unique_ptr<PageReader> reader;
  ReadEngine engine = ReadEngine::kAuto;
  {
    MutexLock lock(mutex_);
    ++out_;
    engine = engine_;
    if (!idle_.empty()) {
      reader = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (reader == nullptr) {
    Result<std::unique_ptr<PageReader>> made = Make(engine);
    if (!made.ok()) {
      MutexLock lock(mutex_);
      --out_;
      return made.status();
    }
    reader = std::move(*made);
  }
  Lease lease(std::move(reader));
  TRY(lease->SetBufferBytes(page_bytes));
  return lease;
}

void ReaderPool::Return(std::unique_ptr<PageReader> reader) {
  std::vector<PageReader::Done> drained;
  bool usable = true;
  while (reader->in_flight() > 0 && usable) usable = reader->Wait(&drained).ok();
  MutexLock lock(mutex_);
  --out_;
  for (const int descriptor : forgotten_) reader->Forget(descriptor);
  if (out_ == 0) forgotten_.clear();
  if (usable) {
    idle_.push_back(std::move(reader));
  } else {
    (void)reader.release();  // the kernel may still write to its buffers
  }
}

void ReaderPool::Forget(const DirectFile& file) {
  MutexLock lock(mutex_);
  for (const auto& reader : idle_) reader->Forget(file.descriptor());
  if (out_ > 0 && std::find(forgotten_.begin(), forgotten_.end(), file.descriptor()) == forgotten_.end()) {
    forgotten_.push_back(file.descriptor());
  }
}

void ReaderPool::Force(ReadEngine engine) {
  MutexLock lock(mutex_);
  engine_ = engine;
  idle_.clear();
}

}  // namespace saker::index
