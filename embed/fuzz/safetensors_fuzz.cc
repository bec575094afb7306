// Any bytes as a safetensors file: refused, or every tensor can be read to its last element.
#include <cstdint>
#include <vector>

#include "embed/weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace saker::embed;
  const auto file = SafetensorsFile::Parse({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
  if (!file.ok()) return 0;
  for (const auto& [name, tensor] : file->tensors()) {
    if (tensor.dtype == DType::kOther) continue;
    std::vector<float> values(tensor.element_count());
    ReadAsFloat(tensor, 0, values.size(), values.data());
  }
  return 0;
}
