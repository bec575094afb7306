#include "tools/bench/serve/prepare.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "tools/bench/serve/workload.h"

namespace saker::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kInsertBytes = 4 << 20;  // of one call
constexpr std::chrono::minutes kPatience{30};

#define SAKER_MILVUS_METHOD(name) "/milvus.proto.milvus.MilvusService/" name

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Status Preparation::MakeRoom() {
  mp::HasCollectionRequest has;
  has.set_collection_name(options_.collection);
  const auto there = TRY(connection_.Ask<mp::BoolResponse>(SAKER_MILVUS_METHOD("HasCollection"), has));
  if (!there.value()) return OkStatus();
  if (!options_.replace) {
    return InvalidArgument("the collection ", options_.collection,
                           " is there already: name another with --collection, or let --replace drop it");
  }
  mp::DropCollectionRequest drop;
  drop.set_collection_name(options_.collection);
  return connection_.Ask<pb::common::Status>(SAKER_MILVUS_METHOD("DropCollection"), drop).status();
}

Status Preparation::Create(size_t dim) {
  pb::schema::CollectionSchema schema;
  schema.set_name(options_.collection);
  auto* id = schema.add_fields();
  id->set_name("id");
  id->set_is_primary_key(true);
  id->set_data_type(pb::schema::Int64);
  auto* group = schema.add_fields();
  group->set_name("grp");
  group->set_data_type(pb::schema::Int64);
  auto* vector = schema.add_fields();
  vector->set_name("vec");
  vector->set_data_type(pb::schema::FloatVector);
  auto* pair = vector->add_type_params();
  pair->set_key("dim");
  pair->set_value(std::to_string(dim));
  mp::CreateCollectionRequest create;
  create.set_collection_name(options_.collection);
  create.set_schema(schema.SerializeAsString());
  create.set_shards_num(1);
  return connection_.Ask<pb::common::Status>(SAKER_MILVUS_METHOD("CreateCollection"), create).status();
}

Status Preparation::Insert(const VectorRows& base, size_t first, size_t end) {
  const size_t rows = std::max<size_t>(1, kInsertBytes / (base.dim() * 4 + 16));
  for (; first < end; first += rows) {
    const size_t count = std::min(rows, end - first);
    const auto insert = MakeInsert(options_, base, first, count, static_cast<int64_t>(first));
    TRY(connection_.Ask<mp::MutationResult>(SAKER_MILVUS_METHOD("Insert"), insert).status());
  }
  return OkStatus();
}

Status Preparation::Flush() {
  mp::FlushRequest flush;
  flush.add_collection_names(options_.collection);
  return connection_.Ask<mp::FlushResponse>(SAKER_MILVUS_METHOD("Flush"), flush).status();
}

Status Preparation::CreateIndex() {
  mp::CreateIndexRequest index;
  index.set_collection_name(options_.collection);
  index.set_field_name("vec");
  index.set_index_name("vec");
  const auto add = [&](const char* key, const std::string& value) {
    auto* pair = index.add_extra_params();
    pair->set_key(key);
    pair->set_value(value);
  };
  add("index_type", options_.index);
  add("metric_type", std::string(index::MetricName(TRY(DenseMetric(options_.metric)))));
  add("params", TRY(ParamsJson(options_.params)));
  return connection_.Ask<pb::common::Status>(SAKER_MILVUS_METHOD("CreateIndex"), index).status();
}

Status Preparation::AwaitIndex(size_t rows) {
  mp::DescribeIndexRequest describe;
  describe.set_collection_name(options_.collection);
  describe.set_field_name("vec");
  for (const Clock::time_point start = Clock::now(); Clock::now() - start < kPatience;) {
    const auto answer = TRY(connection_.Ask<mp::DescribeIndexResponse>(SAKER_MILVUS_METHOD("DescribeIndex"), describe));
    if (answer.index_descriptions().empty()) return Internal("the server shows no index of ", options_.collection);
    const mp::IndexDescription& index = answer.index_descriptions(0);
    if (index.state() == pb::common::Failed) return Internal("the index failed: ", index.index_state_fail_reason());
    if (index.state() == pb::common::Finished && static_cast<size_t>(index.indexed_rows()) >= rows) return OkStatus();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return DeadlineExceeded("the index of ", options_.collection, " was not finished after ", kPatience.count(), " minutes");
}

Status Preparation::Load() {
  mp::LoadCollectionRequest load;
  load.set_collection_name(options_.collection);
  load.set_replica_number(1);
  TRY(connection_.Ask<pb::common::Status>(SAKER_MILVUS_METHOD("LoadCollection"), load).status());
  mp::GetLoadingProgressRequest progress;
  progress.set_collection_name(options_.collection);
  for (const Clock::time_point start = Clock::now(); Clock::now() - start < kPatience;) {
    if (TRY(connection_.Ask<mp::GetLoadingProgressResponse>(SAKER_MILVUS_METHOD("GetLoadingProgress"), progress)).progress() == 100) {
      return OkStatus();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return DeadlineExceeded(options_.collection, " was not loaded after ", kPatience.count(), " minutes");
}

Status Preparation::Compact() {
  mp::ManualCompactionRequest compact;
  compact.set_collection_name(options_.collection);
  const auto job = TRY(connection_.Ask<mp::ManualCompactionResponse>(SAKER_MILVUS_METHOD("ManualCompaction"), compact));
  mp::GetCompactionStateRequest state;
  state.set_compactionid(job.compactionid());
  for (const Clock::time_point start = Clock::now(); Clock::now() - start < kPatience;) {
    const auto answer = TRY(connection_.Ask<mp::GetCompactionStateResponse>(SAKER_MILVUS_METHOD("GetCompactionState"), state));
    if (answer.state() == pb::common::Completed) return OkStatus();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return DeadlineExceeded("the compaction of ", options_.collection, " was not finished after ", kPatience.count(), " minutes");
}

Status PrepareCollection(const ServeOptions& options) {
  if (options.base.empty()) return InvalidArgument("--prepare wants --base, the rows to insert");
  const VectorRows base = TRY(VectorRows::Read(options.base, false));
  Preparation collection(options);
  TRY(collection.MakeRoom());
  TRY(collection.Create(base.dim()));
  if (options.keep_growing) {
    TRY(collection.CreateIndex());
    TRY(collection.Load());
  }
  const Clock::time_point start = Clock::now();
  TRY(collection.Insert(base, 0, base.row_count()));
  const double insert_s = SecondsSince(start);
  const Clock::time_point flushing = Clock::now();
  double index_s = 0, flush_s = 0;
  if (!options.keep_growing) {
    TRY(collection.Flush());
    flush_s = SecondsSince(flushing);
    const Clock::time_point indexing = Clock::now();
    TRY(collection.CreateIndex());
    TRY(collection.AwaitIndex(base.row_count()));
    index_s = SecondsSince(indexing);
    TRY(collection.Load());
  }
  std::printf(
      "{\"prepared\": \"%s\", \"rows\": %zu, \"dim\": %zu, \"index\": \"%s\", \"insert_rows_s\": %.0f, \"flush_s\": %.2f, "
      "\"index_s\": %.2f, \"growing\": %s}\n",
      options.collection.c_str(), base.row_count(), base.dim(), options.index.c_str(), static_cast<double>(base.row_count()) / insert_s,
      flush_s, index_s, options.keep_growing ? "true" : "false");
  std::fflush(stdout);
  return OkStatus();
}

}  // namespace saker::bench
