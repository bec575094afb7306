#include "embed/weights/checkpoint.h"

#include <filesystem>
#include <set>

#include "common/checksum.h"
#include "common/file.h"
#include "embed/weights/json_file.h"

namespace saker::embed {
namespace {

constexpr size_t kMaxShards = 1000;
constexpr const char* kPrefixes[] = {"", "bert.", "roberta.", "xlm-roberta.", "camembert.", "model."};

bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos && name != "." &&
         name != "..";
}

std::string ShapeText(std::initializer_list<uint64_t> shape) {
  Tensor tensor;
  tensor.shape = shape;
  return tensor.ShapeText();
}

}  // namespace

Result<Checkpoint> Checkpoint::Open(const std::string& directory) {
  Checkpoint checkpoint;
  const std::filesystem::path root(directory);
  const std::string single = (root / "model.safetensors").string();
  const std::string index = (root / "model.safetensors.index.json").string();
  if (FileSystem::Posix().Exists(single)) {
    checkpoint.name_ = single;
    checkpoint.files_.push_back(TRY(SafetensorsFile::Open(single)));
  } else if (FileSystem::Posix().Exists(index)) {
    checkpoint.name_ = index;
    TRY(checkpoint.ReadShards(directory, index));
  } else {
    return NotFound(directory, " has neither model.safetensors nor model.safetensors.index.json");
  }
  for (const SafetensorsFile& file : checkpoint.files_) {
    for (const auto& [name, tensor] : file.tensors()) {
      if (!checkpoint.tensors_.emplace(name, &tensor).second)
        return Corruption(checkpoint.name_, ": tensor \"", name, "\" is in two shards");
      checkpoint.data_bytes_ += tensor.bytes.size();
    }
  }
  checkpoint.ChoosePrefix();
  return checkpoint;
}

Status Checkpoint::ReadShards(const std::string& directory, const std::string& index_path) {
  const JsonDocument document = TRY(JsonDocument::Load(index_path));
  simdjson::dom::object map;
  if (document.root()["weight_map"].get(map) != simdjson::SUCCESS)
    return InvalidArgument(index_path, ": \"weight_map\" is missing or not an object");
  std::set<std::string> names;
  for (const auto& field : map) {
    std::string_view shard;
    if (field.value.get(shard) != simdjson::SUCCESS || !IsPlainFileName(shard)) {
      return InvalidArgument(index_path, ": the shard of tensor \"", field.key, "\" is not the name of a file beside it");
    }
    names.emplace(shard);
    if (names.size() > kMaxShards) return InvalidArgument(index_path, " names more than ", kMaxShards, " shards");
  }
  for (const std::string& shard : names) files_.push_back(TRY(SafetensorsFile::Open((std::filesystem::path(directory) / shard).string())));
  for (const auto& field : map) {
    bool found = false;
    for (const SafetensorsFile& file : files_) found = found || file.tensors().contains(std::string(field.key));
    if (!found) return Corruption(index_path, ": tensor \"", field.key, "\" is in none of the ", files_.size(), " shards");
  }
  return OkStatus();
}

void Checkpoint::ChoosePrefix() {
  for (const char* prefix : kPrefixes) {
    if (tensors_.contains(std::string(prefix) + "embeddings.word_embeddings.weight")) {
      prefix_ = prefix;
      return;
    }
  }
}

uint64_t Checkpoint::Fingerprint(uint64_t seed) const {
  uint64_t hash = seed;
  for (const auto& [name, tensor] : tensors_) {
    if (tensor->dtype == DType::kOther) continue;  // position_ids and the like, present in some exports only
    const std::string_view bare = std::string_view(name).substr(name.starts_with(prefix_) ? prefix_.size() : 0);
    hash = Checksum(std::string(bare) + DTypeName(tensor->dtype) + tensor->ShapeText(), hash);
    hash = Checksum(tensor->bytes, hash);
  }
  return hash;
}

bool Checkpoint::Has(std::string_view name) const {
  return tensors_.contains(prefix_ + std::string(name));
}

Result<const Tensor*> Checkpoint::Find(std::string_view name, std::initializer_list<uint64_t> shape) const {
  std::string full = prefix_ + std::string(name);
  auto place = tensors_.find(full);
  if (place == tensors_.end()) {  // old checkpoints call LayerNorm's weight and bias gamma and beta
    const size_t norm = full.find("LayerNorm.");
    if (norm != std::string::npos) {
      place = tensors_.find(full.substr(0, norm) + (full.ends_with("weight") ? "LayerNorm.gamma" : "LayerNorm.beta"));
    }
  }
  if (place == tensors_.end()) return InvalidArgument(name_, " has no tensor \"", full, "\" among its ", tensors_.size());
  const Tensor& tensor = *place->second;
  if (!std::equal(shape.begin(), shape.end(), tensor.shape.begin(), tensor.shape.end())) {
    return InvalidArgument(name_, ": tensor \"", tensor.name, "\" has shape ", tensor.ShapeText(), ", config.json asks for ",
                           ShapeText(shape));
  }
  if (tensor.dtype == DType::kOther) return InvalidArgument(name_, ": tensor \"", tensor.name, "\" is not F32, F16 or BF16");
  return &tensor;
}

}  // namespace saker::embed
