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

class Preparation {
 public:
  explicit Preparation(const ServeOptions& options) : options_(options), connection_(options.address, options.token) {}

  Status Run() {
    if (options_.base.empty()) return InvalidArgument("--prepare wants --base, the rows to insert");
    const VectorRows base = TRY(VectorRows::Read(options_.base, false));
    metric_ = TRY(DenseMetric(options_.metric));
    TRY(MakeRoom());
    TRY(Create(base.dim()));
    if (options_.keep_growing) {
      TRY(CreateIndex());
      TRY(Load());
    }
    const Clock::time_point start = Clock::now();
    TRY(InsertAll(base));
    const double insert_s = SecondsSince(start);
    const Clock::time_point flushing = Clock::now();
    double index_s = 0, flush_s = 0;
    if (!options_.keep_growing) {
      TRY(Flush());
      flush_s = SecondsSince(flushing);
      const Clock::time_point indexing = Clock::now();
      TRY(CreateIndex());
      TRY(AwaitIndex(base.row_count()));
      index_s = SecondsSince(indexing);
      TRY(Load());
    }
    std::printf(
        "{\"prepared\": \"%s\", \"rows\": %zu, \"dim\": %zu, \"index\": \"%s\", \"insert_rows_s\": %.0f, \"flush_s\": %.2f, "
        "\"index_s\": %.2f, \"growing\": %s}\n",
        options_.collection.c_str(), base.row_count(), base.dim(), options_.index.c_str(), static_cast<double>(base.row_count()) / insert_s,
        flush_s, index_s, options_.keep_growing ? "true" : "false");
    std::fflush(stdout);
    return OkStatus();
  }

 private:
  Status MakeRoom() {
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

  Status Create(size_t dim) {
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

  Status InsertAll(const VectorRows& base) {
    const size_t rows = std::max<size_t>(1, kInsertBytes / (base.dim() * 4 + 16));
    for (size_t first = 0; first < base.row_count(); first += rows) {
      const size_t count = std::min(rows, base.row_count() - first);
      const auto insert = MakeInsert(options_, base, first, count, static_cast<int64_t>(first));
      TRY(connection_.Ask<mp::MutationResult>(SAKER_MILVUS_METHOD("Insert"), insert).status());
    }
    return OkStatus();
  }

  Status Flush() {
    mp::FlushRequest flush;
    flush.add_collection_names(options_.collection);
    return connection_.Ask<mp::FlushResponse>(SAKER_MILVUS_METHOD("Flush"), flush).status();
  }

  Status CreateIndex() {
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
    add("metric_type", std::string(index::MetricName(metric_)));
    add("params", TRY(ParamsJson(options_.params)));
    return connection_.Ask<pb::common::Status>(SAKER_MILVUS_METHOD("CreateIndex"), index).status();
  }

  Status AwaitIndex(size_t rows) {
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

  Status Load() {
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

  const ServeOptions& options_;
  Connection connection_;
  index::Metric metric_ = index::Metric::kL2;
};

}  // namespace

Status PrepareCollection(const ServeOptions& options) {
  return Preparation(options).Run();
}

}  // namespace saker::bench
