// Threads that call pread: where io_uring is forbidden, as in many containers.
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <thread>

#include "index/disk/page_reader.h"

namespace saker::index {
namespace {

// As many reads as an SSD wants at once, the process over. Threads start with the first reader and end with the process.
class ReadThreads {
 public:
  static constexpr size_t kThreads = 16;

  struct Job;
  struct Mailbox {
    Mutex mutex;
    CondVar arrived;
    std::vector<PageReader::Done> done GUARDED_BY(mutex);
  };
  struct Job {
    int descriptor;
    uint64_t offset;
    uint32_t bytes;
    uint32_t buffer;
    std::byte* to;
    int fault;
    Mailbox* answer;
  };

  static ReadThreads& Instance() {
    static ReadThreads threads;
    return threads;
  }
  ~ReadThreads() {
    {
      MutexLock lock(mutex_);
      stop_ = true;
    }
    work_.NotifyAll();
    for (std::thread& thread : threads_) thread.join();
  }

  // At most PageReader::kDepth a reader.
  void Add(const std::vector<Job>& jobs) EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      jobs_.insert(jobs_.end(), jobs.begin(), jobs.end());
    }
    if (jobs.size() == 1) {
      work_.NotifyOne();
    } else {
      work_.NotifyAll();
    }
  }

 private:
  ReadThreads() {
    for (size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { Run(); });
  }

  void Run() {
    for (;;) {
      Job job;
      {
        MutexLock lock(mutex_);
        while (jobs_.empty() && !stop_) work_.Wait(mutex_);
        if (jobs_.empty()) return;
        job = jobs_.front();
        jobs_.pop_front();
      }
      ssize_t n = 0;
      do { n = pread(job.descriptor, job.to, job.bytes, static_cast<off_t>(job.offset)); } while (n < 0 && errno == EINTR);
      const int result = job.fault != 0 ? -job.fault : n < 0 ? -errno : static_cast<int>(n);
      // Under the lock to the end: once the reader has seen its last answer, the mailbox may go.
      MutexLock lock(job.answer->mutex);
      job.answer->done.push_back({job.buffer, result});
      job.answer->arrived.NotifyOne();
    }
  }

  Mutex mutex_;
  CondVar work_;
  std::deque<Job> jobs_ GUARDED_BY(mutex_);
  bool stop_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

class ThreadsReader final : public PageReader {
 public:
  const char* engine() const override { return "threads"; }

  Status SetBufferBytes(size_t bytes) override {
    if (bytes <= buffer_bytes_ || Allocate(bytes)) return OkStatus();
    return ResourceExhausted("no memory for ", kDepth, " buffers of ", bytes, " bytes");
  }

  void Queue(const DirectFile& file, uint64_t offset, uint32_t bytes, uint32_t buffer) override {
    queued_.push_back({file.descriptor(), offset, bytes, buffer, Buffer(buffer), file.InjectedError(), &mailbox_});
    ++in_flight_;
  }

  void Start() override {
    if (!queued_.empty()) ReadThreads::Instance().Add(queued_);
    queued_.clear();
  }

  Status Wait(std::vector<Done>* done) override {
    Start();
    MutexLock lock(mailbox_.mutex);
    while (mailbox_.done.empty()) mailbox_.arrived.Wait(mailbox_.mutex);
    in_flight_ -= mailbox_.done.size();
    done->insert(done->end(), mailbox_.done.begin(), mailbox_.done.end());
    mailbox_.done.clear();
    return OkStatus();
  }

 private:
  std::vector<ReadThreads::Job> queued_;
  ReadThreads::Mailbox mailbox_;
};

}  // namespace

std::unique_ptr<PageReader> MakeThreadsReader() {
  return std::make_unique<ThreadsReader>();
}

}  // namespace saker::index
