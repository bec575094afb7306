#include "index/auto/disk_probe.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <random>
#include <vector>

#include "index/disk/page_reader.h"

namespace saker::index {
namespace {

constexpr uint32_t kPage = 4096;
constexpr size_t kPages = 2048;
constexpr uint32_t kTogether = 32;
constexpr size_t kReads = 256;  // a try
constexpr int kTries = 3;

Result<double> ReadSome(const DirectFile& file, std::mt19937* random) {
  auto reader = TRY(ReaderPool::Instance().Take(kPage));
  size_t asked = 0, answered = 0;
  const auto ask = [&](uint32_t buffer) {
    reader->Queue(file, (*random)() % kPages * uint64_t{kPage}, kPage, buffer);
    ++asked;
  };
  std::vector<PageReader::Done> done;
  const auto start = std::chrono::steady_clock::now();
  while (asked < kTogether) ask(static_cast<uint32_t>(asked));
  while (answered < kReads) {
    done.clear();
    TRY(reader->Wait(&done));
    for (const PageReader::Done& one : done) {
      if (one.result != static_cast<int>(kPage)) return Unavailable("a read of ", kPage, " bytes gave ", one.result);
      ++answered;
      if (asked < kReads) ask(one.buffer);
    }
  }
  return static_cast<double>(kReads) / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Result<double> ProbeReads(FileSystem& files, const std::string& directory) {
  static std::atomic<uint64_t> count = 0;
  const std::string where = directory.empty() ? std::filesystem::temp_directory_path().string() : directory;
  const std::string path = where + "/saker-probe-" + std::to_string(getpid()) + "-" + std::to_string(count++);
  std::shared_ptr<const DirectFile> file;
  const auto open = [&]() -> Status {
    const std::unique_ptr<WritableFile> out = TRY(files.Create(path));
    std::vector<std::byte> page(kPage);
    for (size_t i = 0; i < kPages; ++i) {
      page[0] = static_cast<std::byte>(i);
      TRY(out->Append(page));
    }
    TRY(out->Sync());
    file = TRY(files.OpenDirect(path));
    return OkStatus();
  };
  const Status opened = open();
  TRY(files.Remove(path));  // it is read without its name: nothing is left behind
  TRY(opened);
  std::mt19937 random(1);
  double best = 0;
  Status status = OkStatus();
  for (int i = 0; i < kTries && status.ok(); ++i) {
    const Result<double> rate = ReadSome(*file, &random);
    status = rate.status();
    if (rate.ok()) best = std::max(best, *rate);
  }
  ReaderPool::Instance().Forget(*file);
  TRY(status);
  return best;
}

}  // namespace saker::index
