// Reads a .safetensors file: every length, offset, overlap and shape product is checked before a tensor is handed out.
//
// Immutable once opened; any thread. Tensors point into the mapping, which lives as long as the object.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "common/file.h"
#include "common/result.h"
#include "embed/weights/tensor.h"

namespace saker::embed {

class SafetensorsFile {
 public:
  static Result<SafetensorsFile> Open(const std::string& path);
  // Parses `bytes`, which must outlive the tensors; `name` stands in errors. What Open does with the mapping.
  static Result<SafetensorsFile> Parse(std::span<const std::byte> bytes, const std::string& name);

  const std::map<std::string, Tensor>& tensors() const { return tensors_; }

 private:
  std::shared_ptr<const MappedFile> mapping_;
  std::map<std::string, Tensor> tensors_;
};

}  // namespace saker::embed
