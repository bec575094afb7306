// BERT's encoder over a packed batch: embeddings, L layers of attention and feed-forward, pooling.
//
// A batch of several sequences is dealt to the team's threads, which then run their share alone, from the embedding to
// the pooled vector, without waiting for each other; a batch of few sequences is run by all threads together, each taking
// a part of every product's columns and of the attention's heads.
#pragma once

#include <memory>
#include <string>

#include "embed/model/encoder.h"
#include "embed/model/linear.h"
#include "embed/weights/checkpoint.h"
#include "embed/weights/model_config.h"

namespace saker::embed {

struct BertOptions {
  size_t threads = 1;
  size_t max_batch_tokens = 4096;
  std::string name;
};

// Checks every tensor's shape against the configuration, packs the weights; the checkpoint may go afterwards.
Result<std::unique_ptr<Encoder>> MakeBertEncoder(const ModelConfig& config, const Checkpoint& checkpoint,
                                                 std::unique_ptr<LinearBackend> backend, const BertOptions& options);

}  // namespace saker::embed
