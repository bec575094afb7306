// `saker bench disk`: how many random reads a second a disk makes, by as many as are asked for at a time.
//
// Reads go the way DISKANN's do (index/disk/page_reader.h), so that its queries a second can be held against reads a second of
// the same run. One JSON object a line and queue depth: {engine, direct, queue_depth, read_bytes, reads_per_second, p50_us, p99_us,
// cpu_us}: the last is what one read costs the thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"

namespace saker::bench {

struct DiskOptions {
  std::string directory = ".";  // a file is made here and removed
  uint64_t file_bytes = uint64_t{1} << 28;
  std::vector<size_t> queue_depths = {1, 8, 32, 64};
  uint32_t read_bytes = 4096;
  double seconds = 1;  // for each depth
  bool json = false;
};

Status RunDiskBench(const DiskOptions& options);

struct ReadRate {
  std::string engine;
  bool direct;
  size_t queue_depth;
  double reads_per_second, p50_us, p99_us, cpu_us;
};
// The same over a file that is there.
Result<std::vector<ReadRate>> MeasureReads(const std::string& path, const DiskOptions& options);

}  // namespace saker::bench
