#include "embed/batcher/batcher.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <pthread.h>

namespace saker::embed {
namespace {

using Clock = Context::Clock;

constexpr size_t kTurnTokens = 256;  // what one request may take before the next of its class has its turn
constexpr size_t kMaxSkips = 16;     // requests that a batch may pass over because their next text does not fit
constexpr auto kCancelPoll = std::chrono::milliseconds(20);

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<double> PowersOfTwo(int count) {
  std::vector<double> bounds;
  for (int i = 0; i < count; ++i) bounds.push_back(std::ldexp(1.0, i));
  return bounds;
}

}  // namespace

struct Batcher::Request {
  std::vector<std::vector<int32_t>> sequences;
  Priority priority;
  Context context;
  Clock::time_point arrived;
  std::vector<float> vectors;  // written by the batcher's thread until `finished`
  size_t tokens_left = 0;      // not yet computed: what it holds of the queue
  size_t next = 0;             // first sequence that no batch has taken
  size_t computed = 0;
  bool finished = false;
  Status status;
  CondVar done;
};

struct Batcher::Batch {
  struct Target {
    RequestPtr request;
    size_t index;     // of the sequence in its request
    size_t sequence;  // of the packed batch
  };
  PackedBatch packed;
  std::vector<Target> targets;
  std::unordered_map<std::string_view, size_t> known;  // ids of a sequence, as bytes of the request that owns them
};

Batcher::Metrics::Metrics(const std::string& model)
    : queue_tokens(GetGauge("saker_embed_queue_tokens", "Tokens waiting or running.", {{"model", model}})),
      texts(GetCounter("saker_embed_texts_total", "Texts embedded.", {{"model", model}})),
      tokens(GetCounter("saker_embed_tokens_total", "Tokens of the texts embedded, special tokens included.", {{"model", model}})),
      duplicates(GetCounter("saker_embed_duplicate_texts_total", "Texts answered by an identical one of their batch.", {{"model", model}})),
      rejected_full(GetCounter("saker_embed_rejected_total", "Requests refused.", {{"model", model}, {"reason", "queue_full"}})),
      dropped(GetCounter("saker_embed_rejected_total", "Requests refused.", {{"model", model}, {"reason", "deadline_or_cancelled"}})),
      batch_tokens(GetHistogram("saker_embed_batch_tokens", "Tokens of a forward pass.", PowersOfTwo(16), {{"model", model}})),
      batch_texts(GetHistogram("saker_embed_batch_size", "Texts of a forward pass.", PowersOfTwo(12), {{"model", model}})),
      queue_seconds(
          GetHistogram("saker_embed_queue_seconds", "Wait of a request for its first batch.", LatencySecondsBuckets(), {{"model", model}})),
      forward_seconds(GetHistogram("saker_embed_forward_seconds", "One forward pass.", LatencySecondsBuckets(), {{"model", model}})),
      seconds(GetHistogram("saker_embed_seconds", "A request from arrival to its vectors.", LatencySecondsBuckets(), {{"model", model}})) {}

Batcher::Batcher(std::unique_ptr<Encoder> encoder, const BatcherOptions& options)
    : encoder_(std::move(encoder)), options_(options), metrics_(options.name) {
  for (size_t lane = 0; lane < encoder_->lanes(); ++lane) {
    threads_.emplace_back([this, lane] { Loop(lane); });
    pthread_setname_np(threads_.back().native_handle(), ("embed " + options_.name).substr(0, 15).c_str());
  }
}

Batcher::~Batcher() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
  MutexLock lock(mutex_);
  while (callers_ > 0) left_.Wait(mutex_);
}

Result<std::vector<float>> Batcher::Embed(std::vector<std::vector<int32_t>> sequences, Priority priority, const Context& context) {
  auto request = std::make_shared<Request>();
  for (const auto& sequence : sequences) {
    if (sequence.empty() || sequence.size() > encoder_->max_tokens()) {
      return InvalidArgument("a sequence of ", sequence.size(), " tokens; the model takes 1 to ", encoder_->max_tokens());
    }
    request->tokens_left += sequence.size();
  }
  if (sequences.empty()) return std::vector<float>();
  request->vectors.resize(sequences.size() * encoder_->dim());
  request->sequences = std::move(sequences);
  request->priority = priority;
  request->context = context;
  request->arrived = Clock::now();

  MutexLock lock(mutex_);
  if (stopping_) return Unavailable("the model ", options_.name, " is shutting down");
  TRY(context.Check());
  if (queued_tokens_ + request->tokens_left > options_.queue_limit_tokens) {
    metrics_.rejected_full.Add();
    return ResourceExhausted("the queue of the model ", options_.name, " is full: ", queued_tokens_, " tokens wait, ", request->tokens_left,
                             " more exceed its ", options_.queue_limit_tokens);
  }
  queued_tokens_ += request->tokens_left;
  metrics_.queue_tokens.Set(static_cast<double>(queued_tokens_));
  (priority == Priority::kInteractive ? interactive_ : bulk_).push_back(request);
  wake_.NotifyAll();  // lanes, if there is enough for several
  ++callers_;
  const Status status = Await(request);
  if (--callers_ == 0 && stopping_) left_.NotifyAll();
  if (!status.ok()) return status;
  metrics_.seconds.Observe(SecondsSince(request->arrived));
  return std::move(request->vectors);
}

// Cancellation has no signal of its own, so it is looked for now and then.
Status Batcher::Await(const RequestPtr& request) {
  const Context& context = request->context;
  while (!request->finished) {
    const bool woken = request->done.WaitUntil(mutex_, std::min(context.deadline(), Clock::now() + kCancelPoll));
    if (woken || request->finished || !context.Done()) continue;
    Queue& queue = request->priority == Priority::kInteractive ? interactive_ : bulk_;
    queue.erase(std::remove(queue.begin(), queue.end(), request), queue.end());
    metrics_.dropped.Add();
    Finish(*request, context.Check());
  }
  return request->status;
}

void Batcher::Finish(Request& request, Status status) {
  if (request.finished) return;
  queued_tokens_ -= request.tokens_left;
  request.tokens_left = 0;
  metrics_.queue_tokens.Set(static_cast<double>(queued_tokens_));
  request.finished = true;
  request.status = std::move(status);
  request.done.NotifyAll();
}

// Also drops requests that failed in a batch while more of their texts waited.
void Batcher::DropDone(Queue& queue) {
  for (auto place = queue.begin(); place != queue.end();) {
    if ((*place)->finished) {
      place = queue.erase(place);
      continue;
    }
    const Status status = (*place)->context.Check();
    if (status.ok()) {
      ++place;
      continue;
    }
    metrics_.dropped.Add();
    Finish(**place, status);
    place = queue.erase(place);
  }
}

// Takes sequences of one request, at most a turn's worth and what fits into the budget; returns how many.
size_t Batcher::TakeTurn(const RequestPtr& request, size_t budget, Batch* batch) {
  const size_t limit = std::min(budget, batch->packed.token_count() + kTurnTokens);
  size_t taken = 0;
  for (; request->next < request->sequences.size(); ++taken) {
    const std::vector<int32_t>& ids = request->sequences[request->next];
    const std::string_view key(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(int32_t));
    const auto known = batch->known.find(key);
    if (known == batch->known.end()) {
      const bool alone = batch->packed.token_count() == 0;  // a text longer than the budget still has its turn
      if (!alone && batch->packed.token_count() + ids.size() > (taken == 0 ? budget : limit)) break;
      batch->known.emplace(key, batch->packed.sequence_count());
      batch->targets.push_back({request, request->next, batch->packed.sequence_count()});
      batch->packed.Add(ids);
    } else {
      batch->targets.push_back({request, request->next, known->second});
      metrics_.duplicates.Add();
    }
    if (request->next++ == 0) metrics_.queue_seconds.Observe(SecondsSince(request->arrived));
  }
  return taken;
}

// Goes round the requests until the budget is full or a whole round took nothing.
void Batcher::TakeFrom(Queue& queue, size_t budget, Batch* batch) {
  Queue passed;  // their next text did not fit; they keep their place
  while (!queue.empty() && batch->packed.token_count() < budget && passed.size() < kMaxSkips) {
    RequestPtr request = std::move(queue.front());
    queue.pop_front();
    const size_t taken = TakeTurn(request, budget, batch);
    if (request->next == request->sequences.size()) continue;  // waits for its vectors, no longer for its turn
    (taken == 0 ? passed : queue).push_back(std::move(request));
  }
  queue.insert(queue.begin(), passed.begin(), passed.end());
}

// Bulk earns credit for its floor while interactive work runs, and spends it on whole texts.
Batcher::Batch Batcher::FormBatch() {
  DropDone(interactive_);
  DropDone(bulk_);
  Batch batch;
  const bool contended = !interactive_.empty() && !bulk_.empty();
  if (!contended) bulk_credit_ = 0;
  size_t bulk_tokens = 0;
  if (contended && bulk_credit_ >= static_cast<double>(bulk_.front()->sequences[bulk_.front()->next].size())) {
    TakeFrom(bulk_, std::min(options_.batch_tokens, static_cast<size_t>(bulk_credit_)), &batch);
    bulk_tokens = batch.packed.token_count();
  }
  TakeFrom(interactive_, options_.batch_tokens, &batch);
  if (contended) {
    const double all = static_cast<double>(std::max(batch.packed.token_count(), options_.batch_tokens));
    bulk_credit_ += all * options_.bulk_floor - static_cast<double>(bulk_tokens);
  }
  TakeFrom(bulk_, options_.batch_tokens, &batch);
  return batch;
}

void Batcher::Run(Batch& batch, size_t lane, Mode mode) {
  const auto start = Clock::now();
  const size_t dim = encoder_->dim();
  std::vector<float> vectors(batch.packed.sequence_count() * dim);
  const Status status = mode == Mode::kTogether ? encoder_->EncodeTogether(batch.packed, vectors.data())
                                                : encoder_->Encode(batch.packed, lane, vectors.data());
  metrics_.forward_seconds.Observe(SecondsSince(start));
  metrics_.batch_tokens.Observe(static_cast<double>(batch.packed.token_count()));
  metrics_.batch_texts.Observe(static_cast<double>(batch.packed.sequence_count()));
  for (const Batch::Target& target : batch.targets) {
    std::copy_n(vectors.begin() + target.sequence * dim, dim, target.request->vectors.begin() + target.index * dim);
  }

  MutexLock lock(mutex_);
  for (const Batch::Target& target : batch.targets) {
    Request& request = *target.request;
    if (request.finished) continue;  // its caller left
    const float* vector = vectors.data() + target.sequence * dim;
    if (!status.ok()) {
      Finish(request, status);
    } else if (!std::all_of(vector, vector + dim, [](float x) { return std::isfinite(x); })) {
      Finish(request, Internal("the model ", options_.name, " gave a value that is not finite for text ", target.index));
    } else {
      const size_t tokens = request.sequences[target.index].size();
      request.tokens_left -= tokens;
      queued_tokens_ -= tokens;
      metrics_.texts.Add();
      metrics_.tokens.Add(static_cast<double>(tokens));
      if (++request.computed == request.sequences.size()) Finish(request, OkStatus());
    }
  }
  metrics_.queue_tokens.Set(static_cast<double>(queued_tokens_));
}

bool Batcher::MayTakeWork() const {
  return !together_ && !(interactive_.empty() && bulk_.empty());
}

// So few that lanes would stand idle if each text went to one.
bool Batcher::FewTextsWait() const {
  const size_t few = encoder_->lanes() / 2;
  size_t waiting = 0;
  for (const Queue* queue : {&interactive_, &bulk_}) {
    for (const RequestPtr& request : *queue) {
      waiting += request->sequences.size() - request->next;
      if (waiting > few) return false;
    }
  }
  return true;
}

void Batcher::Loop(size_t lane) {
  MutexLock lock(mutex_);
  for (;;) {
    while (!stopping_ && !MayTakeWork()) wake_.Wait(mutex_);
    if (stopping_) break;
    const Mode mode = running_lanes_ == 0 && encoder_->lanes() > 1 && FewTextsWait() ? Mode::kTogether : Mode::kOneLane;
    Batch batch = FormBatch();
    if (batch.targets.empty()) continue;
    ++running_lanes_;
    together_ = mode == Mode::kTogether;
    mutex_.Unlock();
    Run(batch, lane, mode);
    mutex_.Lock();
    --running_lanes_;
    if (std::exchange(together_, false)) wake_.NotifyAll();
  }
  for (Queue* queue : {&interactive_, &bulk_}) {
    for (const RequestPtr& request : *queue) Finish(*request, Unavailable("the model ", options_.name, " is shutting down"));
    queue->clear();
  }
}

}  // namespace saker::embed
