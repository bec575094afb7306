// Durable commits per second by number of writers (one shard each), and how fast a vector file is verified at open.
// The directory is TMPDIR's: put it on the disk that is meant.
#include <filesystem>
#include <random>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "storage/segment/vector_file.h"
#include "storage/storage.h"

namespace saker::storage {
namespace {

class Directory {
 public:
  Directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "saker-bench-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path = pattern;
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

std::unique_ptr<Directory> g_directory;
std::unique_ptr<Storage> g_storage;

void OpenForBenchmark(const benchmark::State&) {
  g_directory = std::make_unique<Directory>();
  StorageOptions options;
  options.directory = g_directory->path;
  g_storage = OpenStorage(options).value();
}

void CloseAfterBenchmark(const benchmark::State&) {
  g_storage.reset();
  g_directory.reset();
}

// One record of range(0) bytes per commit.
void BM_Commit(benchmark::State& state) {
  const ShardId shard{CollectionId(1), static_cast<int32_t>(state.thread_index())};
  const std::vector<LogAppend> record = {{std::string(static_cast<size_t>(state.range(0)), 'x'), {}}};
  for (auto _ : state) {
    const auto sequence = g_storage->log().Append(shard, record);
    if (!sequence.ok()) {
      state.SkipWithError(sequence.status().message().c_str());
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Commit)
    ->Arg(600)
    ->Arg(65536)
    ->Arg(4 << 20)
    ->Threads(1)
    ->Threads(16)
    ->Threads(64)
    ->Setup(OpenForBenchmark)
    ->Teardown(CloseAfterBenchmark)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

void BM_OpenVectorFile(benchmark::State& state) {
  Directory directory;
  const std::string path = directory.path + "/bench.vec";
  const VectorFileSpec spec{VectorElement::kFloat32, 128, FieldId(1), SegmentId(1)};
  {
    auto file = FileSystem::Posix().Create(path).value();
    VectorFileWriter writer(*file, spec);
    std::mt19937 random(1);
    std::vector<float> rows(128 * 1024);
    for (float& x : rows) x = static_cast<float>(random());
    for (int i = 0; i < 512; ++i) {
      if (!writer.Append(std::as_bytes(std::span(rows))).ok()) state.SkipWithError("append");
    }
    if (!writer.Finish().ok()) state.SkipWithError("finish");
  }
  uint64_t bytes = 0;
  for (auto _ : state) {
    const auto file = VectorFile::Open(path, FileSystem::Posix(), {spec, {}, {}, {}});
    if (!file.ok()) state.SkipWithError(file.status().message().c_str());
    bytes += file.ok() ? (*file)->size_bytes() : 0;
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(BM_OpenVectorFile)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace saker::storage

BENCHMARK_MAIN();
