// A matrix product with constant weights, packed once at load: y = act(x W' + b), or y += x W' + b.
//
// The output columns are also cut into `parts`, so that several threads can share one product. The activations' type is the backend's:
// float, or bf16 with fp32 sums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/result.h"
#include "embed/weights/model_config.h"

namespace saker::embed {

enum class Epilogue { kStore, kActivate, kAccumulate };  // the first two write the backend's type, the last adds to float

struct LinearSpec {
  size_t inputs = 0;
  size_t outputs = 0;
  Epilogue epilogue = Epilogue::kStore;
  Activation activation = Activation::kGeluErf;  // of kActivate
};

class Linear {
 public:
  virtual ~Linear() = default;
  // x is [rows, inputs], y is [rows, outputs], both contiguous; rows up to the next multiple of kRowQuantum are read and
  // written too. `worker` is the caller's lane: two threads never pass the same one at a time.
  virtual void Run(const void* x, size_t rows, size_t worker, void* y) const = 0;
  // The columns of one part only.
  virtual void RunPart(const void* x, size_t rows, size_t part, size_t worker, void* y) const = 0;
};

constexpr size_t kRowQuantum = 8;

class LinearBackend {
 public:
  virtual ~LinearBackend() = default;
  virtual const char* name() const = 0;
  virtual bool bf16() const = 0;  // activations between layers are bf16, not float
  virtual size_t parts() const = 0;
  // `weights` is [outputs, inputs] as checkpoints store it; copied.
  virtual Result<std::unique_ptr<Linear>> Make(const LinearSpec& spec, const std::vector<float>& weights,
                                               const std::vector<float>& bias) = 0;
  virtual uint64_t memory_bytes() const = 0;
};

// Plain C++, fp32: the definition that the others are tested against, and what runs where there is no oneDNN.
std::unique_ptr<LinearBackend> MakePlainBackend(size_t workers);
// oneDNN, weights in its own packed layout. Unimplemented when it was not built in or bf16 is wanted and the CPU has none.
Result<std::unique_ptr<LinearBackend>> MakeOneDnnBackend(size_t workers, bool bf16);

// The columns [begin, end) of a part: cut at multiples of 64, so some may be empty.
struct ColumnRange {
  size_t begin = 0;
  size_t end = 0;
};
ColumnRange PartColumns(size_t outputs, size_t parts, size_t part);

}  // namespace saker::embed
