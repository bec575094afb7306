#include "tools/bench/disk_bench.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>

#include "common/file.h"
#include "index/disk/page_reader.h"

namespace saker::bench {
namespace {

using Clock = std::chrono::steady_clock;

double MicrosSince(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double ThreadCpuMicros() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

Result<ReadRate> MeasureDepth(const DirectFile& file, size_t depth, const DiskOptions& options) {
  auto reader = TRY(index::ReaderPool::Instance().Take(options.read_bytes));
  std::mt19937_64 random(depth);
  const uint64_t places = file.size_bytes() / options.read_bytes;
  Clock::time_point asked[index::PageReader::kDepth];
  const auto ask = [&](uint32_t buffer) {
    asked[buffer] = Clock::now();
    reader->Queue(file, random() % places * options.read_bytes, options.read_bytes, buffer);
  };
  for (uint32_t buffer = 0; buffer < depth; ++buffer) ask(buffer);
  std::vector<double> latencies;
  std::vector<index::PageReader::Done> done;
  const Clock::time_point start = Clock::now();
  const double cpu = ThreadCpuMicros();
  while (MicrosSince(start) < options.seconds * 1e6) {
    done.clear();
    TRY(reader->Wait(&done));
    for (const auto& one : done) {
      if (one.result != static_cast<int>(options.read_bytes)) return Unavailable("a read gave ", one.result, " of ", options.read_bytes);
      latencies.push_back(MicrosSince(asked[one.buffer]));
      ask(one.buffer);
    }
  }
  if (latencies.empty()) return InvalidArgument("no read was done in ", options.seconds, " seconds");
  const double seconds = MicrosSince(start) / 1e6, cpu_us = (ThreadCpuMicros() - cpu) / static_cast<double>(latencies.size());
  std::sort(latencies.begin(), latencies.end());
  return ReadRate{reader->engine(),
                  file.direct(),
                  depth,
                  static_cast<double>(latencies.size()) / seconds,
                  latencies[latencies.size() / 2],
                  latencies[latencies.size() * 99 / 100],
                  cpu_us};
}

}  // namespace

Result<std::vector<ReadRate>> MeasureReads(const std::string& path, const DiskOptions& options) {
  const auto file = TRY(FileSystem::Posix().OpenDirect(path));
  std::vector<ReadRate> rates;
  Status status = OkStatus();
  for (const size_t depth : options.queue_depths) {
    Result<ReadRate> rate = MeasureDepth(*file, depth, options);
    status = rate.status();
    if (!status.ok()) break;
    rates.push_back(*std::move(rate));
  }
  index::ReaderPool::Instance().Forget(*file);
  TRY(status);
  return rates;
}

Status RunDiskBench(const DiskOptions& options) {
  if (options.read_bytes == 0 || options.read_bytes % 4096 != 0 || options.file_bytes < 64 * uint64_t{options.read_bytes})
    return InvalidArgument("--read-bytes must be a multiple of 4096, and the file 64 times as large");
  for (const size_t depth : options.queue_depths) {
    if (depth < 1 || depth > index::PageReader::kDepth)
      return InvalidArgument("a queue depth of ", depth, "; it can be 1 to ", index::PageReader::kDepth);
  }
  FileSystem& files = FileSystem::Posix();
  const std::string path = options.directory + "/saker-bench-disk-" + std::to_string(getpid());
  const auto run = [&]() -> Status {
    const auto file = TRY(files.Create(path));
    std::mt19937_64 random(1);
    std::vector<uint64_t> block(1 << 17);
    for (uint64_t written = 0; written < options.file_bytes; written += block.size() * 8) {
      for (uint64_t& word : block) word = random();
      TRY(file->Append(std::as_bytes(std::span(block))));
    }
    TRY(file->Sync());
    for (const ReadRate& rate : TRY(MeasureReads(path, options))) {
      std::printf(
          "{\"engine\": \"%s\", \"direct\": %s, \"queue_depth\": %zu, \"read_bytes\": %u, \"reads_per_second\": %.0f, \"p50_us\": %.0f, "
          "\"p99_us\": %.0f, \"cpu_us\": %.2f}\n",
          rate.engine.c_str(), rate.direct ? "true" : "false", rate.queue_depth, options.read_bytes, rate.reads_per_second, rate.p50_us,
          rate.p99_us, rate.cpu_us);
    }
    return OkStatus();
  };
  const Status done = run();
  const Status removed = files.Remove(path);
  return done.ok() ? removed : done;
}

}  // namespace saker::bench
