// What the disk may do to a data directory: rot, fill up, fail. Every scene runs in a child process of its own, because
// a kill is part of it and because RocksDB may abort; this process itself never opens a storage.
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/checksum.h"
#include "common/log.h"
#include "storage/segment/vector_file.h"
#include "storage/test_directory.h"

namespace saker::storage {
namespace {

namespace fs = std::filesystem;
constexpr ShardId kShard{CollectionId(7), 1};
constexpr ShardId kOther{CollectionId(8), 0};
constexpr VectorFileSpec kVectors{VectorElement::kFloat32, 16, FieldId(101), SegmentId(5)};
constexpr int kCrashed = 99;

// The child's exit code, kCrashed when a signal ended it.
int InChild(const std::function<int()>& scene) {
  const pid_t child = fork();
  if (child == 0) _exit(scene());  // no destructor runs: to the data directory this is a kill
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : kCrashed;
}

#define REQUIRE_IN_CHILD(condition)                                                      \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      return 1;                                                                          \
    }                                                                                    \
  } while (false)

// Everything a storage holds, as one text; an error when any part of it cannot be read.
Result<std::string> ReadEverything(Storage& storage) {
  std::ostringstream out;
  for (int kind = 1; kind <= 9; ++kind) {
    TRY(storage.catalog().Scan(static_cast<CatalogKind>(kind), [&](std::string_view key, std::string_view value) {
      out << "catalog " << kind << " " << key << " " << value << "\n";
      return OkStatus();
    }));
  }
  for (const ShardId shard : {kShard, kOther}) {
    const Checkpoint checkpoint = TRY(storage.manifests().LoadCheckpoint(shard));
    out << "checkpoint " << checkpoint.through << "\n";
    const SequenceNumber last = TRY(storage.log().LastSequence(shard));
    out << "last " << last << "\n";
    TRY(storage.log().Replay(shard, checkpoint.through, [&](SequenceNumber number, std::string_view payload) {
      out << "record " << number << " " << Checksum(payload) << "\n";
      return OkStatus();
    }));
    for (const SegmentManifest& manifest : TRY(storage.manifests().Load(shard))) {
      out << "segment " << manifest.segment << " rows " << manifest.row_count << "\n";
      TRY(storage.log().ScanTombstones(shard, manifest.segment,
                                       [&](const Tombstone& dead) { out << "dead " << dead.row << " " << dead.timestamp << "\n"; }));
      for (const auto& [field, ref] : manifest.vector_files) {
        const std::string path = TRY(storage.blobs().LocalPath(ref.name));
        const auto file =
            TRY(VectorFile::Open(path, storage.blobs().files(), {kVectors, manifest.row_count, ref.size_bytes, ref.checksum}));
        out << "vectors " << field << " " << Checksum(file->rows()) << "\n";
      }
    }
  }
  for (const SegmentId segment : TRY(storage.rows().Segments())) {
    TRY(storage.rows().Scan(segment, [&](RowOffset first, std::string_view payload) {
      out << "rows " << segment << " " << first << " " << Checksum(payload) << "\n";
      return OkStatus();
    }));
  }
  return std::move(out).str();
}

Status AppendSome(Storage& storage, ShardId shard, int count, std::mt19937_64& random) {
  for (int i = 0; i < count; ++i) {
    LogAppend record;
    for (uint64_t n = random() % 900; n > 0; --n) record.payload.push_back(static_cast<char>(random()));
    if (i % 7 == 0) record.tombstones.push_back({SegmentId(5), static_cast<RowOffset>(i), static_cast<Timestamp>(1000 + i)});
    TRY(storage.log().Append(shard, std::span(&record, 1)));
  }
  return OkStatus();
}

Status SealSegment(Storage& storage) {
  auto blob = TRY(storage.blobs().Create("7/5/101.vec"));
  VectorFileWriter writer(blob->file(), kVectors);
  std::vector<float> rows(16 * 500);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i);
  TRY(writer.Append(std::as_bytes(std::span(rows))));
  const VectorFileSummary summary = TRY(writer.Finish());
  TRY(blob->Finish());
  RowOffset next = 0;
  TRY(storage.rows().Ingest(SegmentId(5), [&](RowChunk* chunk) -> Result<bool> {
    if (next == 500) return false;
    *chunk = {next, "rows from " + std::to_string(next) + std::string(2000, 'r')};
    next += 50;
    return true;
  }));
  SegmentManifest manifest;
  manifest.segment = SegmentId(5);
  manifest.shard = kShard;
  manifest.row_count = summary.row_count;
  manifest.vector_files[101] = {"7/5/101.vec", summary.size_bytes, summary.checksum};
  ManifestEdit edit;
  edit.shard = kShard;
  edit.put = {manifest};
  edit.checkpoint = Checkpoint{40};
  return storage.manifests().Commit(edit);
}

enum class Ending { kClosed, kKilled };

// A directory with something in every kind of file; what is in it goes to the file `expected` beside it.
int BuildDirectory(const StorageOptions& options, Ending ending, const std::string& expected) {
  std::mt19937_64 random(3);
  {
    auto storage = OpenStorage(options);
    REQUIRE_IN_CHILD(storage.ok());
    REQUIRE_IN_CHILD(
        (*storage)->catalog().Write({{CatalogKind::kDatabase, "default", "record"}, {CatalogKind::kUser, "root", "hash"}}).ok());
    REQUIRE_IN_CHILD(AppendSome(**storage, kShard, 80, random).ok());
    REQUIRE_IN_CHILD(AppendSome(**storage, kOther, 40, random).ok());
    REQUIRE_IN_CHILD(SealSegment(**storage).ok());
    REQUIRE_IN_CHILD((*storage)->log().Trim(kShard, 30).ok());
  }
  auto storage = OpenStorage(options);  // what the log held is in tables now
  REQUIRE_IN_CHILD(storage.ok());
  REQUIRE_IN_CHILD(AppendSome(**storage, kShard, 60, random).ok());
  REQUIRE_IN_CHILD((*storage)->catalog().Write({{CatalogKind::kCounter, "timestamp", "12345"}}).ok());
  REQUIRE_IN_CHILD(AppendSome(**storage, kOther, 3, random).ok());
  const auto contents = ReadEverything(**storage);
  REQUIRE_IN_CHILD(contents.ok());
  std::ofstream(expected) << *contents;
  if (ending == Ending::kClosed) storage->reset();
  return 0;
}

enum Outcome { kRight = 0, kRefused = 2, kWrong = 3 };

int ReadAndCompare(const StorageOptions& options, const std::string& expected) {
  ConfigureLog(kError, LogFormat::kPlain);
  std::ifstream in(expected);
  const std::string wanted((std::istreambuf_iterator<char>(in)), {});
  auto storage = OpenStorage(options);
  if (!storage.ok()) return kRefused;
  const auto contents = ReadEverything(**storage);
  if (!contents.ok()) return kRefused;
  return *contents == wanted ? kRight : kWrong;
}

class Rot : public ::testing::Test {
 protected:
  // Memory instead of a disk: thousands of opens, and nothing here depends on a sync.
  Rot() {
    std::string pattern = (fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path().string()) + "/saker-rot-XXXXXX";
    if (mkdtemp(pattern.data()) != nullptr) root_ = pattern;
    options_.directory = root_ + "/trial";
    options_.reserve_bytes = 64 << 10;
  }
  ~Rot() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  void Build(Ending ending) {
    StorageOptions options = options_;
    options.directory = root_ + "/original";
    ASSERT_EQ(InChild([&] { return BuildDirectory(options, ending, root_ + "/expected"); }), 0);
    for (const auto& entry : fs::recursive_directory_iterator(options.directory)) {
      const std::string name = fs::relative(entry.path(), options.directory).string();
      if (entry.is_regular_file() && entry.file_size() > 0 && name != "reserve") files_.push_back(name);
    }
    std::sort(files_.begin(), files_.end());
    ASSERT_EQ(Trial([](std::string*) {}, files_.front()), kRight);
  }
  int Trial(const std::function<void(std::string*)>& damage, const std::string& name) {
    fs::remove_all(options_.directory);
    fs::copy(root_ + "/original", options_.directory, fs::copy_options::recursive);
    std::ifstream in(options_.directory + "/" + name, std::ios::binary);
    std::string contents((std::istreambuf_iterator<char>(in)), {});
    in.close();
    damage(&contents);
    std::ofstream(options_.directory + "/" + name, std::ios::binary | std::ios::trunc) << contents;
    return InChild([&] { return ReadAndCompare(options_, root_ + "/expected"); });
  }
  // Counts the outcome and names a wrong one.
  void Count(int outcome, const std::string& what) {
    ++outcomes_[outcome];
    EXPECT_TRUE(outcome == kRight || outcome == kRefused) << what << (outcome == kCrashed ? ": crashed" : ": wrong answer");
  }
  void Report(const char* kind) {
    int tried = 0;
    for (const auto& [outcome, count] : outcomes_) tried += count;
    std::printf("%s: tried %d, refused %d, right %d, wrong %d, crashed %d\n", kind, tried, outcomes_[kRefused], outcomes_[kRight],
                outcomes_[kWrong], outcomes_[kCrashed]);
    outcomes_.clear();
  }
  // SAKER_FLIP_SECONDS for each kind of damage, or a few.
  static std::chrono::steady_clock::time_point Deadline() {
    const char* seconds = std::getenv("SAKER_FLIP_SECONDS");
    return std::chrono::steady_clock::now() + std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 4);
  }

  std::string root_;
  StorageOptions options_;
  std::vector<std::string> files_;
  std::map<int, int> outcomes_;
  std::mt19937_64 random_{TestSeed()};
};

void FlipBit(std::string* contents, size_t at, int bit) {
  (*contents)[at] = static_cast<char>((*contents)[at] ^ 1 << bit);
}

TEST_F(Rot, AFlippedByteInAnyFileOfAClosedDirectoryIsRefusedOrHarmless) {
  Build(Ending::kClosed);
  const auto deadline = Deadline();
  while (std::chrono::steady_clock::now() < deadline) {
    for (const std::string& name : files_) {
      const size_t size = fs::file_size(root_ + "/original/" + name);
      const size_t edge = std::min<size_t>(size, 64);
      const size_t place = random_() % 3;
      const size_t at = place == 0 ? random_() % edge : place == 1 ? size - 1 - random_() % edge : random_() % size;
      const int bit = static_cast<int>(random_() % 8);
      Count(Trial([&](std::string* contents) { FlipBit(contents, at, bit); }, name), name + " byte " + std::to_string(at));
    }
  }
  Report("byte flips, closed");
}

TEST_F(Rot, AFlippedByteInTheLogOfAKilledServerIsRefused) {
  Build(Ending::kKilled);
  std::string log;
  for (const std::string& name : files_) {
    if (name.ends_with(".log") && fs::file_size(root_ + "/original/" + name) > 0) log = name;
  }
  ASSERT_FALSE(log.empty());
  const size_t size = fs::file_size(root_ + "/original/" + log);
  const auto deadline = Deadline();
  size_t back = 1;  // every byte from the end on, the last record first
  for (; back <= size && std::chrono::steady_clock::now() < deadline; ++back) {
    const int bit = static_cast<int>(random_() % 8);
    const int outcome = Trial([&](std::string* contents) { FlipBit(contents, size - back, bit); }, log);
    Count(outcome, log + " byte " + std::to_string(size - back));
    EXPECT_EQ(outcome, kRefused) << log << " byte " << size - back;
  }
  Report("byte flips in the last records, killed");
}

TEST_F(Rot, ACutOrZeroedOrMissingFileOfAClosedDirectoryIsRefusedOrHarmless) {
  Build(Ending::kClosed);
  for (const std::string& name : files_) {
    fs::remove_all(options_.directory);
    fs::copy(root_ + "/original", options_.directory, fs::copy_options::recursive);
    fs::remove(options_.directory + "/" + name);
    Count(InChild([&] { return ReadAndCompare(options_, root_ + "/expected"); }), name + " removed");
  }
  Report("files removed");
  const auto deadline = Deadline();
  while (std::chrono::steady_clock::now() < deadline) {
    for (const std::string& name : files_) {
      const size_t size = fs::file_size(root_ + "/original/" + name);
      const size_t at = random_() % size;
      if (random_() % 2 == 0) {
        Count(Trial([&](std::string* contents) { contents->resize(at); }, name), name + " cut at " + std::to_string(at));
      } else {
        const size_t from = at / 512 * 512;
        Count(Trial([&](std::string* contents) { std::memset(contents->data() + from, 0, std::min<size_t>(4096, size - from)); }, name),
              name + " zeroed from " + std::to_string(from));
      }
    }
  }
  Report("cuts and zeroed pages");
}

TEST_F(Rot, AcceptedLogLossKeepsWhatStandsBeforeTheDamage) {
  Build(Ending::kClosed);
  std::string log;
  for (const std::string& name : files_) {
    if (name.ends_with(".log")) log = name;
  }
  fs::copy(root_ + "/original", options_.directory, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  fs::resize_file(options_.directory + "/" + log, fs::file_size(options_.directory + "/" + log) / 2);
  EXPECT_EQ(InChild([&] { return ReadAndCompare(options_, root_ + "/expected"); }), kRefused);
  EXPECT_EQ(InChild([&] {
              StorageOptions options = options_;
              options.accept_log_loss = true;
              auto storage = OpenStorage(options);
              REQUIRE_IN_CHILD(storage.ok());
              const auto last = (*storage)->log().LastSequence(kShard);
              REQUIRE_IN_CHILD(last.ok() && *last >= 80 && *last < 140);
              REQUIRE_IN_CHILD(ReadEverything(**storage).ok());
              LogAppend record{"after the loss", {}};
              REQUIRE_IN_CHILD(*(*storage)->log().Append(kShard, std::span(&record, 1)) == *last + 1);
              storage->reset();
              REQUIRE_IN_CHILD(OpenStorage(options_).ok());
              return 0;
            }),
            0);
}

// A small disk of its own; needs root.
class SmallDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "saker-disk-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
    if (mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=96m") != 0) GTEST_SKIP() << "no small disk: mounting needs root";
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string path_;
  bool mounted_ = false;
};

// Appends until the disk is full and stays so when flushes and compactions have ended; the last refusal.
Status Fill(Storage& storage, int* appended) {
  const LogAppend record{std::string(200000, 'x'), {}};
  Status refused;
  for (int i = 0; i < 2000; ++i) {
    const auto sequence = storage.log().Append(kShard, std::span(&record, 1));
    if (sequence.ok()) {
      ++*appended;
      continue;
    }
    refused = sequence.status();
    if (refused.code() != StatusCode::kResourceExhausted) return refused;
    bool full = true;
    for (int quiet = 0; quiet < 10 && full; ++quiet) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      full = !storage.WritesAllowed().ok();
    }
    if (full) return refused;
  }
  return OkStatus();
}

bool Soon(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

int FillAndFree(const std::string& disk) {
  StorageOptions options;
  options.directory = disk + "/data";
  options.reserve_bytes = 16 << 20;
  options.write_buffer_bytes = 16 << 20;
  auto opened = OpenStorage(options);
  REQUIRE_IN_CHILD(opened.ok());
  Storage& storage = **opened;
  for (int round = 0; round < 3; ++round) {
    int appended = 0;
    const Status full = Fill(storage, &appended);
    std::fprintf(stderr, "round %d: %d appends, then %s\n", round, appended, full.ToString().c_str());
    REQUIRE_IN_CHILD(full.code() == StatusCode::kResourceExhausted);
    REQUIRE_IN_CHILD(full.detail_code() == 7);  // what Milvus calls it on the wire
    REQUIRE_IN_CHILD(full.message().starts_with("the disk of " + options.directory + " has "));
    REQUIRE_IN_CHILD(appended > 0);
    REQUIRE_IN_CHILD(storage.WritesAllowed().code() == StatusCode::kResourceExhausted);
    REQUIRE_IN_CHILD(storage.catalog().Write({{CatalogKind::kCounter, "c", "1"}}).ok());  // what frees space still works
    REQUIRE_IN_CHILD(storage.blobs().Create("a").status().code() == StatusCode::kResourceExhausted);
    int replayed = 0;
    const SequenceNumber last = *storage.log().LastSequence(kShard);
    REQUIRE_IN_CHILD(storage.log()
                         .Replay(kShard, last - static_cast<SequenceNumber>(appended),
                                 [&](SequenceNumber, std::string_view) {
                                   ++replayed;
                                   return OkStatus();
                                 })
                         .ok());
    REQUIRE_IN_CHILD(replayed == appended);
    // Somebody else takes all but a megabyte, also of what a flush gives back meanwhile: the reserve is given up. In steps below
    // the guard's margin: what takes the room between the guard's look and the write it let in would be a disk that is just full.
    REQUIRE_IN_CHILD(Soon([&] {
      std::ofstream ballast(disk + "/ballast", std::ios::app);
      for (;;) {
        struct statvfs info {};
        if (statvfs(disk.c_str(), &info) != 0) return false;
        if (!fs::exists(options.directory + "/reserve")) return true;
        if (static_cast<uint64_t>(info.f_bavail) * info.f_frsize <= 1 << 20) return false;
        ballast << std::string(128 << 10, 'b') << std::flush;
      }
    }));
    fs::remove(disk + "/ballast");
    // Trimming gives the space back and writing resumes by itself.
    REQUIRE_IN_CHILD(storage.log().Trim(kShard, last).ok());
    REQUIRE_IN_CHILD(Soon([&] { return storage.WritesAllowed().ok() && fs::exists(options.directory + "/reserve"); }));
  }
  opened->reset();
  opened = OpenStorage(options);
  REQUIRE_IN_CHILD(opened.ok());
  return 0;
}

TEST_F(SmallDisk, FullRefusesWritesKeepsReadingAndResumesByItself) {
  EXPECT_EQ(InChild([&] { return FillAndFree(path_); }), 0);
}

int StartNearlyFull(const std::string& disk) {
  StorageOptions options;
  options.directory = disk + "/data";
  options.write_buffer_bytes = 1 << 20;
  const std::string reserve = options.directory + "/reserve";
  std::ofstream(disk + "/ballast") << std::string(84 << 20, 'b');
  auto opened = OpenStorage(options);
  REQUIRE_IN_CHILD(opened.ok());
  Storage& storage = **opened;
  REQUIRE_IN_CHILD(fs::file_size(reserve) <= (2 << 20));
  // Somebody takes every byte, what the reserve gives back too: then what must not fail is refused as well, and does not wait.
  REQUIRE_IN_CHILD(Soon([&] {
    std::ofstream rest(disk + "/rest", std::ios::app);
    while (rest << std::string(4096, 'r') && rest.flush()) continue;
    return !fs::exists(reserve);
  }));
  std::ofstream(disk + "/rest", std::ios::app) << std::string(1 << 20, 'r');
  REQUIRE_IN_CHILD(storage.catalog().Write({{CatalogKind::kCounter, "c", "1"}}).code() == StatusCode::kResourceExhausted);
  fs::remove(disk + "/rest");
  fs::remove(disk + "/ballast");
  REQUIRE_IN_CHILD(Soon([&] { return fs::exists(reserve) && fs::file_size(reserve) > (4 << 20); }));
  return 0;
}

TEST_F(SmallDisk, AReserveMadeOnAFullDiskGrowsWhenSpaceComesBack) {
  EXPECT_EQ(InChild([&] { return StartNearlyFull(path_); }), 0);
}

int FailWrites(const std::string& directory) {
  StorageOptions options;
  options.directory = directory;
  auto opened = OpenStorage(options);
  REQUIRE_IN_CHILD(opened.ok());
  Storage& storage = **opened;
  LogAppend record{std::string(1000, 'x'), {}};
  REQUIRE_IN_CHILD(storage.log().Append(kShard, std::span(&record, 1)).ok());
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{64 << 10, 64 << 10};  // no file may grow beyond: the log's next write fails
  REQUIRE_IN_CHILD(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  record.payload.resize(100000);
  REQUIRE_IN_CHILD(storage.log().Append(kShard, std::span(&record, 1)).status().code() == StatusCode::kUnavailable);
  REQUIRE_IN_CHILD(storage.WritesAllowed().code() == StatusCode::kUnavailable);
  record.payload.resize(10);
  REQUIRE_IN_CHILD(storage.log().Append(kShard, std::span(&record, 1)).status().code() == StatusCode::kUnavailable);
  int replayed = 0;
  REQUIRE_IN_CHILD(storage.log()
                       .Replay(kShard, 0,
                               [&](SequenceNumber, std::string_view) {
                                 ++replayed;
                                 return OkStatus();
                               })
                       .ok());
  REQUIRE_IN_CHILD(replayed == 1);
  return 0;
}

TEST(FailedWrite, MakesTheStoreReadOnlyAndLosesNothing) {
  TestDirectory directory;
  EXPECT_EQ(InChild([&] { return FailWrites(directory.path()); }), 0);
  EXPECT_EQ(InChild([&] {
              auto storage = OpenStorage(directory.options());
              REQUIRE_IN_CHILD(storage.ok());
              REQUIRE_IN_CHILD(*(*storage)->log().LastSequence(kShard) >= 1);
              return 0;
            }),
            0);
}

uint64_t ResidentKb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

TEST(IdleStorage, TakesLittleMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "memory is not measured under a sanitizer";
#endif
  TestDirectory directory;
  EXPECT_EQ(InChild([&] {
              const uint64_t before = ResidentKb();
              auto storage = OpenStorage(directory.options());
              REQUIRE_IN_CHILD(storage.ok());
              REQUIRE_IN_CHILD((*storage)->catalog().Write({{CatalogKind::kDatabase, "default", "d"}}).ok());
              std::fprintf(stderr, "resident: %lu KB, %lu of them since open\n", ResidentKb(), ResidentKb() - before);
              REQUIRE_IN_CHILD(ResidentKb() - before < 24000);
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace saker::storage
