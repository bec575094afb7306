#include "embed/model/bert_weights.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace saker::embed {
namespace {

Status CheckFinite(const std::string& name, const std::vector<float>& values) {
  const auto bad = std::find_if(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
  if (bad == values.end()) return OkStatus();
  return Corruption("tensor \"", name, "\" is broken: element ", bad - values.begin(), " of ", values.size(), " is ", *bad);
}

Result<std::vector<float>> ReadTensor(const Checkpoint& checkpoint, const std::string& name, std::initializer_list<uint64_t> shape) {
  const Tensor* tensor = TRY(checkpoint.Find(name, shape));
  std::vector<float> values(tensor->element_count());
  ReadAsFloat(*tensor, 0, values.size(), values.data());
  TRY(CheckFinite(name, values));
  return values;
}

Result<NormWeights> ReadNorm(const Checkpoint& checkpoint, const std::string& name, uint64_t dim) {
  NormWeights norm;
  norm.gamma = TRY(ReadTensor(checkpoint, name + ".weight", {dim}));
  norm.beta = TRY(ReadTensor(checkpoint, name + ".bias", {dim}));
  return norm;
}

// One product out of the stacked rows of several: query, key and value share their input.
Result<std::unique_ptr<Linear>> ReadLinear(const Checkpoint& checkpoint, std::initializer_list<std::string> names, uint64_t rows_each,
                                           uint64_t inputs, LinearSpec spec, LinearBackend& backend) {
  std::vector<float> weights;
  std::vector<float> bias;
  for (const std::string& name : names) {
    const std::vector<float> w = TRY(ReadTensor(checkpoint, name + ".weight", {rows_each, inputs}));
    const std::vector<float> b = TRY(ReadTensor(checkpoint, name + ".bias", {rows_each}));
    weights.insert(weights.end(), w.begin(), w.end());
    bias.insert(bias.end(), b.begin(), b.end());
  }
  spec.inputs = inputs;
  spec.outputs = bias.size();
  return backend.Make(spec, weights, bias);
}

Result<BertLayer> ReadLayer(const ModelConfig& config, const Checkpoint& checkpoint, int64_t index, LinearBackend& backend) {
  const std::string at = "encoder.layer." + std::to_string(index) + ".";
  const auto d = static_cast<uint64_t>(config.hidden_size);
  const auto f = static_cast<uint64_t>(config.intermediate_size);
  const std::string self = at + "attention.self.";
  BertLayer layer;
  layer.qkv = TRY(ReadLinear(checkpoint, {self + "query", self + "key", self + "value"}, d, d, {.epilogue = Epilogue::kStore}, backend));
  layer.attention_out = TRY(ReadLinear(checkpoint, {at + "attention.output.dense"}, d, d, {.epilogue = Epilogue::kAccumulate}, backend));
  layer.attention_norm = TRY(ReadNorm(checkpoint, at + "attention.output.LayerNorm", d));
  layer.ffn_in = TRY(ReadLinear(checkpoint, {at + "intermediate.dense"}, f, d,
                                {.epilogue = Epilogue::kActivate, .activation = config.activation}, backend));
  layer.ffn_out = TRY(ReadLinear(checkpoint, {at + "output.dense"}, d, f, {.epilogue = Epilogue::kAccumulate}, backend));
  layer.ffn_norm = TRY(ReadNorm(checkpoint, at + "output.LayerNorm", d));
  return layer;
}

}  // namespace

uint64_t BertWeights::memory_bytes() const {
  uint64_t floats = positions.size() + types.size() + embedding_norm.gamma.size() * 2;
  for (const BertLayer& layer : layers) floats += layer.attention_norm.gamma.size() * 4;
  return words.size() + floats * sizeof(float);
}

Result<BertWeights> ReadBertWeights(const ModelConfig& config, const Checkpoint& checkpoint, LinearBackend& backend) {
  const auto d = static_cast<uint64_t>(config.hidden_size);
  BertWeights weights;
  const Tensor* words = TRY(checkpoint.Find("embeddings.word_embeddings.weight", {static_cast<uint64_t>(config.vocab_size), d}));
  weights.words.assign(words->bytes.begin(), words->bytes.end());
  weights.words_type = words->dtype;
  std::vector<float> row(d);
  for (uint64_t id = 0; id < words->shape[0]; ++id) {
    ReadAsFloat(*words, id * d, d, row.data());
    TRY(CheckFinite(words->name, row));
  }
  weights.positions =
      TRY(ReadTensor(checkpoint, "embeddings.position_embeddings.weight", {static_cast<uint64_t>(config.max_positions), d}));
  weights.types = TRY(ReadTensor(checkpoint, "embeddings.token_type_embeddings.weight", {static_cast<uint64_t>(config.type_count), d}));
  weights.embedding_norm = TRY(ReadNorm(checkpoint, "embeddings.LayerNorm", d));
  for (int64_t l = 0; l < config.layer_count; ++l) weights.layers.push_back(TRY(ReadLayer(config, checkpoint, l, backend)));
  return weights;
}

}  // namespace saker::embed
