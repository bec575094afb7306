// Packs the texts of concurrent callers into forward passes, on one thread a lane of the model.
//
// A batch is formed when a lane is free, of whatever waits: no timer. A text that comes while the model is idle is
// computed by all lanes together. Interactive requests go first; bulk keeps a
// floor of the tokens. Requests of one class take turns, so that a large one does not hold up a small one. Identical
// texts in one batch are computed once. Callers whose deadline passed or who cancelled are dropped before their turn.
//
// Thread-safe. The destructor refuses new work, fails what waits with Unavailable and returns when every caller has left.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/context.h"
#include "common/metrics.h"
#include "common/mutex.h"
#include "common/result.h"
#include "embed/embedder.h"
#include "embed/model/encoder.h"

namespace saker::embed {

struct BatcherOptions {
  std::string name;                     // label of the metrics
  size_t queue_limit_tokens = 1 << 20;  // waiting and running
  size_t batch_tokens = 256;            // of one forward pass; a single longer text is run alone
  double bulk_floor = 0.2;              // share of tokens that bulk gets while interactive work never ends
};

class Batcher {
 public:
  Batcher(std::unique_ptr<Encoder> encoder, const BatcherOptions& options);
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // Blocks until every sequence has its vector: sequences.size() x dim floats. ResourceExhausted when the queue is full,
  // DeadlineExceeded, Cancelled, Unavailable while shutting down, Internal when the model gave a value that is not finite.
  Result<std::vector<float>> Embed(std::vector<std::vector<int32_t>> sequences, Priority priority, const Context& context) EXCLUDES(mutex_);

  const Encoder& encoder() const { return *encoder_; }

 private:
  struct Request;
  using RequestPtr = std::shared_ptr<Request>;
  using Queue = std::deque<RequestPtr>;
  struct Batch;
  struct Metrics {
    explicit Metrics(const std::string& model);
    Gauge& queue_tokens;
    Counter& texts;
    Counter& tokens;
    Counter& duplicates;
    Counter& rejected_full;
    Counter& dropped;
    Histogram& batch_tokens;
    Histogram& batch_texts;
    Histogram& queue_seconds;
    Histogram& forward_seconds;
    Histogram& seconds;
  };

  Status Await(const RequestPtr& request) REQUIRES(mutex_);
  void Loop(size_t lane) EXCLUDES(mutex_);
  bool MayTakeWork() const REQUIRES(mutex_);
  bool FewTextsWait() const REQUIRES(mutex_);
  Batch FormBatch() REQUIRES(mutex_);
  void TakeFrom(Queue& queue, size_t budget, Batch* batch) REQUIRES(mutex_);
  size_t TakeTurn(const RequestPtr& request, size_t budget, Batch* batch) REQUIRES(mutex_);
  void DropDone(Queue& queue) REQUIRES(mutex_);
  void Finish(Request& request, Status status) REQUIRES(mutex_);
  enum class Mode { kOneLane, kTogether };
  void Run(Batch& batch, size_t lane, Mode mode) EXCLUDES(mutex_);

  const std::unique_ptr<Encoder> encoder_;
  const BatcherOptions options_;
  Metrics metrics_;
  Mutex mutex_;
  CondVar wake_;
  CondVar left_;  // a caller, while stopping
  Queue interactive_ GUARDED_BY(mutex_);
  Queue bulk_ GUARDED_BY(mutex_);
  size_t queued_tokens_ GUARDED_BY(mutex_) = 0;
  double bulk_credit_ GUARDED_BY(mutex_) = 0;
  size_t running_lanes_ GUARDED_BY(mutex_) = 0;
  bool together_ GUARDED_BY(mutex_) = false;  // one batch has all lanes
  size_t callers_ GUARDED_BY(mutex_) = 0;     // inside Embed
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace saker::embed
