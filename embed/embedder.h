// Text in, vectors out: one loaded embedding model behind its batcher.
//
// Thread-safe: any number of callers; texts of concurrent callers are packed into one forward pass without padding.
// Embed blocks until its vectors are there, or answers ResourceExhausted when the queue is full, DeadlineExceeded when
// the deadline passes first, InvalidArgument for text that is not UTF-8. Long texts are truncated to the model's limit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/context.h"
#include "common/result.h"

namespace saker::embed {

enum class Precision { kAuto, kFloat32, kBFloat16 };  // kAuto: bf16 where the CPU has AMX or AVX-512 BF16, else fp32
enum class Priority { kInteractive, kBulk };

struct ModelOptions {
  std::string name;
  std::string path;  // a Hugging Face directory: config.json, tokenizer.json or vocab.txt, *.safetensors, sentence-transformers files
  Precision precision = Precision::kAuto;
  int threads = 0;                      // 0: all cores
  size_t queue_limit_tokens = 1 << 20;  // waiting
};

struct ModelInfo {
  std::string name;
  std::string fingerprint;  // hex; of weights, tokenizer and pooling: the same text gives the same vector
  int64_t dim = 0;
  int64_t max_tokens = 0;
  uint64_t weight_bytes = 0;
  uint64_t memory_bytes = 0;
  double load_seconds = 0;
  std::string precision;  // "fp32", "bf16"
  bool normalized = false;
};

struct Embeddings {
  std::vector<float> values;                // texts.size() x dim, row after row
  std::vector<uint32_t> token_counts;       // of each text after truncation, special tokens included
  std::vector<uint32_t> full_token_counts;  // before truncation
};

class Embedder {
 public:
  virtual ~Embedder() = default;
  virtual const ModelInfo& info() const = 0;
  virtual Result<Embeddings> Embed(std::span<const std::string> texts, Priority priority, const Context& context) = 0;
};

// Reads, checks and warms the model; takes seconds. DataLoss or InvalidArgument names the file and what is wrong with it.
Result<std::unique_ptr<Embedder>> LoadEmbedder(const ModelOptions& options);

}  // namespace saker::embed
