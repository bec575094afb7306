#include "embed/model/bert.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/aligned_buffer.h"
#include "embed/kernels/kernels.h"
#include "embed/model/bert_weights.h"
#include "embed/model/team.h"

namespace saker::embed {
namespace {

// Who carries a batch: one thread alone (count 1, no barrier) or the whole team, in the workspace of one lane.
struct Worker {
  size_t index = 0;
  size_t count = 1;
  size_t lane = 0;  // whose scratch and product handles this thread uses
  SpinBarrier* barrier = nullptr;

  void Sync() const {
    if (barrier != nullptr) barrier->Wait();
  }
  size_t Begin(size_t total) const { return total * index / count; }
  size_t End(size_t total) const { return total * (index + 1) / count; }
};

// The activations of one lane. Rows of every matrix are tokens; some rows beyond the batch are computed and ignored,
// because products run on multiples of kRowQuantum rows.
struct Workspace {
  AlignedBuffer memory;
  float* hidden = nullptr;   // the residual stream, fp32
  uint16_t* bf16 = nullptr;  // its copy, bf16 backends only
  // Of the backend's type:
  std::byte* qkv = nullptr;      // [query | key | value]
  std::byte* context = nullptr;  // the heads' outputs
  std::byte* ffn = nullptr;
  float* scratch = nullptr;  // attention's

  // The products' input: the residual stream itself, or its bf16 copy.
  const void* input() const { return bf16 != nullptr ? static_cast<const void*>(bf16) : hidden; }
};

class BertEncoder final : public Encoder {
 public:
  static Result<std::unique_ptr<Encoder>> Create(const ModelConfig& config, const Checkpoint& checkpoint,
                                                 std::unique_ptr<LinearBackend> backend, const BertOptions& options) {
    std::unique_ptr<BertEncoder> encoder(new BertEncoder(config, std::move(backend), options));
    encoder->weights_ = TRY(ReadBertWeights(config, checkpoint, *encoder->backend_));
    for (Workspace& lane : encoder->lanes_) TRY(encoder->AllocateWorkspace(&lane));
    return std::unique_ptr<Encoder>(std::move(encoder));
  }

  size_t dim() const override { return hidden_; }
  size_t max_tokens() const override { return static_cast<size_t>(config_.max_tokens); }
  size_t max_batch_tokens() const override { return max_batch_tokens_; }
  size_t lanes() const override { return lanes_.size(); }
  uint64_t memory_bytes() const override;
  Status Encode(const PackedBatch& batch, size_t lane, float* vectors) override;
  Status EncodeTogether(const PackedBatch& batch, float* vectors) override;

 private:
  BertEncoder(const ModelConfig& config, std::unique_ptr<LinearBackend> backend, const BertOptions& options)
      : config_(config),
        hidden_(static_cast<size_t>(config.hidden_size)),
        heads_(static_cast<size_t>(config.head_count)),
        head_dim_(hidden_ / heads_),
        intermediate_(static_cast<size_t>(config.intermediate_size)),
        max_batch_tokens_(std::max(options.max_batch_tokens, static_cast<size_t>(config.max_tokens))),
        kernels_(KernelsFor(BestIsa())),
        backend_(std::move(backend)),
        lanes_(options.lanes),
        team_(options.lanes, "embed " + options.name),
        barrier_(static_cast<uint32_t>(options.lanes)) {}

  Status AllocateWorkspace(Workspace* lane);
  Status CheckBatch(const PackedBatch& batch) const;
  void Run(const PackedBatch& batch, Workspace& space, const Worker& worker, float* vectors);
  void Embed(const PackedBatch& batch, Workspace& space, const Worker& worker);
  void Attend(const PackedBatch& batch, const Workspace& space, const Worker& worker);
  template <typename T>
  void AttendHead(const PackedBatch& batch, const Workspace& space, size_t sequence, size_t head, size_t lane);
  void Multiply(const Linear& linear, const void* x, size_t rows, const Worker& worker, void* y) const;
  void Normalize(const NormWeights& norm, size_t rows, Workspace& space, const Worker& worker);
  void Pool(const PackedBatch& batch, const Workspace& space, const Worker& worker, float* vectors);
  void AddWord(int32_t id, float* row) const;

  const ModelConfig config_;
  const size_t hidden_, heads_, head_dim_, intermediate_, max_batch_tokens_;
  const Kernels& kernels_;
  const std::unique_ptr<LinearBackend> backend_;  // before weights_: the linears point into it
  BertWeights weights_;
  std::vector<Workspace> lanes_;
  Team team_;
  SpinBarrier barrier_;
};

Status BertEncoder::AllocateWorkspace(Workspace* lane) {
  const size_t rows = (max_batch_tokens_ + kRowQuantum - 1) / kRowQuantum * kRowQuantum;
  const size_t width = backend_->bf16() ? 2 : 4;
  size_t total = 0;
  const auto reserve = [&](size_t bytes) {
    const size_t at = total;
    total += (bytes + 63) / 64 * 64;
    return at;
  };
  const size_t hidden_at = reserve(rows * hidden_ * sizeof(float));
  const size_t bf16_at = reserve(backend_->bf16() ? rows * hidden_ * 2 : 0);
  const size_t qkv_at = reserve(rows * 3 * hidden_ * width);
  const size_t context_at = reserve(rows * hidden_ * width);
  const size_t ffn_at = reserve(rows * intermediate_ * width);
  const size_t scratch_at = reserve(AttentionScratchFloats(max_tokens(), head_dim_) * sizeof(float));
  lane->memory = TRY(AlignedBuffer::Allocate(total));
  std::byte* base = lane->memory.data();
  lane->hidden = reinterpret_cast<float*>(base + hidden_at);
  lane->bf16 = backend_->bf16() ? reinterpret_cast<uint16_t*>(base + bf16_at) : nullptr;
  lane->qkv = base + qkv_at;
  lane->context = base + context_at;
  lane->ffn = base + ffn_at;
  lane->scratch = reinterpret_cast<float*>(base + scratch_at);
  return OkStatus();
}

Status BertEncoder::CheckBatch(const PackedBatch& batch) const {
  if (batch.token_count() > max_batch_tokens_)
    return InvalidArgument("a batch of ", batch.token_count(), " tokens; at most ", max_batch_tokens_);
  for (size_t s = 0; s < batch.sequence_count(); ++s) {
    const size_t length = batch.offsets[s + 1] - batch.offsets[s];
    if (length == 0 || length > max_tokens()) return InvalidArgument("sequence ", s, " has ", length, " tokens, not 1 to ", max_tokens());
  }
  for (const int32_t id : batch.ids) {
    if (id < 0 || id >= config_.vocab_size) return InvalidArgument("token id ", id, " is not 0 to ", config_.vocab_size - 1);
  }
  for (const uint8_t type : batch.type_ids) {
    if (type >= config_.type_count) return InvalidArgument("token type ", int{type}, " is not 0 to ", config_.type_count - 1);
  }
  return OkStatus();
}

uint64_t BertEncoder::memory_bytes() const {
  return backend_->memory_bytes() + weights_.memory_bytes() + lanes_.size() * lanes_[0].memory.size();
}

Status BertEncoder::Encode(const PackedBatch& batch, size_t lane, float* vectors) {
  TRY(CheckBatch(batch));
  if (batch.sequence_count() > 0) Run(batch, lanes_[lane], {.lane = lane}, vectors);
  return OkStatus();
}

Status BertEncoder::EncodeTogether(const PackedBatch& batch, float* vectors) {
  if (lanes_.size() == 1) return Encode(batch, 0, vectors);
  TRY(CheckBatch(batch));
  if (batch.sequence_count() == 0) return OkStatus();
  team_.Run(
      [&](size_t index) { Run(batch, lanes_[0], {.index = index, .count = lanes_.size(), .lane = index, .barrier = &barrier_}, vectors); });
  return OkStatus();
}

void BertEncoder::Run(const PackedBatch& batch, Workspace& space, const Worker& worker, float* vectors) {
  const size_t rows = batch.token_count();
  Embed(batch, space, worker);
  Normalize(weights_.embedding_norm, rows, space, worker);
  for (const BertLayer& layer : weights_.layers) {
    Multiply(*layer.qkv, space.input(), rows, worker, space.qkv);
    Attend(batch, space, worker);
    Multiply(*layer.attention_out, space.context, rows, worker, space.hidden);
    Normalize(layer.attention_norm, rows, space, worker);
    Multiply(*layer.ffn_in, space.input(), rows, worker, space.ffn);
    Multiply(*layer.ffn_out, space.ffn, rows, worker, space.hidden);
    Normalize(layer.ffn_norm, rows, space, worker);
  }
  Pool(batch, space, worker, vectors);
}

void BertEncoder::AddWord(int32_t id, float* row) const {
  const size_t width = DTypeBytes(weights_.words_type);
  const Tensor word{.name = {},
                    .dtype = weights_.words_type,
                    .shape = {},
                    .bytes = std::span(weights_.words).subspan(id * hidden_ * width, hidden_ * width)};
  ReadAsFloat(word, 0, hidden_, row);
}

void BertEncoder::Embed(const PackedBatch& batch, Workspace& space, const Worker& worker) {
  const size_t begin = worker.Begin(batch.token_count());
  const size_t end = worker.End(batch.token_count());
  for (size_t s = 0; s < batch.sequence_count(); ++s) {
    const size_t first = batch.offsets[s];
    for (size_t row = std::max<size_t>(begin, first); row < std::min<size_t>(end, batch.offsets[s + 1]); ++row) {
      float* x = space.hidden + row * hidden_;
      AddWord(batch.ids[row], x);
      const float* type = weights_.types.data() + (batch.type_ids.empty() ? 0 : batch.type_ids[row]) * hidden_;
      const float* place = weights_.positions.data() + (row - first) * hidden_;
      for (size_t i = 0; i < hidden_; ++i) x[i] += type[i] + place[i];
    }
  }
}

// The rows that this thread embedded, or that all wrote before the last barrier.
void BertEncoder::Normalize(const NormWeights& norm, size_t rows, Workspace& space, const Worker& worker) {
  const size_t begin = worker.Begin(rows);
  const size_t count = worker.End(rows) - begin;
  uint16_t* bf16 = space.bf16 == nullptr ? nullptr : space.bf16 + begin * hidden_;
  kernels_.layer_norm(space.hidden + begin * hidden_, norm.gamma.data(), norm.beta.data(), config_.layer_norm_epsilon, count, hidden_,
                      bf16);
  worker.Sync();
}

void BertEncoder::Multiply(const Linear& linear, const void* x, size_t rows, const Worker& worker, void* y) const {
  if (worker.count == 1) return linear.Run(x, rows, worker.lane, y);
  for (size_t part = worker.Begin(backend_->parts()); part < worker.End(backend_->parts()); ++part) {
    linear.RunPart(x, rows, part, worker.lane, y);
  }
  worker.Sync();
}

template <typename T>
void BertEncoder::AttendHead(const PackedBatch& batch, const Workspace& space, size_t sequence, size_t head, size_t lane) {
  const size_t width = 3 * hidden_;
  const size_t row = batch.offsets[sequence];
  BasicAttentionCall<T> call = {};
  call.q = reinterpret_cast<const T*>(space.qkv) + row * width + head * head_dim_;
  call.k = call.q + hidden_;
  call.v = call.k + hidden_;
  call.stride = width;
  call.tokens = batch.offsets[sequence + 1] - row;
  call.head_dim = head_dim_;
  call.scale = 1.0F / std::sqrt(static_cast<float>(head_dim_));
  call.q_end = call.tokens;
  call.out = reinterpret_cast<T*>(space.context) + row * hidden_ + head * head_dim_;
  call.out_stride = hidden_;
  call.scratch = lanes_[lane].scratch;
  if constexpr (sizeof(T) == sizeof(float)) {
    kernels_.attention(call);
  } else {
    kernels_.attention_bf16(call);
  }
}

void BertEncoder::Attend(const PackedBatch& batch, const Workspace& space, const Worker& worker) {
  const size_t total = batch.sequence_count() * heads_;
  for (size_t item = worker.Begin(total); item < worker.End(total); ++item) {
    if (backend_->bf16()) {
      AttendHead<uint16_t>(batch, space, item / heads_, item % heads_, worker.lane);
    } else {
      AttendHead<float>(batch, space, item / heads_, item % heads_, worker.lane);
    }
  }
  worker.Sync();
}

void BertEncoder::Pool(const PackedBatch& batch, const Workspace& space, const Worker& worker, float* vectors) {
  for (size_t s = worker.index; s < batch.sequence_count(); s += worker.count) {
    const size_t length = batch.offsets[s + 1] - batch.offsets[s];
    float* out = vectors + s * hidden_;
    const float* x = space.hidden + batch.offsets[s] * hidden_;
    std::copy_n(x, hidden_, out);
    if (config_.pooling == Pooling::kMean) {
      for (size_t r = 1; r < length; ++r) {
        for (size_t i = 0; i < hidden_; ++i) out[i] += x[r * hidden_ + i];
      }
      for (size_t i = 0; i < hidden_; ++i) out[i] /= static_cast<float>(length);
    }
    if (!config_.normalize) continue;
    double squares = 0;
    for (size_t i = 0; i < hidden_; ++i) squares += static_cast<double>(out[i]) * out[i];
    const float scale = static_cast<float>(1 / std::max(std::sqrt(squares), 1e-12));
    for (size_t i = 0; i < hidden_; ++i) out[i] *= scale;
  }
}

}  // namespace

Result<std::unique_ptr<Encoder>> MakeBertEncoder(const ModelConfig& config, const Checkpoint& checkpoint,
                                                 std::unique_ptr<LinearBackend> backend, const BertOptions& options) {
  return BertEncoder::Create(config, checkpoint, std::move(backend), options);
}

}  // namespace saker::embed
