// Runs one stage of a build on several threads: ranges of [0, count) handed out in order, cancellation and progress between
// them. With one thread the order is always the same. A stage that throws bad_alloc ends with ResourceExhausted.
#pragma once

#include <atomic>
#include <cstddef>
#include <new>
#include <thread>
#include <vector>

#include "common/give_way.h"
#include "common/mutex.h"
#include "index/index.h"

namespace saker::index {

// What part of a whole build one stage is: progress goes from `from` to `to`.
struct StageShare {
  double from = 0;
  double to = 1;
};

// work(thread, begin, end): thread in [0, threads).
template <typename Work>
Status ForRanges(size_t count, size_t grain, const BuildOptions& options, StageShare share, const Work& work) {
  const size_t ranges = (count + grain - 1) / grain;
  const size_t threads = std::min<size_t>(static_cast<size_t>(options.threads < 1 ? 1 : options.threads), ranges < 1 ? 1 : ranges);
  std::atomic<size_t> next{0};
  std::atomic<bool> stop{false};
  Mutex mutex;
  Status status = OkStatus();
  double reported = share.from;
  const auto run = [&](size_t thread) {
    const GiveWay way(GiveWay::When::kOnIdleTime);
    try {
      for (size_t range = next++; range < ranges && !stop; range = next++) {
        const size_t begin = range * grain, end = begin + grain < count ? begin + grain : count;
        work(thread, begin, end);
        const MutexLock lock(mutex);
        if (options.context != nullptr && status.ok()) {
          status = options.context->Check();
          if (!status.ok()) stop = true;
        }
        const double done = share.from + (share.to - share.from) * static_cast<double>(end) / static_cast<double>(count);
        if (options.progress && done > reported && !stop) options.progress(reported = done);
      }
    } catch (const std::bad_alloc&) {
      const MutexLock lock(mutex);
      status = ResourceExhausted("not enough memory to build an index over ", count, " rows");
      stop = true;
    }
  };
  std::vector<std::thread> helpers;
  for (size_t thread = 1; thread < threads; ++thread) helpers.emplace_back(run, thread);
  run(0);
  for (std::thread& helper : helpers) helper.join();
  return status;
}

}  // namespace saker::index
