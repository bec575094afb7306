// The tensors of one BERT, checked and packed.
#pragma once

#include <memory>
#include <vector>

#include "embed/model/linear.h"
#include "embed/weights/checkpoint.h"
#include "embed/weights/model_config.h"

namespace saker::embed {

struct NormWeights {
  std::vector<float> gamma, beta;
};

struct BertLayer {
  std::unique_ptr<Linear> qkv, attention_out, ffn_in, ffn_out;
  NormWeights attention_norm, ffn_norm;
};

struct BertWeights {
  std::vector<std::byte> words;  // in the checkpoint's own type: half a large model is this table
  DType words_type = DType::kFloat32;
  std::vector<float> positions, types;
  NormWeights embedding_norm;
  std::vector<BertLayer> layers;

  uint64_t memory_bytes() const;  // without the linears, which the backend counts
};

Result<BertWeights> ReadBertWeights(const ModelConfig& config, const Checkpoint& checkpoint, LinearBackend& backend);

}  // namespace saker::embed
