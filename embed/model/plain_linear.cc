#include <algorithm>
#include <cmath>
#include <utility>

#include "embed/model/linear.h"

namespace saker::embed {
namespace {

float Activate(float x, Activation activation) {
  switch (activation) {
    case Activation::kGeluErf: return 0.5F * x * (1 + std::erf(x * 0.70710678118654752F));
    case Activation::kGeluTanh: return 0.5F * x * (1 + std::tanh(0.79788456080286536F * (x + 0.044715F * x * x * x)));
    default: return std::max(x, 0.0F);
  }
}

class PlainLinear final : public Linear {
 public:
  PlainLinear(const LinearSpec& spec, const std::vector<float>& weights, std::vector<float> bias, size_t parts)
      : spec_(spec), transposed_(weights.size()), bias_(std::move(bias)), parts_(parts) {
    for (size_t n = 0; n < spec.outputs; ++n) {
      for (size_t k = 0; k < spec.inputs; ++k) transposed_[k * spec.outputs + n] = weights[n * spec.inputs + k];
    }
  }

  void Run(const void* x, size_t rows, size_t, void* y) const override { RunColumns(x, rows, {0, spec_.outputs}, y); }
  void RunPart(const void* x, size_t rows, size_t part, size_t, void* y) const override {
    RunColumns(x, rows, PartColumns(spec_.outputs, parts_, part), y);
  }

 private:
  void RunColumns(const void* x, size_t rows, ColumnRange columns, void* y) const {
    std::vector<float> sum(columns.end - columns.begin);
    for (size_t r = 0; r < rows; ++r) {
      const float* in = static_cast<const float*>(x) + r * spec_.inputs;
      float* out = static_cast<float*>(y) + r * spec_.outputs + columns.begin;
      std::copy(bias_.begin() + columns.begin, bias_.begin() + columns.end, sum.begin());
      for (size_t k = 0; k < spec_.inputs; ++k) {
        const float* weight = transposed_.data() + k * spec_.outputs + columns.begin;
        for (size_t n = 0; n < sum.size(); ++n) sum[n] += in[k] * weight[n];
      }
      for (size_t n = 0; n < sum.size(); ++n) {
        out[n] = spec_.epilogue == Epilogue::kStore      ? sum[n]
                 : spec_.epilogue == Epilogue::kActivate ? Activate(sum[n], spec_.activation)
                                                         : out[n] + sum[n];
      }
    }
  }

  const LinearSpec spec_;
  std::vector<float> transposed_;
  const std::vector<float> bias_;
  const size_t parts_;
};

class PlainBackend final : public LinearBackend {
 public:
  explicit PlainBackend(size_t workers) : parts_(workers) {}
  const char* name() const override { return "plain"; }
  bool bf16() const override { return false; }
  size_t parts() const override { return parts_; }
  Result<std::unique_ptr<Linear>> Make(const LinearSpec& spec, const std::vector<float>& weights, const std::vector<float>& bias) override {
    CHECK(weights.size() == spec.inputs * spec.outputs && bias.size() == spec.outputs);
    memory_bytes_ += (weights.size() + bias.size()) * sizeof(float);
    return std::unique_ptr<Linear>(std::make_unique<PlainLinear>(spec, weights, bias, parts_));
  }
  uint64_t memory_bytes() const override { return memory_bytes_; }

 private:
  const size_t parts_;
  uint64_t memory_bytes_ = 0;
};

}  // namespace

std::unique_ptr<LinearBackend> MakePlainBackend(size_t workers) {
  return std::make_unique<PlainBackend>(workers);
}

ColumnRange PartColumns(size_t outputs, size_t parts, size_t part) {
  constexpr size_t kBlock = 64;
  const size_t blocks = (outputs + kBlock - 1) / kBlock;
  return {std::min(outputs, blocks * part / parts * kBlock), std::min(outputs, blocks * (part + 1) / parts * kBlock)};
}

}  // namespace saker::embed
