// Kills a child at every kill point of a shard and compares what a restart finds with what the child was told.
//
// The child runs a fixed list of operations and appends one byte to a file after each answer. What the parent finds must
// be the state after those, or after one more: the operation under way may have happened or not, never in part.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "common/kill_point.h"
#include "server/shard/build_checkpoint.h"
#include "server/shard/shard_metrics.h"
#include "server/shard/test_shard.h"

extern char** environ;

namespace saker::shard {
namespace {

constexpr int kSteps = 26;
constexpr int kDestroyStep = 24;
const std::vector<IndexDefinition> kIndexes = {
    {21, kVectorField, {"HNSW", index::Metric::kL2, {{"M", "4"}, {"efConstruction", "20"}}}},
    {22, kNumberField, {}, scalar_index::MakeSpec(*TestSchema()->FindId(kNumberField), "STL_SORT", {}).value()}};

// id -> (number, partition)
using State = std::map<int64_t, std::pair<int64_t, int64_t>>;

TestRow RowFor(int64_t id, int64_t number) {
  TestRow row{id, number, std::vector<float>(kDim), std::nullopt};
  row.vector[0] = static_cast<float>(id);
  row.vector[1] = static_cast<float>(number);
  return row;
}

struct Write {
  std::vector<int64_t> ids;  // rows written, each with the step as its number
  std::vector<int64_t> deletes;
  int64_t partition = 1;
};

// Steps that write; the others flush, compact, index, drop a partition, destroy.
std::optional<Write> WriteAt(int step) {
  Write write;
  write.partition = 1 + step % 2;
  switch (step) {
    case 0:
    case 1:
      for (int64_t i = 0; i < 1200; ++i) write.ids.push_back(i * 2 + step);
      return write;
    case 2:
    case 9:
      for (int64_t i = 0; i < 300; ++i) write.deletes.push_back(i * 5 + step);
      return write;
    case 3:
    case 6:
    case 10:
    case 13:
    case 16:
    case 19:
      for (int64_t i = 0; i < 200; ++i) write.ids.push_back(i * 7 + step);
      write.deletes = {step, step + 1, 5000};
      return write;
    case 20: write.ids = {1, 2, 3}; return write;
    default: return std::nullopt;
  }
}

bool DropsPartition(int step) {
  return step == 15 || step == 22;
}

void Apply(int step, State* state) {
  if (const std::optional<Write> write = WriteAt(step)) {
    for (const int64_t id : write->deletes) state->erase(id);
    for (const int64_t id : write->ids) (*state)[id] = {step, write->partition};
  }
  if (DropsPartition(step)) std::erase_if(*state, [](const auto& entry) { return entry.second.second == 2; });
  if (step >= kDestroyStep) state->clear();
}

Status RunStep(int step, Shard& shard, const CollectionSchema& schema) {
  const Context context;
  if (const std::optional<Write> write = WriteAt(step)) {
    std::vector<TestRow> rows;
    for (const int64_t id : write->ids) rows.push_back(RowFor(id, step));
    WriteRequest request;
    if (!rows.empty()) request = InsertOf(rows, schema, write->partition);
    request.kind = rows.empty() ? WriteRequest::Kind::kDelete : WriteRequest::Kind::kUpsert;
    request.delete_keys = ToKeys(write->deletes, schema);
    return shard.Write(std::move(request), context).status();
  }
  if (DropsPartition(step)) return shard.DropPartition(PartitionId(2));
  if (step == 5 || step == 12) return shard.SetIndexes(step == 5 ? kIndexes : std::vector<IndexDefinition>{});
  if (step == 8 || step == 14 || step == 21) return shard.Compact(context, nullptr);
  if (step >= kDestroyStep) return shard.Destroy();
  return shard.Flush(context).status();
}

ShardConfig Config() {
  return {{CollectionId(7), 0}, TestSchema(), kIndexes, true};
}

// Not a test: what the child does, when the parent asks for it.
TEST(CrashChild, RunsUntilItIsKilled) {
  const char* directory = std::getenv("SAKER_CRASH_DIRECTORY");
  if (directory == nullptr) GTEST_SKIP() << "the parent runs this with SAKER_CRASH_DIRECTORY";
  TestWorld world(std::string(directory) + "/data");
  const Result<std::unique_ptr<Shard>> opened = Shard::Open(Config(), world.environment());
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  Shard& shard = **opened;
  const int acknowledged = open((std::string(directory) + "/acknowledged").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  for (int step = 0; step < kSteps; ++step) {
    const Status status = RunStep(step, shard, *TestSchema());
    ASSERT_TRUE(status.ok()) << "step " << step << ": " << status.message();
    ASSERT_EQ(write(acknowledged, ".", 1), 1);
    // The builds that this step asked for, so that their kill points come in every run.
    for (const int64_t index : {21, 22}) {
      for (int i = 0; step == 5 && i < 3000 && shard.GetIndexProgress(index).indexed_rows < shard.GetIndexProgress(index).total_rows; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    }
  }
}

// True when the child was killed.
bool RunChild(const std::string& directory, const std::string& kill_at) {
  std::vector<std::string> variables = {"SAKER_CRASH_DIRECTORY=" + directory, "SAKER_KILL_AT=" + kill_at, "SAKER_CHECKPOINT_SECONDS=0"};
  std::vector<char*> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::string program = "/proc/self/exe";
  std::string filter = "--gtest_filter=CrashChild.*";
  char* arguments[] = {program.data(), filter.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const std::string log = directory + "/child.log";
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  CHECK(posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environment.data()) == 0);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return true;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child failed: see " << log;
  return false;
}

State Read(Shard& shard) {
  QueryRequest request;
  request.output_field_ids = {kNumberField, kVectorField};
  const Result<QueryResult> result = shard.Query(request, Context());
  EXPECT_TRUE(result.ok()) << result.status().message();
  State state;
  for (size_t row = 0; result.ok() && row < result->rows.row_count; ++row) {
    const int64_t id = KeyOf(*result->rows.Find(kIdField), row);
    const int64_t number = result->rows.Find(kNumberField)->GetInteger(row);
    EXPECT_TRUE(state.emplace(id, std::pair(number, 0)).second) << "row " << id << " twice";
    float vector[kDim];
    std::memcpy(vector, result->rows.Find(kVectorField)->Row(row), sizeof(vector));
    EXPECT_EQ(vector[0], static_cast<float>(id));
    EXPECT_EQ(vector[1], static_cast<float>(number));
  }
  EXPECT_EQ(shard.LiveRows(std::nullopt), state.size());
  SearchRequest search;
  search.field_id = kVectorField;
  search.metric = index::Metric::kL2;
  search.k = 16384;
  search.queries.assign(kDim * sizeof(float), '\0');
  const Result<SearchResult> found = shard.Search(search, Context());
  EXPECT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(found.ok() ? found->scores.size() : 0, state.size());
  return state;
}

State WithoutPartitions(State state) {
  for (auto& [id, entry] : state) entry.second = 0;
  return state;
}

std::unique_ptr<Shard> OpenShard(TestWorld& world) {
  Result<std::unique_ptr<Shard>> opened = Shard::Open(Config(), world.environment());
  EXPECT_TRUE(opened.ok()) << opened.status().message();
  return opened.ok() ? std::move(*opened) : nullptr;
}

// Every file below the shard is named by a manifest once nothing runs any more.
void ExpectNoGarbage(TestWorld& world, size_t segments) {
  EXPECT_EQ(world.storage().manifests().Load({CollectionId(7), 0})->size(), segments);
  EXPECT_EQ(world.storage().rows().Segments()->size(), segments);
}

class CrashTest : public testing::TestWithParam<std::string> {};

TEST_P(CrashTest, LosesNothingThatWasAcknowledged) {
  TempDirectory directory;
  const bool killed = RunChild(directory.path(), GetParam());
  std::ifstream acknowledged(directory.path() + "/acknowledged");
  const auto done = static_cast<int>(std::string(std::istreambuf_iterator<char>(acknowledged), {}).size());
  EXPECT_TRUE(killed || done == kSteps);
  if (!killed) GTEST_SKIP() << "the run never came to " << GetParam();
  State before;
  for (int step = 0; step < done; ++step) Apply(step, &before);
  State after = before;
  Apply(done, &after);
  TestWorld world(directory.path() + "/data");
  State found;
  {
    const std::unique_ptr<Shard> shard = OpenShard(world);
    ASSERT_NE(shard, nullptr);
    found = Read(*shard);
    // A shard that is being destroyed may show its rows or not; destroying it again must work.
    if (done >= kDestroyStep) {
      EXPECT_TRUE(shard->Destroy().ok());
      ExpectNoGarbage(world, 0);
      return;
    }
    EXPECT_TRUE(found == WithoutPartitions(before) || found == WithoutPartitions(after))
        << done << " steps were acknowledged, " << before.size() << " rows or " << after.size() << "; found " << found.size();
    ASSERT_TRUE(shard->Compact(Context(), nullptr).ok());
    EXPECT_EQ(Read(*shard), found) << "compaction changed the answer";
  }
  const std::unique_ptr<Shard> again = OpenShard(world);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(Read(*again), found) << "a second restart changed the answer";
  ExpectNoGarbage(world, again->Segments().size());
}

// The build that was killed goes on from its checkpoint, and the index is as good as any.
TEST(IndexBuild, GoesOnFromItsCheckpointAfterAKill) {
  TempDirectory directory;
  ASSERT_TRUE(RunChild(directory.path(), "index.after_checkpoint:2"));
  TestWorld world(directory.path() + "/data");
  const auto checkpoints = [&] {
    size_t count = 0;
    const std::vector<std::string> names = world.storage().blobs().List("7/0/").value();
    for (const std::string& name : names) count += name.find("/checkpoint_") != std::string::npos ? 1 : 0;
    return count;
  };
  EXPECT_EQ(checkpoints(), 1u);
  const double before = BuildsResumed().value();
  const std::unique_ptr<Shard> shard = OpenShard(world);
  ASSERT_NE(shard, nullptr);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (Shard::IndexProgress progress; std::chrono::steady_clock::now() < end;) {
    progress = shard->GetIndexProgress(21);
    if (progress.total_rows > 0 && progress.indexed_rows == progress.total_rows && !progress.building) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(BuildsResumed().value(), before + 1);
  EXPECT_EQ(checkpoints(), 0u);
  // Row vectors are (id, step, 0...): the nearest of (x, 0, ...) are those with ids around x.
  const State rows = Read(*shard);
  size_t found = 0, wanted = 0;
  for (int64_t x = 10; x < 2000; x += 97) {
    std::vector<float> query(kDim, 0.0f);
    query[0] = static_cast<float>(x);
    std::vector<std::pair<double, int64_t>> truth;
    for (const auto& [id, row] : rows) truth.emplace_back(std::pow(id - x, 2) + std::pow(row.first, 2), id);
    std::sort(truth.begin(), truth.end());
    SearchRequest search;
    search.field_id = kVectorField;
    search.metric = index::Metric::kL2;
    search.k = 10;
    search.queries.assign(reinterpret_cast<const char*>(query.data()), kDim * sizeof(float));
    const SearchResult hits = shard->Search(search, Context()).value();
    for (const float score : hits.scores) found += score <= truth[9].first + 1e-3 ? 1 : 0;
    wanted += 10;
  }
  EXPECT_GE(found, wanted * 95 / 100);
}

TEST(IndexBuild, GivesACheckpointUpThatTakesTooLong) {
  TempDirectory directory;
  TestWorld world(directory.path() + "/data");
  BuildCheckpoint checkpoint(world.storage().blobs(), world.memory(), CheckpointName({CollectionId(7), 0}, SegmentId(5), 101, 21));
  const std::string text(100, 'x');
  const std::span<const std::byte> part = std::as_bytes(std::span(text));
  EXPECT_EQ(checkpoint.Write({&part, 1}, 0).code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(checkpoint.Read().status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(checkpoint.Write({&part, 1}, 1000).ok());
  EXPECT_EQ(checkpoint.Write({&part, 1}, 0).code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(checkpoint.Read().value()->bytes().size(), 100u) << "the old one";
  checkpoint.Remove();
  EXPECT_EQ(checkpoint.Read().status().code(), StatusCode::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(KillPoints, CrashTest,
                         testing::Values("write.before_log:4", "write.after_log:5", "seal.begin", "seal.after_vectors:2", "seal.after_rows",
                                         "seal.after_manifest", "seal.after_manifest:4", "seal.after_trim:2", "index.begin",
                                         "index.after_checkpoint", "index.after_file", "index.after_manifest", "index.after_drop:2",
                                         "scalar_index.begin", "scalar_index.after_file", "scalar_index.after_manifest:2", "compact.begin",
                                         "compact.after_vectors", "compact.after_rows:2", "compact.after_indexes", "compact.after_manifest",
                                         "compact.after_manifest:2", "compact.after_files", "drop_partition.before_log",
                                         "drop_partition.after_log", "drop_partition.after_manifest", "drop_partition.after_files",
                                         "destroy.begin", "destroy.after_log", "destroy.after_manifests", "destroy.after_files"),
                         [](const testing::TestParamInfo<std::string>& point) {
                           std::string name = point.param;
                           for (char& c : name) {
                             if (c == '.' || c == ':') c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace saker::shard
