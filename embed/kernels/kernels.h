// The operators around the matrix products, one table of functions per instruction set.
//
// The scalar table is the definition and the oracle of the tests; the others agree with it to rounding. Functions are
// pure: any thread, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace saker::embed {

// Attention of one head over the tokens of one sequence: out = softmax(q k' scale) v for query rows [q_begin, q_end).
// Row i of q, k, v begins `stride` elements after row i - 1.
template <typename T>
struct BasicAttentionCall {
  const T* q;
  const T* k;
  const T* v;
  size_t stride;
  size_t tokens;
  size_t head_dim;
  float scale;
  size_t q_begin;
  size_t q_end;
  T* out;
  size_t out_stride;
  float* scratch;  // AttentionScratchFloats(tokens, head_dim), aligned to 64 bytes
};
using AttentionCall = BasicAttentionCall<float>;
using AttentionCallBf16 = BasicAttentionCall<uint16_t>;  // sums and softmax in fp32
size_t AttentionScratchFloats(size_t tokens, size_t head_dim);

struct Kernels {
  const char* isa;
  size_t head_dim_multiple;  // attention wants head_dim to be a multiple of this

  // Each row becomes (x - mean) / sqrt(var + epsilon) * gamma + beta, in place; also rounded into `bf16` if not null.
  void (*layer_norm)(float* x, const float* gamma, const float* beta, float epsilon, size_t rows, size_t dim, uint16_t* bf16);
  void (*attention)(const AttentionCall& call);
  void (*attention_bf16)(const AttentionCallBf16& call);
  void (*gelu_erf)(float* x, size_t count);
};

// The levels that SAKER_ISA names, lowest first.
enum class Isa { kScalar, kAvx2, kAvx512, kAvx512Bf16, kAmx };
const char* IsaName(Isa isa);
// The best level that this CPU has, lowered by the environment variable SAKER_ISA (scalar, avx2, avx512, avx512_bf16, amx).
Isa BestIsa();
const Kernels& KernelsFor(Isa isa);
// Every table that this CPU can run, scalar first: for tests.
std::vector<const Kernels*> RunnableKernels();

extern const Kernels kScalarKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kAvx512Bf16Kernels;

}  // namespace saker::embed
