#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "common/aligned_buffer.h"
#include "common/checksum.h"
#include "common/file.h"
#include "common/ids.h"
#include "common/memory_budget.h"
#include "common/metrics.h"
#include "common/result.h"
#include "common/timed_mutex.h"
#include "common/timestamp.h"
#include "common/worker_pool.h"

namespace saker {
namespace {

Result<int> Half(int n) {
  if (n % 2 != 0) return InvalidArgument(n, " is odd, and only even numbers have a half");
  return n / 2;
}

Result<int> Quarter(int n) {
  const int half = TRY(Half(n));
  return Half(half);
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Quarter(6).status().message(), "3 is odd, and only even numbers have a half");
}

TEST(Status, CarriesADialectsCode) {
  const Status status(StatusCode::kNotFound, "collection not found", 100);
  EXPECT_EQ(status.detail_code(), 100);
  EXPECT_EQ(status.ToString(), "not found: collection not found");
  EXPECT_EQ(OkStatus().detail_code(), 0);
}

TEST(Timestamp, KeepsMillisecondsAboveTheCounter) {
  EXPECT_EQ(TimestampMs(MakeTimestamp(1234567, 5)), 1234567u);
  EXPECT_LT(MakeTimestamp(1, 262143), MakeTimestamp(2));
}

TEST(AlignedBuffer, IsAlignedAndZero) {
  AlignedBuffer buffer = *AlignedBuffer::Allocate(100);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % AlignedBuffer::kAlignment, 0u);
  for (const std::byte b : buffer.bytes()) EXPECT_EQ(b, std::byte{0});
}

TEST(MemoryBudget, RefusesWithBothNumbersAndTakesBackWhatDies) {
  MemoryBudget budget(100);
  {
    auto held = budget.Reserve("index", 60, "index of c");
    ASSERT_TRUE(held.ok());
    const auto refused = budget.Reserve("index", 50, "index of d");
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.status().message().find("needs 50 bytes of memory and 40 of 100 are left"), std::string::npos);
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
  EXPECT_TRUE(budget.Reserve("index", 100, "index of d").ok());
}

TEST(WorkerPool, AFullQueueIsAnAnswer) {
  Mutex gate;
  gate.Lock();
  WorkerPool pool({.name = "test", .threads = 1, .queue_limit = 1});
  std::atomic<bool> started = false;
  ASSERT_TRUE(pool.TrySubmit([&] {
    started = true;
    MutexLock wait(gate);
  }));
  while (!started) std::this_thread::yield();
  EXPECT_TRUE(pool.TrySubmit([] {}));
  EXPECT_FALSE(pool.TrySubmit([] {}));
  EXPECT_EQ(pool.rejected(), 1u);
  gate.Unlock();
}

TEST(TaskGroup, RunsEverythingEvenWhenThePoolIsFull) {
  WorkerPool pool({.name = "test", .threads = 2, .queue_limit = 1});
  std::atomic<int> sum = 0;
  TaskGroup group(pool);
  for (int i = 1; i <= 100; ++i)
    group.Run([&sum, i] {
      sum += i;
      return OkStatus();
    });
  EXPECT_TRUE(group.Wait().ok());
  EXPECT_EQ(sum, 5050);
}

TEST(TaskGroup, AnswersTheFirstErrorAndDropsTheRest) {
  WorkerPool pool({.name = "test", .threads = 1, .queue_limit = 1});
  TaskGroup group(pool);
  for (int i = 0; i < 10; ++i) group.Run([] { return Internal("broken on purpose"); });
  EXPECT_EQ(group.Wait().message(), "broken on purpose");
}

TEST(WriteFileAtomically, ReplacesTheWholeFile) {
  const std::string directory = testing::TempDir() + "saker_common_test";
  FileSystem& files = FileSystem::Posix();
  ASSERT_TRUE(files.MakeDirectories(directory).ok());
  const std::string path = directory + "/f";
  ASSERT_TRUE(WriteFileAtomically(files, path, "old and long").ok());
  ASSERT_TRUE(WriteFileAtomically(files, path, "new").ok());
  EXPECT_EQ(*files.ReadAll(path, 100), "new");
  EXPECT_EQ(files.ReadAll(path, 2).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ((*files.Map(path))->bytes().size(), 3u);
  EXPECT_EQ((*files.Load(path))->bytes().size(), 3u);
  EXPECT_EQ(files.ReadAll(path + ".none", 2).status().code(), StatusCode::kNotFound);
  std::filesystem::remove_all(directory);
}

TEST(FileSystem, LoadsTheSameBytesAsItMaps) {
  FileSystem& files = FileSystem::Posix();
  const std::string path = testing::TempDir() + "saker_load_test";
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4097}, (size_t{2} << 20) - 1, size_t{2} << 20, (size_t{5} << 20) + 77}) {
    std::string contents(size, '\0');
    for (size_t i = 0; i < size; ++i) contents[i] = static_cast<char>(i * 31 + i / 4096);
    ASSERT_TRUE(WriteFileAtomically(files, path, contents).ok());
    const auto loaded = files.Load(path);
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    const std::span<const std::byte> bytes = (*loaded)->bytes();
    ASSERT_EQ(bytes.size(), size);
    EXPECT_TRUE(size == 0 || std::memcmp(bytes.data(), contents.data(), size) == 0) << size;
    ASSERT_TRUE(files.Remove(path).ok());  // what is loaded does not need the file any more
  }
  EXPECT_EQ(files.Load(path).status().code(), StatusCode::kNotFound);
}

TEST(Histogram, CountsAnInclusiveUpperBound) {
  Histogram histogram({1, 2, 4});
  for (const double v : {0.5, 1.0, 1.5, 4.0, 9.0}) histogram.Observe(v);
  EXPECT_EQ(histogram.bucket(0), 2u);
  EXPECT_EQ(histogram.bucket(1), 1u);
  EXPECT_EQ(histogram.bucket(2), 1u);
  EXPECT_EQ(histogram.bucket(3), 1u);
  EXPECT_EQ(histogram.sum(), 16.0);
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameHandle) {
  GetCounter("saker_test_things_total", "Things.", {{"kind", "a"}}).Add(2);
  GetCounter("saker_test_things_total", "Things.", {{"kind", "a"}}).Add(3);
  EXPECT_EQ(GetCounter("saker_test_things_total", "Things.", {{"kind", "a"}}).value(), 5);
}

TEST(Checksum, SeesOneFlippedBit) {
  EXPECT_NE(Checksum("saker"), Checksum("sakes"));
}

TEST(TimedMutex, WaitsUntilTheDeadlineAndNoLonger) {
  TimedMutex mutex;
  std::unique_lock held(mutex);
  std::thread other([&] {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(std::unique_lock(mutex, std::try_to_lock).owns_lock());
    EXPECT_FALSE(std::unique_lock(mutex, begin + std::chrono::milliseconds(20)).owns_lock());
    EXPECT_GE(std::chrono::steady_clock::now(), begin + std::chrono::milliseconds(20));
  });
  other.join();
  std::thread waiting(
      [&] { EXPECT_TRUE(std::unique_lock(mutex, std::chrono::steady_clock::now() + std::chrono::minutes(1)).owns_lock()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  held.unlock();
  waiting.join();
  EXPECT_TRUE(std::unique_lock(mutex, std::try_to_lock).owns_lock());
}

}  // namespace
}  // namespace saker
