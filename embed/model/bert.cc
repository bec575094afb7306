#include "embed/model/bert.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "common/aligned_buffer.h"
#include "embed/kernels/kernels.h"
#include "embed/model/bert_weights.h"
#include "embed/model/team.h"

namespace saker::embed {
namespace {

// Sequences that one thread, or all together, carry through the model; rows are theirs alone in the workspace.
struct Group {
  std::vector<uint32_t> sequences;
  std::vector<size_t> rows;  // first row of each sequence in the workspace
  size_t first_row = 0;
  size_t row_count = 0;
};

// Who runs a group: one thread alone (count 1, no barrier) or the whole team.
struct Worker {
  size_t index = 0;  // in the group
  size_t count = 1;
  size_t thread = 0;  // in the team: whose scratch is used
  SpinBarrier* barrier = nullptr;

  void Sync() const {
    if (barrier != nullptr) barrier->Wait();
  }
  size_t Begin(size_t total) const { return total * index / count; }
  size_t End(size_t total) const { return total * (index + 1) / count; }
};

class BertEncoder final : public Encoder {
 public:
  static Result<std::unique_ptr<Encoder>> Create(const ModelConfig& config, const Checkpoint& checkpoint,
                                                 std::unique_ptr<LinearBackend> backend, const BertOptions& options) {
    std::unique_ptr<BertEncoder> encoder(new BertEncoder(config, std::move(backend), options));
    encoder->weights_ = TRY(ReadBertWeights(config, checkpoint, *encoder->backend_));
    TRY(encoder->AllocateWorkspace());
    return std::unique_ptr<Encoder>(std::move(encoder));
  }

  size_t dim() const override { return hidden_; }
  size_t max_tokens() const override { return static_cast<size_t>(config_.max_tokens); }
  size_t max_batch_tokens() const override { return max_batch_tokens_; }
  uint64_t memory_bytes() const override { return backend_->memory_bytes() + weights_.memory_bytes() + workspace_.size(); }
  Status Encode(const PackedBatch& batch, float* vectors) override;

 private:
  static constexpr size_t kGroupRowQuantum = 64;  // groups begin here, so that rounded-up rows never reach the next group

  BertEncoder(const ModelConfig& config, std::unique_ptr<LinearBackend> backend, const BertOptions& options)
      : config_(config),
        hidden_(static_cast<size_t>(config.hidden_size)),
        heads_(static_cast<size_t>(config.head_count)),
        head_dim_(hidden_ / heads_),
        intermediate_(static_cast<size_t>(config.intermediate_size)),
        max_batch_tokens_(std::max(options.max_batch_tokens, static_cast<size_t>(config.max_tokens))),
        kernels_(KernelsFor(BestIsa())),
        backend_(std::move(backend)),
        team_(options.threads, "embed " + options.name),
        barrier_(static_cast<uint32_t>(options.threads)) {}

  Status AllocateWorkspace();
  Status CheckBatch(const PackedBatch& batch) const;
  std::vector<Group> Plan(const PackedBatch& batch) const;
  void RunGroup(const PackedBatch& batch, const Group& group, const Worker& worker, float* vectors);
  void Embed(const PackedBatch& batch, const Group& group, const Worker& worker);
  void Attend(const PackedBatch& batch, const Group& group, const Worker& worker);
  void Multiply(const Linear& linear, const void* x, const Group& group, const Worker& worker, void* y) const;
  void Normalize(const NormWeights& norm, const Group& group, const Worker& worker);
  void Pool(const PackedBatch& batch, const Group& group, const Worker& worker, float* vectors);
  void AddWord(int32_t id, float* row) const;

  float* hidden_row(size_t row) { return hidden_rows_ + row * hidden_; }
  uint16_t* bf16_row(size_t row) { return bf16_rows_ == nullptr ? nullptr : bf16_rows_ + row * hidden_; }
  // The products' input: the residual stream itself, or its bf16 copy.
  const void* input_row(size_t row) { return bf16_rows_ != nullptr ? static_cast<const void*>(bf16_row(row)) : hidden_row(row); }
  void* activation(std::byte* base, size_t row, size_t width) { return base + row * width * (backend_->bf16() ? 2 : 4); }

  const ModelConfig config_;
  const size_t hidden_, heads_, head_dim_, intermediate_, max_batch_tokens_;
  const Kernels& kernels_;
  const std::unique_ptr<LinearBackend> backend_;  // before weights_: the linears point into it
  BertWeights weights_;
  Team team_;
  SpinBarrier barrier_;

  AlignedBuffer workspace_;
  float* hidden_rows_ = nullptr;       // the residual stream, fp32
  uint16_t* bf16_rows_ = nullptr;      // its copy, bf16 backends only
  float* qkv_rows_ = nullptr;          // [query | key | value]
  std::byte* context_rows_ = nullptr;  // the heads' outputs, the backend's type
  std::byte* ffn_rows_ = nullptr;      // the backend's type
  std::vector<float*> scratch_;        // attention's, one a thread
};

Status BertEncoder::AllocateWorkspace() {
  const size_t rows = (max_batch_tokens_ + kGroupRowQuantum * (team_.size() + 1));
  const size_t width = backend_->bf16() ? 2 : 4;
  const size_t scratch = AttentionScratchFloats(static_cast<size_t>(config_.max_tokens), head_dim_);
  size_t total = 0;
  const auto reserve = [&](size_t bytes) {
    const size_t at = total;
    total += (bytes + 63) / 64 * 64;
    return at;
  };
  const size_t hidden_at = reserve(rows * hidden_ * sizeof(float));
  const size_t bf16_at = reserve(backend_->bf16() ? rows * hidden_ * 2 : 0);
  const size_t qkv_at = reserve(rows * 3 * hidden_ * sizeof(float));
  const size_t context_at = reserve(rows * hidden_ * width);
  const size_t ffn_at = reserve(rows * intermediate_ * width);
  std::vector<size_t> scratch_at;
  for (size_t t = 0; t < team_.size(); ++t) scratch_at.push_back(reserve(scratch * sizeof(float)));
  workspace_ = TRY(AlignedBuffer::Allocate(total));
  std::byte* base = workspace_.data();
  hidden_rows_ = reinterpret_cast<float*>(base + hidden_at);
  bf16_rows_ = backend_->bf16() ? reinterpret_cast<uint16_t*>(base + bf16_at) : nullptr;
  qkv_rows_ = reinterpret_cast<float*>(base + qkv_at);
  context_rows_ = base + context_at;
  ffn_rows_ = base + ffn_at;
  for (const size_t at : scratch_at) scratch_.push_back(reinterpret_cast<float*>(base + at));
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

// Longest first to the least loaded thread. When that leaves one thread much longer at work than the others, the batch
// is better run by all together.
std::vector<Group> BertEncoder::Plan(const PackedBatch& batch) const {
  constexpr double kWorstImbalance = 1.08;
  const auto length = [&](uint32_t s) { return batch.offsets[s + 1] - batch.offsets[s]; };
  std::vector<uint32_t> order(batch.sequence_count());
  std::iota(order.begin(), order.end(), 0U);
  std::vector<Group> groups(team_.size());
  if (team_.size() > 1) {
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return length(a) > length(b); });
    for (const uint32_t s : order) {
      Group& least =
          *std::min_element(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.row_count < b.row_count; });
      least.sequences.push_back(s);
      least.row_count += length(s);
    }
    const auto most =
        std::max_element(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.row_count < b.row_count; });
    const double mean = static_cast<double>(batch.token_count()) / static_cast<double>(team_.size());
    if (static_cast<double>(most->row_count) > kWorstImbalance * mean) groups.assign(1, Group());
  }
  if (groups.size() == 1) groups[0].sequences = std::move(order);
  size_t row = 0;
  for (Group& group : groups) {
    group.first_row = row;
    for (const uint32_t s : group.sequences) {
      group.rows.push_back(row);
      row += length(s);
    }
    group.row_count = row - group.first_row;
    row = (row + kGroupRowQuantum - 1) / kGroupRowQuantum * kGroupRowQuantum;
  }
  return groups;
}

Status BertEncoder::Encode(const PackedBatch& batch, float* vectors) {
  TRY(CheckBatch(batch));
  if (batch.sequence_count() == 0) return OkStatus();
  const std::vector<Group> groups = Plan(batch);
  team_.Run([&](size_t thread) {
    if (groups.size() > 1) {
      RunGroup(batch, groups[thread], {.thread = thread}, vectors);
    } else {
      RunGroup(batch, groups[0], {.index = thread, .count = team_.size(), .thread = thread, .barrier = &barrier_}, vectors);
    }
  });
  return OkStatus();
}

void BertEncoder::RunGroup(const PackedBatch& batch, const Group& group, const Worker& worker, float* vectors) {
  const size_t row = group.first_row;
  Embed(batch, group, worker);
  Normalize(weights_.embedding_norm, group, worker);
  for (const BertLayer& layer : weights_.layers) {
    Multiply(*layer.qkv, input_row(row), group, worker, qkv_rows_ + row * 3 * hidden_);
    Attend(batch, group, worker);
    Multiply(*layer.attention_out, activation(context_rows_, row, hidden_), group, worker, hidden_row(row));
    Normalize(layer.attention_norm, group, worker);
    Multiply(*layer.ffn_in, input_row(row), group, worker, activation(ffn_rows_, row, intermediate_));
    Multiply(*layer.ffn_out, activation(ffn_rows_, row, intermediate_), group, worker, hidden_row(row));
    Normalize(layer.ffn_norm, group, worker);
  }
  Pool(batch, group, worker, vectors);
}

void BertEncoder::AddWord(int32_t id, float* row) const {
  const size_t width = DTypeBytes(weights_.words_type);
  const Tensor word{.name = {},
                    .dtype = weights_.words_type,
                    .shape = {},
                    .bytes = std::span(weights_.words).subspan(id * hidden_ * width, hidden_ * width)};
  ReadAsFloat(word, 0, hidden_, row);
}

void BertEncoder::Embed(const PackedBatch& batch, const Group& group, const Worker& worker) {
  const size_t begin = group.first_row + worker.Begin(group.row_count);
  const size_t end = group.first_row + worker.End(group.row_count);
  for (size_t g = 0; g < group.sequences.size(); ++g) {
    const uint32_t s = group.sequences[g];
    const size_t first = group.rows[g];
    const size_t length = batch.offsets[s + 1] - batch.offsets[s];
    for (size_t row = std::max(begin, first); row < std::min(end, first + length); ++row) {
      const size_t position = row - first;
      const size_t token = batch.offsets[s] + position;
      float* x = hidden_row(row);
      AddWord(batch.ids[token], x);
      const float* type = weights_.types.data() + (batch.type_ids.empty() ? 0 : batch.type_ids[token]) * hidden_;
      const float* place = weights_.positions.data() + position * hidden_;
      for (size_t i = 0; i < hidden_; ++i) x[i] += type[i] + place[i];
    }
  }
}

// A thread normalises the rows that it embedded or, after a product, that all threads wrote: hence the barrier first.
void BertEncoder::Normalize(const NormWeights& norm, const Group& group, const Worker& worker) {
  const size_t begin = group.first_row + worker.Begin(group.row_count);
  const size_t end = group.first_row + worker.End(group.row_count);
  kernels_.layer_norm(hidden_row(begin), norm.gamma.data(), norm.beta.data(), config_.layer_norm_epsilon, end - begin, hidden_,
                      bf16_row(begin));
  worker.Sync();
}

void BertEncoder::Multiply(const Linear& linear, const void* x, const Group& group, const Worker& worker, void* y) const {
  for (size_t part = worker.Begin(backend_->parts()); part < worker.End(backend_->parts()); ++part) {
    linear.Run(x, group.row_count, part, worker.thread, y);
  }
  worker.Sync();
}

void BertEncoder::Attend(const PackedBatch& batch, const Group& group, const Worker& worker) {
  const size_t width = 3 * hidden_;
  const size_t total = group.sequences.size() * heads_;
  for (size_t item = worker.index; item < total; item += worker.count) {
    const size_t g = item / heads_;
    const size_t column = item % heads_ * head_dim_;
    const uint32_t s = group.sequences[g];
    const float* base = qkv_rows_ + group.rows[g] * width + column;
    AttentionCall call = {};
    call.q = base;
    call.k = base + hidden_;
    call.v = base + 2 * hidden_;
    call.stride = width;
    call.tokens = batch.offsets[s + 1] - batch.offsets[s];
    call.head_dim = head_dim_;
    call.scale = 1.0F / std::sqrt(static_cast<float>(head_dim_));
    call.q_begin = 0;
    call.q_end = call.tokens;
    const size_t at = group.rows[g] * hidden_ + column;
    if (backend_->bf16()) {
      call.out_bf16 = reinterpret_cast<uint16_t*>(context_rows_) + at;
    } else {
      call.out = reinterpret_cast<float*>(context_rows_) + at;
    }
    call.out_stride = hidden_;
    call.scratch = scratch_[worker.thread];
    kernels_.attention(call);
  }
  worker.Sync();
}

void BertEncoder::Pool(const PackedBatch& batch, const Group& group, const Worker& worker, float* vectors) {
  for (size_t g = worker.index; g < group.sequences.size(); g += worker.count) {
    const uint32_t s = group.sequences[g];
    const size_t length = batch.offsets[s + 1] - batch.offsets[s];
    float* out = vectors + size_t{s} * hidden_;
    const float* x = hidden_row(group.rows[g]);
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
