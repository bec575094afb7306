#include "embed/batcher/batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>

namespace saker::embed {
namespace {

using ::testing::HasSubstr;
using Sequences = std::vector<std::vector<int32_t>>;

// Answers {first id, length}; holds every pass back while the gate is closed, and remembers what it was given.
class FakeEncoder final : public Encoder {
 public:
  struct Log {
    Mutex mutex;
    CondVar changed;
    bool open GUARDED_BY(mutex) = true;
    int passes GUARDED_BY(mutex) = 0;  // while it is closed
    std::vector<PackedBatch> batches GUARDED_BY(mutex);
    size_t together GUARDED_BY(mutex) = 0;

    void SetOpen(bool value) {
      MutexLock lock(mutex);
      open = value;
      changed.NotifyAll();
    }
    // One of those that wait at the closed gate.
    void LetOnePass() {
      MutexLock lock(mutex);
      ++passes;
      changed.NotifyAll();
    }
    void AwaitBatches(size_t count) {
      MutexLock lock(mutex);
      while (batches.size() < count) changed.Wait(mutex);
    }
    std::vector<PackedBatch> Batches() {
      MutexLock lock(mutex);
      return batches;
    }
  };
  FakeEncoder(std::shared_ptr<Log> log, size_t lanes) : log_(std::move(log)), lanes_(lanes) {}
  size_t dim() const override { return 2; }
  size_t max_tokens() const override { return 100; }
  size_t max_batch_tokens() const override { return 100; }
  uint64_t memory_bytes() const override { return 0; }
  size_t lanes() const override { return lanes_; }
  Status EncodeTogether(const PackedBatch& batch, float* vectors) override {
    {
      MutexLock lock(log_->mutex);
      ++log_->together;
    }
    return Encode(batch, 0, vectors);
  }
  Status Encode(const PackedBatch& batch, size_t, float* vectors) override {
    MutexLock lock(log_->mutex);
    log_->batches.push_back(batch);
    log_->changed.NotifyAll();
    while (!log_->open && log_->passes == 0) log_->changed.Wait(log_->mutex);
    if (!log_->open) --log_->passes;
    for (size_t s = 0; s < batch.sequence_count(); ++s) {
      const int32_t first = batch.ids[batch.offsets[s]];
      if (first == kBroken) return Internal("broken");
      vectors[2 * s] = first == kNotFinite ? NAN : static_cast<float>(first);
      vectors[2 * s + 1] = static_cast<float>(batch.offsets[s + 1] - batch.offsets[s]);
    }
    return OkStatus();
  }
  static constexpr int32_t kBroken = -1;
  static constexpr int32_t kNotFinite = -2;

 private:
  const std::shared_ptr<Log> log_;
  const size_t lanes_;
};

class BatcherTest : public ::testing::Test {
 protected:
  void Start(const BatcherOptions& options, size_t lanes = 1) {
    batcher_ = std::make_unique<Batcher>(std::make_unique<FakeEncoder>(log_, lanes), options);
  }
  void TearDown() override {
    log_->SetOpen(true);
    batcher_.reset();
  }
  std::future<Result<std::vector<float>>> Send(Sequences sequences, Priority priority = Priority::kInteractive,
                                               Context context = Context()) {
    return std::async(std::launch::async, [batcher = batcher_.get(), sequences = std::move(sequences), priority, context]() mutable {
      return batcher->Embed(std::move(sequences), priority, context);
    });
  }
  // A closed gate with one pass inside: what is sent from now on waits in the queue.
  std::future<Result<std::vector<float>>> Block() {
    log_->SetOpen(false);
    const size_t before = log_->Batches().size();
    auto blocked = Send({{1000}});
    log_->AwaitBatches(before + 1);
    return blocked;
  }
  void AwaitQueued(double tokens) {
    const Gauge& gauge = GetGauge("saker_embed_queue_tokens", "", {{"model", kName}});
    while (gauge.value() < tokens) std::this_thread::yield();
  }
  static Sequences Texts(int32_t first, size_t count, size_t length) {
    Sequences sequences;
    for (size_t i = 0; i < count; ++i) {
      sequences.emplace_back(length, 7);
      sequences.back()[0] = first + static_cast<int32_t>(i);
    }
    return sequences;
  }

  static constexpr const char* kName = "fake";
  const std::shared_ptr<FakeEncoder::Log> log_ = std::make_shared<FakeEncoder::Log>();
  std::unique_ptr<Batcher> batcher_;
};

TEST_F(BatcherTest, EveryCallerGetsItsOwnVectors) {
  Start({.name = kName, .batch_tokens = 50});
  std::vector<std::future<Result<std::vector<float>>>> callers;
  for (int32_t c = 0; c < 20; ++c)
    callers.push_back(Send(Texts(c * 100, 9, 1 + static_cast<size_t>(c) % 5), c % 2 ? Priority::kBulk : Priority::kInteractive));
  for (int32_t c = 0; c < 20; ++c) {
    const auto vectors = callers[static_cast<size_t>(c)].get();
    ASSERT_TRUE(vectors.ok()) << vectors.status().ToString();
    ASSERT_EQ(vectors->size(), 18U);
    for (int32_t i = 0; i < 9; ++i) {
      EXPECT_EQ((*vectors)[2 * static_cast<size_t>(i)], static_cast<float>(c * 100 + i));
      EXPECT_EQ((*vectors)[2 * static_cast<size_t>(i) + 1], static_cast<float>(1 + c % 5));
    }
  }
  EXPECT_TRUE(batcher_->Embed({}, Priority::kBulk, Context()).value().empty());
}

TEST_F(BatcherTest, PacksWholeTextsOfSeveralCallersUpToTheBudget) {
  Start({.name = kName, .batch_tokens = 50});
  auto blocked = Block();
  auto a = Send(Texts(1, 3, 10));
  auto b = Send(Texts(11, 3, 10));
  AwaitQueued(61);
  log_->SetOpen(true);
  EXPECT_TRUE(a.get().ok() && b.get().ok() && blocked.get().ok());
  const std::vector<PackedBatch> batches = log_->Batches();
  ASSERT_EQ(batches.size(), 3U);
  EXPECT_EQ(batches[1].token_count(), 50U);
  EXPECT_EQ(batches[2].token_count(), 10U);
}

TEST_F(BatcherTest, ATextLongerThanTheBudgetRunsAlone) {
  Start({.name = kName, .batch_tokens = 50});
  EXPECT_TRUE(batcher_->Embed(Texts(1, 2, 90), Priority::kBulk, Context()).ok());
  EXPECT_EQ(log_->Batches().size(), 2U);
  EXPECT_THAT(batcher_->Embed(Texts(1, 1, 101), Priority::kBulk, Context()).status().message(),
              HasSubstr("101 tokens; the model takes 1 to 100"));
}

TEST_F(BatcherTest, QueriesGoBeforeBulkAndBulkKeepsItsFloor) {
  Start({.name = kName, .batch_tokens = 50, .bulk_floor = 0.2});
  auto blocked = Block();
  auto bulk = Send(Texts(1000, 100, 10), Priority::kBulk);
  AwaitQueued(1001);
  auto queries = Send(Texts(1, 100, 10), Priority::kInteractive);
  AwaitQueued(2001);
  log_->SetOpen(true);
  EXPECT_TRUE(bulk.get().ok() && queries.get().ok() && blocked.get().ok());
  size_t query_tokens = 0;
  size_t bulk_tokens = 0;
  for (const PackedBatch& batch : log_->Batches()) {
    for (size_t s = 0; s < batch.sequence_count(); ++s) {
      const bool is_bulk = batch.ids[batch.offsets[s]] >= 1000 && batch.offsets[s + 1] - batch.offsets[s] == 10;
      if (is_bulk && query_tokens < 1000) bulk_tokens += 10;
      if (!is_bulk && batch.offsets[s + 1] - batch.offsets[s] == 10) query_tokens += 10;
    }
  }
  // While queries ran, bulk had about a fifth of the tokens: 250 beside 1000.
  EXPECT_GE(bulk_tokens, 200U);
  EXPECT_LE(bulk_tokens, 300U);
}

TEST_F(BatcherTest, ASmallRequestDoesNotWaitForALargeOne) {
  Start({.name = kName, .batch_tokens = 50});
  auto blocked = Block();
  auto large = Send(Texts(1, 500, 20), Priority::kBulk);
  AwaitQueued(10001);
  auto small = Send(Texts(5000, 1, 20), Priority::kBulk);
  AwaitQueued(10021);
  log_->SetOpen(true);
  EXPECT_TRUE(small.get().ok() && large.get().ok());
  const std::vector<PackedBatch> batches = log_->Batches();
  const auto has_small = [](const PackedBatch& batch) { return std::find(batch.ids.begin(), batch.ids.end(), 5000) != batch.ids.end(); };
  const auto place = std::find_if(batches.begin(), batches.end(), has_small);
  EXPECT_LE(place - batches.begin(), 10) << "of " << batches.size();
}

TEST_F(BatcherTest, AFullQueueIsRefusedWithBothNumbers) {
  Start({.name = kName, .queue_limit_tokens = 100, .batch_tokens = 50});
  auto blocked = Block();
  auto fits = Send(Texts(1, 9, 10));
  AwaitQueued(91);
  const auto refused = batcher_->Embed(Texts(1, 2, 10), Priority::kInteractive, Context());
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.status().message(), HasSubstr("91 tokens wait, 20 more exceed its 100"));
  log_->SetOpen(true);
  EXPECT_TRUE(fits.get().ok());
  EXPECT_TRUE(batcher_->Embed(Texts(1, 10, 10), Priority::kInteractive, Context()).ok()) << "the queue is empty again";
}

TEST_F(BatcherTest, IdenticalTextsOfABatchAreComputedOnce) {
  Start({.name = kName, .batch_tokens = 50});
  auto blocked = Block();
  auto a = Send({{5, 6, 7}, {5, 6, 7}, {8}});
  AwaitQueued(8);
  auto b = Send({{5, 6, 7}});
  AwaitQueued(11);
  log_->SetOpen(true);
  EXPECT_EQ(a.get().value(), (std::vector<float>{5, 3, 5, 3, 8, 1}));
  EXPECT_EQ(b.get().value(), (std::vector<float>{5, 3}));
  EXPECT_EQ(log_->Batches().at(1).token_count(), 4U);
}

TEST_F(BatcherTest, ACallerWhoseDeadlinePassesIsAnsweredAndNotComputed) {
  Start({.name = kName, .batch_tokens = 50});
  auto blocked = Block();
  const Context soon(Context::Clock::now() + std::chrono::milliseconds(30));
  const auto late = batcher_->Embed(Texts(1, 3, 10), Priority::kInteractive, soon);
  EXPECT_EQ(late.status().code(), StatusCode::kDeadlineExceeded);
  log_->SetOpen(true);
  EXPECT_TRUE(blocked.get().ok());
  EXPECT_TRUE(batcher_->Embed(Texts(50, 1, 5), Priority::kBulk, Context()).ok());
  EXPECT_EQ(log_->Batches().size(), 2U);
  EXPECT_EQ(batcher_->Embed(Texts(1, 1, 1), Priority::kBulk, soon).status().code(), StatusCode::kDeadlineExceeded);
}

TEST_F(BatcherTest, ACancelledCallerIsAnsweredEvenWhileItsBatchRuns) {
  Start({.name = kName, .batch_tokens = 50});
  log_->SetOpen(false);
  Context context;
  auto running = Send(Texts(1, 3, 10), Priority::kInteractive, context);
  log_->AwaitBatches(1);
  context.Cancel();
  EXPECT_EQ(running.get().status().code(), StatusCode::kCancelled);
  log_->SetOpen(true);
  EXPECT_TRUE(batcher_->Embed(Texts(50, 1, 5), Priority::kBulk, Context()).ok());
}

TEST_F(BatcherTest, AValueThatIsNotFiniteFailsItsOwnRequestOnly) {
  Start({.name = kName, .batch_tokens = 50});
  auto blocked = Block();
  auto bad = Send({{3}, {FakeEncoder::kNotFinite}});
  auto good = Send({{4}});
  AwaitQueued(4);
  log_->SetOpen(true);
  EXPECT_THAT(bad.get().status().message(), HasSubstr("not finite for text 1"));
  EXPECT_TRUE(good.get().ok());
  EXPECT_EQ(batcher_->Embed({{FakeEncoder::kBroken}}, Priority::kBulk, Context()).status().code(), StatusCode::kInternal);
  EXPECT_TRUE(batcher_->Embed({{4}}, Priority::kBulk, Context()).ok());
}

TEST_F(BatcherTest, LanesShareTheQueueAndALoneTextGetsThemAll) {
  Start({.name = kName, .batch_tokens = 50}, 3);
  EXPECT_TRUE(batcher_->Embed(Texts(1, 1, 10), Priority::kInteractive, Context()).ok());
  {
    MutexLock lock(log_->mutex);
    EXPECT_EQ(log_->together, 1U);
  }
  log_->SetOpen(false);
  auto many = Send(Texts(1, 50, 10), Priority::kBulk);
  log_->AwaitBatches(4);  // the three lanes at once, while the gate is closed
  auto query = Send(Texts(5000, 1, 10));
  AwaitQueued(510);
  log_->LetOnePass();
  log_->AwaitBatches(5);
  const PackedBatch next = log_->Batches()[4];
  EXPECT_NE(std::find(next.ids.begin(), next.ids.end(), 5000), next.ids.end()) << "the next lane that was free took the query first";
  log_->SetOpen(true);
  const auto vectors = many.get();
  ASSERT_TRUE(vectors.ok() && query.get().ok());
  for (size_t i = 0; i < 50; ++i) EXPECT_EQ((*vectors)[2 * i], static_cast<float>(1 + i));
}

TEST_F(BatcherTest, ShuttingDownAnswersWhoWaits) {
  Start({.name = kName, .batch_tokens = 50});
  auto blocked = Block();
  auto waiting = Send(Texts(1, 3, 10));
  AwaitQueued(31);
  std::thread opener([this] { log_->SetOpen(true); });
  batcher_.reset();
  opener.join();
  EXPECT_TRUE(blocked.get().ok());
  const Status status = waiting.get().status();
  EXPECT_TRUE(status.ok() || status.code() == StatusCode::kUnavailable) << status.ToString();
}

}  // namespace
}  // namespace saker::embed
