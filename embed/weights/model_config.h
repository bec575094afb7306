// What a model directory says about itself: config.json and the sentence-transformers files.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"

namespace saker::embed {

enum class Activation { kGeluErf, kGeluTanh, kRelu };
enum class Pooling { kCls, kMean };

struct ModelConfig {
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t layer_count = 0;
  int64_t head_count = 0;
  int64_t intermediate_size = 0;
  int64_t max_positions = 0;
  int64_t type_count = 0;
  float layer_norm_epsilon = 1e-12F;
  Activation activation = Activation::kGeluErf;

  Pooling pooling = Pooling::kCls;
  bool pooling_given = false;  // by 1_Pooling/config.json; else CLS, as TEI falls back
  bool normalize = false;      // a Normalize module is there
  int64_t max_tokens = 0;      // min of max_seq_length, model_max_length and the positions
};

// Every value is checked against what the engine can hold. Unimplemented names an architecture, activation, pooling or
// module that is not supported; InvalidArgument names file, key and number.
Result<ModelConfig> ReadModelConfig(const std::string& directory);

}  // namespace saker::embed
