// Compiled with -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma: nothing here may be inline outside the unnamed namespace.
#include <immintrin.h>

#include <cmath>
#include <cstring>

#include "embed/kernels/kernels.h"

namespace saker::embed {
namespace {

#include "embed/kernels/avx512_vector.inc"
#include "embed/kernels/simd_kernels.inc"

}  // namespace

const Kernels kAvx512Kernels = {"avx512", V::kLanes, LayerNorm, Attention, kScalarKernels.attention_bf16, GeluErf};

}  // namespace saker::embed
