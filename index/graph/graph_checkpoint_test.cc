// A build that goes on from a checkpoint makes what an uninterrupted one makes; one that does not fit changes nothing.
#include "index/graph/graph_checkpoint.h"

#include <thread>

#include "index/graph/builder.h"
#include "index/test_files.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 23;

// Ends the build's context once `stop_after` checkpoints were written.
class MemoryStore final : public CheckpointStore {
 public:
  explicit MemoryStore(double first_seconds = 0) : first_seconds_(first_seconds) {}
  Status Write(std::span<const std::span<const std::byte>> parts, double) override {
    std::string all;
    for (const auto& part : parts) all.append(reinterpret_cast<const char*>(part.data()), part.size());
    kept = std::move(all);
    if (++writes == stop_after) context.Cancel();
    return fails ? ResourceExhausted("no space") : OkStatus();
  }
  Result<std::shared_ptr<const MappedFile>> Read() override {
    if (!kept) return NotFound("none");
    StringFileSystem files;
    files.contents["kept"] = *kept;
    return files.Map("kept");
  }
  void Remove() override { kept.reset(); }
  void Resumed(std::string_view stage) override { resumed = stage; }
  double first_seconds() const override { return first_seconds_; }

  std::optional<std::string> kept;
  size_t writes = 0, stop_after = 0;
  bool fails = false;
  std::string resumed;
  Context context;

 private:
  const double first_seconds_;
};

std::shared_ptr<MemorySource> Rows(size_t rows, size_t dim, bool uneven = false) {
  std::mt19937 random(kSeed);
  std::normal_distribution<float> normal;
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, dim);
  for (size_t row = 0; row < rows; ++row) {
    std::vector<float> values(dim);
    for (float& value : values) value = normal(random) * (uneven ? std::exp(normal(random) * 3) : 1.0f);
    source->AddFloats(values);
  }
  return source;
}

GraphPlan Plan(size_t rounds = 3) {
  GraphPlan plan;
  plan.degree = 12;
  plan.leaves.rounds = rounds;
  plan.leaves.leaf = 256;
  return plan;
}

Result<FlatGraph> Build(const VectorSource& source, MemoryStore* store, const GraphPlan& plan = Plan(), int threads = 1) {
  BuildOptions options;
  options.threads = threads;
  options.checkpoints = store;
  if (store != nullptr) options.context = &store->context;
  const NodeCodes codes = NodeCodes::Make(source, Metric::kL2, nullptr, BuildOptions()).value();
  return BuildFlatGraph(source, Metric::kL2, nullptr, codes, plan, options);
}

bool Same(const FlatGraph& a, const FlatGraph& b) {
  return a.degree == b.degree && a.entries == b.entries && a.links.size() == b.links.size() &&
         std::equal(a.links.data(), a.links.data() + a.links.size(), b.links.data());
}

TEST(GraphCheckpoint, ABuildGoesOnBitForBit) {
  for (const bool uneven : {false, true}) {  // without codes the projections are others
    const auto source = Rows(2000, 16, uneven);
    const FlatGraph whole = Build(*source, nullptr).value();
    const char* const stages[] = {"candidates, round 1", "candidates, round 2", "candidates, round 3", "links", "links both ways"};
    for (size_t stop = 1; stop <= 5; ++stop) {
      MemoryStore store;
      store.stop_after = stop;
      (void)Build(*source, &store);  // Cancelled, unless only the last step was left
      MemoryStore next;
      next.kept = store.kept;
      const FlatGraph resumed = Build(*source, &next).value();
      EXPECT_EQ(next.resumed, stages[stop - 1]);
      EXPECT_TRUE(Same(whole, resumed)) << next.resumed;
      EXPECT_EQ(next.writes, 5 - stop) << "what was done is not done again";
    }
  }
}

TEST(GraphCheckpoint, SeveralThreadsGoOnToASoundGraph) {
  const auto source = Rows(3000, 16);
  MemoryStore store;
  store.stop_after = 2;
  (void)Build(*source, &store, Plan(), 4);
  MemoryStore next;
  next.kept = store.kept;
  const FlatGraph graph = Build(*source, &next, Plan(), 4).value();
  EXPECT_EQ(next.resumed, "candidates, round 2");
  EXPECT_TRUE(graph.Validate(3000).ok());
}

TEST(GraphCheckpoint, ThatOfOtherRowsOrAnotherPlanIsRemoved) {
  const auto source = Rows(2000, 16);
  MemoryStore store;
  store.stop_after = 2;
  (void)Build(*source, &store);
  ASSERT_TRUE(store.kept.has_value());
  auto changed = std::make_shared<MemorySource>(VectorType::kFloat32, 16);
  for (size_t row = 0; row < 2000; ++row) changed->Add(source->Row(row == 1999 ? 0 : row));
  for (const auto& [rows, plan] : {std::pair(changed, Plan()), std::pair(source, Plan(4))}) {
    MemoryStore next(3600);
    next.kept = store.kept;
    const FlatGraph graph = Build(*rows, &next, plan).value();
    EXPECT_EQ(next.resumed, "");
    EXPECT_FALSE(next.kept.has_value());
    EXPECT_TRUE(Same(Build(*rows, nullptr, plan).value(), graph));
  }
}

TEST(GraphCheckpoint, ADamagedOneIsRemoved) {
  const auto source = Rows(600, 8);
  const FlatGraph whole = Build(*source, nullptr).value();
  std::mt19937 random(kSeed);
  for (const size_t stop : {size_t{1}, size_t{4}}) {
    MemoryStore store;
    store.stop_after = stop;
    (void)Build(*source, &store);
    const std::string kept = store.kept.value();
    for (int i = 0; i < 40; ++i) {
      MemoryStore next(3600);
      next.kept = kept;
      if (i % 8 == 7) {
        next.kept->resize(random() % kept.size());
      } else {
        const size_t at = i < 20 ? static_cast<size_t>(i * 4) : random() % kept.size();
        (*next.kept)[at] = static_cast<char>((*next.kept)[at] ^ (1 << (random() % 8)));
      }
      EXPECT_TRUE(Same(whole, Build(*source, &next).value()));
      EXPECT_EQ(next.resumed, "");
      EXPECT_FALSE(next.kept.has_value());
    }
  }
}

TEST(GraphCheckpoint, AShortBuildKeepsNoneAndAFullDiskStopsNone) {
  const auto source = Rows(2000, 16);
  MemoryStore usual(5);
  EXPECT_TRUE(Build(*source, &usual).ok());
  EXPECT_EQ(usual.writes, 0u);
  MemoryStore full;
  full.fails = true;
  EXPECT_TRUE(Build(*source, &full).ok());
  EXPECT_EQ(full.writes, 5u);
}

TEST(CheckpointClock, SpendsATwentiethOfTheTime) {
  using namespace std::chrono_literals;
  CheckpointClock clock(0.001);
  EXPECT_FALSE(clock.Due(uint64_t{1} << 34)) << "seventeen seconds, about: after 340";
  EXPECT_LT(clock.seconds_left(), 1);
  const auto now = std::chrono::steady_clock::now();
  clock.Wrote(1000, now - 1s, false);  // a millisecond a byte
  EXPECT_FALSE(clock.Due(1000));
  CheckpointClock refused(0.001);
  std::this_thread::sleep_for(20ms);
  refused.Wrote(1000, now, true);
  EXPECT_FALSE(refused.Due(1'000'000)) << "half as much time more a byte: half a minute";
  CheckpointClock always(0);
  EXPECT_TRUE(always.Due(uint64_t{1} << 40));
  EXPECT_GT(always.seconds_left(), 1e9);
}

}  // namespace
}  // namespace saker::index
