// The definition of every operator, as plainly as it can be said.
#include <algorithm>
#include <cmath>

#include "embed/kernels/kernels.h"
#include "embed/weights/tensor.h"

namespace saker::embed {
namespace {

void LayerNorm(float* x, const float* gamma, const float* beta, float epsilon, size_t rows, size_t dim, uint16_t* bf16) {
  for (size_t r = 0; r < rows; ++r) {
    float* row = x + r * dim;
    double sum = 0;
    for (size_t i = 0; i < dim; ++i) sum += row[i];
    const double mean = sum / static_cast<double>(dim);
    double squares = 0;
    for (size_t i = 0; i < dim; ++i) squares += (row[i] - mean) * (row[i] - mean);
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(dim) + epsilon);
    for (size_t i = 0; i < dim; ++i) row[i] = static_cast<float>((row[i] - mean) * inverse) * gamma[i] + beta[i];
    if (bf16 != nullptr) {
      for (size_t i = 0; i < dim; ++i) bf16[r * dim + i] = FloatToBFloat16(row[i]);
    }
  }
}

float ToFloat(float x) {
  return x;
}
float ToFloat(uint16_t x) {
  return BFloat16ToFloat(x);
}
void Store(float x, float* out) {
  *out = x;
}
void Store(float x, uint16_t* out) {
  *out = FloatToBFloat16(x);
}

template <typename T>
void Attention(const BasicAttentionCall<T>& call) {
  float* scores = call.scratch;
  for (size_t i = call.q_begin; i < call.q_end; ++i) {
    const T* q = call.q + i * call.stride;
    float most = -INFINITY;
    for (size_t j = 0; j < call.tokens; ++j) {
      const T* k = call.k + j * call.stride;
      float dot = 0;
      for (size_t d = 0; d < call.head_dim; ++d) dot += ToFloat(q[d]) * ToFloat(k[d]);
      scores[j] = dot * call.scale;
      most = std::max(most, scores[j]);
    }
    float sum = 0;
    for (size_t j = 0; j < call.tokens; ++j) {
      scores[j] = std::exp(scores[j] - most);
      sum += scores[j];
    }
    for (size_t d = 0; d < call.head_dim; ++d) {
      float value = 0;
      for (size_t j = 0; j < call.tokens; ++j) value += scores[j] * ToFloat(call.v[j * call.stride + d]);
      Store(value / sum, &call.out[i * call.out_stride + d]);
    }
  }
}

void GeluErf(float* x, size_t count) {
  for (size_t i = 0; i < count; ++i) x[i] = 0.5F * x[i] * (1 + std::erf(x[i] * 0.70710678118654752F));
}

}  // namespace

const Kernels kScalarKernels = {"scalar", 1, LayerNorm, Attention<float>, Attention<uint16_t>, GeluErf};

}  // namespace saker::embed
