// What the proxy needs of the inference stage: vectors for texts by a configured model's name.
//
// Implemented over embed/ where the object graph is built; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/context.h"
#include "common/result.h"

namespace saker::proxy {

struct TextModel {
  std::string name;  // the canonical one, aliases resolved
  std::string fingerprint;
  int64_t dim = 0;
};

class TextEmbedder {
 public:
  virtual ~TextEmbedder() = default;
  // NotFound names the model and lists those that are configured; Unavailable while it loads.
  virtual Result<TextModel> Describe(const std::string& model) = 0;
  enum class Use { kPassage, kQuery };  // passages are bulk work, queries do not wait behind them
  // texts.size() x dim floats.
  virtual Result<std::vector<float>> Embed(const std::string& model, std::span<const std::string> texts, Use use,
                                           const Context& context) = 0;
};

}  // namespace saker::proxy
