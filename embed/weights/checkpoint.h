// The weights of a model directory, one file or several shards, by tensor name without the framework's prefix.
//
// Immutable once opened; any thread. Tensors live as long as the checkpoint.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "embed/weights/safetensors.h"

namespace saker::embed {

class Checkpoint {
 public:
  // model.safetensors, or the shards that model.safetensors.index.json names (plain file names only).
  static Result<Checkpoint> Open(const std::string& directory);

  // `name` is without prefix ("embeddings.word_embeddings.weight"); the prefix is whatever makes that name appear.
  // InvalidArgument when it is missing, not a float tensor, or of another shape: both shapes are named.
  Result<const Tensor*> Find(std::string_view name, std::initializer_list<uint64_t> shape) const;
  bool Has(std::string_view name) const;
  // Of every float tensor's name, type, shape and bytes; the same for one file and for shards of it.
  uint64_t Fingerprint(uint64_t seed) const;
  uint64_t data_bytes() const { return data_bytes_; }

 private:
  Status ReadShards(const std::string& directory, const std::string& index_path);
  void ChoosePrefix();

  std::string name_;
  std::string prefix_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, const Tensor*, std::less<>> tensors_;
  uint64_t data_bytes_ = 0;
};

}  // namespace saker::embed
