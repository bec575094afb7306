// A shard alone: rows per second into it, and what a search costs beside the index walk.
#include <chrono>
#include <random>
#include <thread>

#include <benchmark/benchmark.h>

#include "server/shard/test_shard.h"

namespace saker::shard {
namespace {

constexpr int64_t kBenchDim = 100;

std::shared_ptr<CollectionSchema> BenchSchema() {
  auto schema = TestSchema();
  schema->fields.resize(2);
  schema->fields[1].dim = kBenchDim;
  return schema;
}

RowBatch RandomRows(int64_t first, size_t count, const CollectionSchema& schema, std::mt19937_64* shuffle) {
  RowBatch batch;
  batch.row_count = count;
  Column ids(schema.fields[0], count);
  Column vectors(schema.fields[1], count);
  std::minstd_rand random(static_cast<uint32_t>(first) + 1);
  std::vector<float> vector(kBenchDim);
  for (size_t i = 0; i < count; ++i) {
    const int64_t id = shuffle != nullptr ? static_cast<int64_t>((*shuffle)() >> 1) : first + static_cast<int64_t>(i);
    for (float& value : vector) value = static_cast<float>(random() % 2001) / 1000.0f - 1.0f;
    ids.AppendFixed(&id);
    vectors.AppendFixed(vector.data());
  }
  batch.field_ids = {kIdField, kVectorField};
  batch.columns.push_back(std::move(ids));
  batch.columns.push_back(std::move(vectors));
  return batch;
}

struct Bench {
  explicit Bench(std::vector<IndexDefinition> indexes = {}) : world(directory.path(), 16ull << 30) {
    schema = BenchSchema();
    Result<std::unique_ptr<Shard>> opened = Shard::Open({{CollectionId(7), 0}, schema, std::move(indexes), true}, world.environment());
    CHECK(opened.ok());
    shard = std::move(*opened);
  }
  TempDirectory directory;
  TestWorld world;
  std::shared_ptr<CollectionSchema> schema;
  std::unique_ptr<Shard> shard;
};

// range(0): rows a batch; range(1): 1 for random keys.
void BM_Insert(benchmark::State& state) {
  Bench bench;
  std::mt19937_64 shuffle(1);
  const auto rows = static_cast<size_t>(state.range(0));
  std::vector<RowBatch> batches;
  for (int64_t i = 0; i < 8; ++i) {
    batches.push_back(RandomRows(i * static_cast<int64_t>(rows), rows, *bench.schema, state.range(1) != 0 ? &shuffle : nullptr));
  }
  int64_t next = 0;
  for (auto _ : state) {
    state.PauseTiming();
    RowBatch batch = batches[static_cast<size_t>(next) % batches.size()];
    Column ids(bench.schema->fields[0], rows);
    for (size_t i = 0; i < rows; ++i) {
      const int64_t id =
          state.range(1) != 0 ? static_cast<int64_t>(shuffle() >> 1) : next * static_cast<int64_t>(rows) + static_cast<int64_t>(i);
      ids.AppendFixed(&id);
    }
    batch.columns[0] = std::move(ids);
    ++next;
    WriteRequest request;
    request.partition = PartitionId(1);
    request.rows = std::move(batch);
    state.ResumeTiming();
    CHECK(bench.shard->Write(std::move(request), Context()).ok());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Insert)->Args({5000, 0})->Args({5000, 1})->Args({1, 0})->Args({100, 0})->UseRealTime()->Unit(benchmark::kMillisecond);

// range(0): rows; range(1): 1 to keep them growing. HNSW with a queue of 10 shows what stands around the walk.
void BM_Search(benchmark::State& state) {
  Bench bench({{21, kVectorField, {"HNSW", index::Metric::kL2, {{"M", "16"}, {"efConstruction", "100"}}}}});
  for (int64_t first = 0; first < state.range(0); first += 5000) {
    WriteRequest request;
    request.partition = PartitionId(1);
    request.rows = RandomRows(first, 5000, *bench.schema, nullptr);
    CHECK(bench.shard->Write(std::move(request), Context()).ok());
  }
  if (state.range(1) == 0) {
    CHECK(bench.shard->Flush(Context()).ok());
    while (bench.shard->GetIndexProgress(21).indexed_rows == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  SearchRequest request;
  request.field_id = kVectorField;
  request.metric = index::Metric::kL2;
  request.k = 10;
  request.params = {{"ef", std::to_string(state.range(2))}};
  const RowBatch queries = RandomRows(1 << 30, 64, *bench.schema, nullptr);
  size_t next = 0;
  for (auto _ : state) {
    request.queries.assign(static_cast<const char*>(queries.columns[1].Row(next++ % 64)), kBenchDim * sizeof(float));
    benchmark::DoNotOptimize(bench.shard->Search(request, Context()));
  }
}
BENCHMARK(BM_Search)->Args({20000, 0, 10})->Args({20000, 0, 64})->Args({20000, 1, 64})->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace saker::shard

BENCHMARK_MAIN();
