// BERT's encoder over a packed batch: embeddings, L layers of attention and feed-forward, pooling.
//
// A lane carries its batch from the embedding to the pooled vector without waiting for anybody. Together, each lane takes
// a part of every product's columns and of the attention's heads, with a barrier after each.
#pragma once

#include <memory>
#include <string>

#include "embed/model/encoder.h"
#include "embed/model/linear.h"
#include "embed/weights/checkpoint.h"
#include "embed/weights/model_config.h"

namespace saker::embed {

struct BertOptions {
  size_t lanes = 1;
  size_t max_batch_tokens = 512;  // of one lane
  std::string name;
};

// Checks every tensor's shape against the configuration, packs the weights; the checkpoint may go afterwards.
Result<std::unique_ptr<Encoder>> MakeBertEncoder(const ModelConfig& config, const Checkpoint& checkpoint,
                                                 std::unique_ptr<LinearBackend> backend, const BertOptions& options);

}  // namespace saker::embed
