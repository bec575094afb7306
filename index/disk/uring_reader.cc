// io_uring. What the kernel lacks is done without: registered buffers or files, COOP_TASKRUN (no interrupt for a thread that
// waits anyway). No SQPOLL: it would burn a core; no SINGLE_ISSUER: readers go from thread to thread.
#include <liburing.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "common/check.h"
#include "index/disk/page_reader.h"

namespace saker::index {
namespace {

constexpr unsigned kFiles = 16;             // registered at a time
constexpr int kTries = 10000;               // a kernel short of memory is asked again for a second
constexpr unsigned kCoopTaskrun = 1U << 8;  // Linux 5.19; by value, as liburing may be older than the kernel

class UringReader final : public PageReader {
 public:
  ~UringReader() override {
    if (ready_) io_uring_queue_exit(&ring_);
  }

  Status Open() {
    io_uring_params params{};
    params.flags = kCoopTaskrun;
    int error = io_uring_queue_init_params(kDepth, &ring_, &params);
    if (error == -EINVAL) {
      params = {};
      error = io_uring_queue_init_params(kDepth, &ring_, &params);
    }
    if (error != 0) return Unavailable("io_uring: ", std::strerror(-error));
    ready_ = true;
    io_uring_probe* const probe = io_uring_get_probe_ring(&ring_);
    const bool reads = probe != nullptr && io_uring_opcode_supported(probe, IORING_OP_READ) != 0;
    fixed_reads_ = probe != nullptr && io_uring_opcode_supported(probe, IORING_OP_READ_FIXED) != 0;
    if (probe != nullptr) io_uring_free_probe(probe);
    if (!reads) return Unavailable("io_uring: this kernel cannot read");
    int none[kFiles];
    for (int& file : none) file = -1;
    files_registered_ = io_uring_register_files(&ring_, none, kFiles) == 0;
    for (int& file : files_) file = -1;
    return OkStatus();
  }

  const char* engine() const override { return "io_uring"; }

  Status SetBufferBytes(size_t bytes) override {
    if (bytes <= buffer_bytes_) return OkStatus();
    if (buffers_registered_) io_uring_unregister_buffers(&ring_);
    buffers_registered_ = false;
    if (!Allocate(bytes)) return ResourceExhausted("no memory for ", kDepth, " buffers of ", bytes, " bytes");
    const iovec all{memory_.get(), kDepth * buffer_bytes_};
    // May be refused by RLIMIT_MEMLOCK: then every read pins its own pages.
    buffers_registered_ = fixed_reads_ && io_uring_register_buffers(&ring_, &all, 1) == 0;
    return OkStatus();
  }

  void Queue(const DirectFile& file, uint64_t offset, uint32_t bytes, uint32_t buffer) override {
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    CHECK(entry != nullptr);
    const int place = Register(file.descriptor());
    const int descriptor = place >= 0 ? place : file.descriptor();
    if (buffers_registered_) {
      io_uring_prep_read_fixed(entry, descriptor, Buffer(buffer), bytes, offset, 0);
    } else {
      io_uring_prep_read(entry, descriptor, Buffer(buffer), bytes, offset);
    }
    if (place >= 0) entry->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data64(entry, uint64_t{buffer} | uint64_t{1} << 32);
    faults_[buffer] = file.InjectedError();
    ++in_flight_;
  }

  void Start() override { io_uring_submit(&ring_); }  // what it could not take, Wait hands over

  Status Wait(std::vector<Done>* done) override {
    const size_t before = done->size();
    for (int tries = 0;; ++tries) {
      const int error = io_uring_submit_and_wait(&ring_, 1);
      Reap(done);
      if (done->size() > before) return OkStatus();
      const bool passing = error >= 0 || error == -EINTR || error == -EAGAIN || error == -EBUSY;
      if (!passing || tries == kTries) return Unavailable("io_uring: ", std::strerror(error < 0 ? -error : EIO));
      if (error == -EAGAIN || error == -EBUSY) std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }

  void Forget(int descriptor) override {
    for (unsigned i = 0; i < kFiles; ++i) {
      if (files_[i] != descriptor) continue;
      const int none = -1;
      io_uring_register_files_update(&ring_, i, &none, 1);
      files_[i] = -1;
    }
  }

 private:
  void Reap(std::vector<Done>* done) {
    io_uring_cqe* completion = nullptr;
    while (io_uring_peek_cqe(&ring_, &completion) == 0 && completion != nullptr) {
      const auto buffer = static_cast<uint32_t>(io_uring_cqe_get_data64(completion));
      done->push_back({buffer, faults_[buffer] != 0 ? -faults_[buffer] : completion->res});
      io_uring_cqe_seen(&ring_, completion);
      --in_flight_;
    }
  }

  // The file's place in the ring's table; -1: as an ordinary descriptor.
  int Register(int descriptor) {
    if (!files_registered_) return -1;
    for (unsigned i = 0; i < kFiles; ++i) {
      if (files_[i] == descriptor) return static_cast<int>(i);
    }
    // The place of the one that was registered longest ago. Reads in flight hold their file themselves.
    const unsigned place = next_file_++ % kFiles;
    if (io_uring_register_files_update(&ring_, place, &descriptor, 1) != 1) {
      files_[place] = -1;
      return -1;
    }
    files_[place] = descriptor;
    return static_cast<int>(place);
  }

  io_uring ring_{};
  bool ready_ = false;
  bool fixed_reads_ = false;
  bool buffers_registered_ = false;
  bool files_registered_ = false;
  int files_[kFiles];
  unsigned next_file_ = 0;
  int faults_[kDepth] = {};
};

}  // namespace

Result<std::unique_ptr<PageReader>> MakeUringReader() {
  auto reader = std::make_unique<UringReader>();
  TRY(reader->Open());
  return std::unique_ptr<PageReader>(std::move(reader));
}

}  // namespace saker::index
