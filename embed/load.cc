// LoadEmbedder: from a model directory to a warm model behind its batcher.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <thread>
#include <utility>

#include "common/checksum.h"
#include "common/log.h"
#include "embed/batcher/batcher.h"
#include "embed/embedder.h"
#include "embed/kernels/kernels.h"
#include "embed/model/bert.h"
#include "embed/tokenizer/tokenizer.h"
#include "embed/weights/checkpoint.h"
#include "embed/weights/model_config.h"

namespace saker::embed {
namespace {

using Clock = std::chrono::steady_clock;

// The cores that this process may use: affinity, and the cgroup's quota (v2) rounded up.
size_t UsableCores() {
  size_t cores = std::max(1U, std::thread::hardware_concurrency());
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0;
  double period = 0;
  if (file >> quota >> period && quota > 0 && period > 0) cores = std::min(cores, static_cast<size_t>(std::ceil(quota / period)));
  return std::max<size_t>(1, cores);
}

// Of one lane. At 256 rows the products are at full speed; more would only make an arriving query wait longer.
constexpr size_t kBatchTokens = 256;

Result<std::unique_ptr<LinearBackend>> ChooseBackend(Precision precision, size_t threads) {
  if (precision != Precision::kFloat32) {
    auto bf16 = MakeOneDnnBackend(threads, /*bf16=*/true);
    if (bf16.ok() || precision == Precision::kBFloat16) return bf16;
  }
  auto fp32 = MakeOneDnnBackend(threads, /*bf16=*/false);
  if (fp32.ok() || fp32.status().code() != StatusCode::kUnimplemented) return fp32;
  return MakePlainBackend(threads);
}

// Of everything that decides a vector but the precision: a collection may move between machines.
std::string Fingerprint(const ModelConfig& config, const Tokenizer& tokenizer, const Checkpoint& checkpoint) {
  std::string text;
  for (const uint64_t seed : {0, 1}) {
    const uint64_t parts[] = {tokenizer.Fingerprint(seed),
                              checkpoint.Fingerprint(seed),
                              static_cast<uint64_t>(config.max_tokens),
                              static_cast<uint64_t>(config.head_count),
                              static_cast<uint64_t>(config.activation),
                              static_cast<uint64_t>(config.pooling),
                              static_cast<uint64_t>(config.normalize)};
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(Checksum(std::as_bytes(std::span(parts)), seed)));
    text += hex;
  }
  return text;
}

// Touches every weight and proves that the answers are finite before anybody asks.
Status WarmUp(Encoder& encoder, size_t vocabulary) {
  for (const size_t length : {size_t{16}, encoder.max_tokens()}) {
    PackedBatch batch;
    std::vector<int32_t> ids(std::min(length, encoder.max_tokens()));
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i * 97 % vocabulary);
    batch.Add(ids);
    std::vector<float> vector(encoder.dim());
    for (size_t lane = 0; lane < encoder.lanes(); ++lane) TRY(encoder.Encode(batch, lane, vector.data()));
    TRY(encoder.EncodeTogether(batch, vector.data()));
    for (size_t i = 0; i < vector.size(); ++i) {
      if (!std::isfinite(vector[i]))
        return Corruption("the warm-up of ", ids.size(), " tokens gave ", vector[i], " in dimension ", i, ": the weights are broken");
    }
  }
  return OkStatus();
}

class BatchedEmbedder final : public Embedder {
 public:
  BatchedEmbedder(ModelInfo info, std::unique_ptr<Tokenizer> tokenizer, std::unique_ptr<Encoder> encoder, const BatcherOptions& options)
      : info_(std::move(info)),
        tokenizer_(std::move(tokenizer)),
        slice_tokens_(std::max<size_t>(options.queue_limit_tokens / 4, static_cast<size_t>(info_.max_tokens))),
        batcher_(std::move(encoder), options) {}

  const ModelInfo& info() const override { return info_; }

  Result<Embeddings> Embed(std::span<const std::string> texts, Priority priority, const Context& context) override {
    Embeddings out;
    out.values.reserve(texts.size() * static_cast<size_t>(info_.dim));
    // A request larger than a quarter of the queue goes through it in slices: it neither fills the queue nor is refused
    // for its size alone.
    std::vector<std::vector<int32_t>> slice;
    size_t slice_tokens = 0;
    for (size_t i = 0; i < texts.size(); ++i) {
      auto encoded = tokenizer_->Encode(texts[i], static_cast<size_t>(info_.max_tokens));
      if (!encoded.ok()) return MakeStatus(encoded.status().code(), "text ", i, ": ", encoded.status().message());
      out.token_counts.push_back(static_cast<uint32_t>(encoded->ids.size()));
      out.full_token_counts.push_back(static_cast<uint32_t>(std::min<size_t>(encoded->full_count, UINT32_MAX)));
      slice_tokens += encoded->ids.size();
      slice.push_back(std::move(encoded->ids));
      const bool full = slice_tokens + static_cast<size_t>(info_.max_tokens) > slice_tokens_;
      if (!full && i + 1 < texts.size()) continue;
      const std::vector<float> vectors = TRY(batcher_.Embed(std::exchange(slice, {}), priority, context));
      out.values.insert(out.values.end(), vectors.begin(), vectors.end());
      slice_tokens = 0;
    }
    return out;
  }

 private:
  const ModelInfo info_;
  const std::unique_ptr<Tokenizer> tokenizer_;
  const size_t slice_tokens_;
  Batcher batcher_;
};

}  // namespace

Result<std::unique_ptr<Embedder>> LoadEmbedder(const ModelOptions& options) {
  const auto start = Clock::now();
  const ModelConfig config = TRY(ReadModelConfig(options.path));
  std::unique_ptr<Tokenizer> tokenizer = TRY(LoadTokenizer(options.path));
  if (tokenizer->vocabulary_size() > static_cast<size_t>(config.vocab_size)) {
    return InvalidArgument(options.path, ": the tokenizer has ids up to ", tokenizer->vocabulary_size() - 1,
                           ", config.json's vocab_size is ", config.vocab_size);
  }
  const Checkpoint checkpoint = TRY(Checkpoint::Open(options.path));
  const size_t threads = options.threads > 0 ? static_cast<size_t>(std::min(options.threads, 256)) : UsableCores();
  std::unique_ptr<LinearBackend> backend = TRY(ChooseBackend(options.precision, threads));
  const std::string backend_name = backend->name();

  ModelInfo info;
  info.name = options.name;
  info.precision = backend->bf16() ? "bf16" : "fp32";
  const BertOptions bert = {.lanes = threads, .max_batch_tokens = kBatchTokens, .name = options.name};
  std::unique_ptr<Encoder> encoder = TRY(MakeBertEncoder(config, checkpoint, std::move(backend), bert));
  TRY(WarmUp(*encoder, static_cast<size_t>(config.vocab_size)));
  info.fingerprint = Fingerprint(config, *tokenizer, checkpoint);
  info.dim = config.hidden_size;
  info.max_tokens = config.max_tokens;
  info.weight_bytes = checkpoint.data_bytes();
  info.memory_bytes = encoder->memory_bytes() + tokenizer->memory_bytes();
  info.normalized = config.normalize;
  info.load_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (!config.pooling_given) Log(kWarning, "the model names no pooling; its first token is used", {{"model", options.name}});
  Log(kInfo, "model loaded",
      {{"model", info.name},
       {"fingerprint", info.fingerprint},
       {"dim", info.dim},
       {"max_tokens", info.max_tokens},
       {"engine", backend_name},
       {"isa", IsaName(BestIsa())},
       {"threads", threads},
       {"weight_bytes", info.weight_bytes},
       {"memory_bytes", info.memory_bytes},
       {"seconds", info.load_seconds}});
  const BatcherOptions batching = {.name = options.name, .queue_limit_tokens = options.queue_limit_tokens, .batch_tokens = kBatchTokens};
  return std::unique_ptr<Embedder>(std::make_unique<BatchedEmbedder>(std::move(info), std::move(tokenizer), std::move(encoder), batching));
}

}  // namespace saker::embed
