// Attention on bf16 through vdpbf16ps: two products a lane, summed in fp32. Compiled with -mavx512bf16 beside the AVX-512
// flags: nothing here may be inline outside the unnamed namespace.
#include <immintrin.h>

#include <cmath>
#include <cstring>

#include "embed/kernels/kernels.h"

namespace saker::embed {
namespace {

#include "embed/kernels/avx512_vector.inc"

#include "embed/kernels/simd_kernels.inc"

inline __m512bh Pairs(__m512i x) {
  __m512bh pairs;
  std::memcpy(&pairs, &x, sizeof pairs);
  return pairs;
}
inline __m512i BroadcastPair(const uint16_t* p) {
  int32_t pair;
  std::memcpy(&pair, p, sizeof pair);
  return _mm512_set1_epi32(pair);
}
inline __m512i LoadInts(const uint32_t* p) {
  return _mm512_loadu_si512(p);
}

// Sums pairs of Rows rows of `left` (row r at left + r * left_stride) against `right`, whose row i holds pair i of Vectors
// vectors of 16 columns, `right_stride` columns a row.
template <size_t Rows, size_t Vectors>
inline void PairTile(const uint16_t* left, size_t left_stride, const uint32_t* right, size_t right_stride, size_t pairs,
                     __m512 (&sum)[Rows][Vectors]) {
  for (size_t r = 0; r < Rows; ++r) {
    for (size_t c = 0; c < Vectors; ++c) sum[r][c] = _mm512_setzero_ps();
  }
  for (size_t i = 0; i < pairs; ++i) {
    __m512bh column[Vectors];
    for (size_t c = 0; c < Vectors; ++c) column[c] = Pairs(LoadInts(right + i * right_stride + c * 16));
    for (size_t r = 0; r < Rows; ++r) {
      const __m512bh value = Pairs(BroadcastPair(left + r * left_stride + 2 * i));
      for (size_t c = 0; c < Vectors; ++c) sum[r][c] = _mm512_dpbf16_ps(sum[r][c], value, column[c]);
    }
  }
}

struct PackedHead {
  const uint32_t* keys;    // [head_dim / 2][padded]: pairs of dimensions
  const uint32_t* values;  // [padded / 2][head_dim]: pairs of tokens
  size_t padded;           // tokens, rounded up to 32
  float* scores;           // [rows][padded]
  uint16_t* weights;       // [rows][padded]
};

// 2^x, relative error below 1e-4: more than bf16 can hold. NaN stays NaN.
inline __m512 Pow2ForBf16(__m512 x) {
  const __m512 f = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);  // x - floor(x)
  __m512 p = V::Fma(f, V::Set(7.8024521e-2F), V::Set(2.2606717e-1F));
  p = V::Fma(p, f, V::Set(6.9583350e-1F));
  p = V::Fma(p, f, V::Set(9.9992520e-1F));
  return _mm512_scalef_ps(p, x);  // p x 2^floor(x)
}

// Weights not yet divided by their sum, as bf16; beyond the tokens 0. Returns 1 / sum.
inline float SoftmaxToBf16(const float* scores, size_t tokens, size_t padded, float scale, uint16_t* weights) {
  const __mmask16 tail = static_cast<__mmask16>((1U << tokens % 16) - 1);
  const size_t whole = tokens / 16 * 16;
  __m512 most = _mm512_set1_ps(-INFINITY);
  for (size_t j = 0; j < whole; j += 16) most = _mm512_max_ps(most, V::Load(scores + j));
  if (tail != 0) most = _mm512_mask_max_ps(most, tail, most, V::Load(scores + whole));
  constexpr float kLog2E = 1.44269504F;
  const __m512 shift = V::Set(-V::MaxLane(most) * scale * kLog2E);
  const __m512 factor = V::Set(scale * kLog2E);
  __m512 sum = V::Zero();
  size_t j = 0;
  for (; j < whole; j += 16) {
    const __m512 weight = Pow2ForBf16(V::Fma(V::Load(scores + j), factor, shift));
    sum = V::Add(sum, weight);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(weights + j), (__m256i)_mm512_cvtneps_pbh(weight));
  }
  for (; j < padded; j += 16) {
    const __mmask16 inside = j == whole ? tail : 0;
    const __m512 weight = _mm512_maskz_mov_ps(inside, Pow2ForBf16(V::Fma(V::Load(scores + j), factor, shift)));
    sum = V::Add(sum, weight);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(weights + j), (__m256i)_mm512_cvtneps_pbh(weight));
  }
  return 1.0F / V::Sum(sum);
}

template <size_t Rows>
inline void Bf16Rows(const AttentionCallBf16& call, const PackedHead& head, size_t row) {
  const uint16_t* q = call.q + row * call.stride;
  for (size_t j = 0; j < head.padded; j += 32) {
    __m512 sum[Rows][2];
    PairTile<Rows, 2>(q, call.stride, head.keys + j, head.padded, call.head_dim / 2, sum);
    for (size_t r = 0; r < Rows; ++r) {
      V::Store(head.scores + r * head.padded + j, sum[r][0]);
      V::Store(head.scores + r * head.padded + j + 16, sum[r][1]);
    }
  }
  float inverse[Rows];
  for (size_t r = 0; r < Rows; ++r) {
    inverse[r] = SoftmaxToBf16(head.scores + r * head.padded, call.tokens, head.padded, call.scale, head.weights + r * head.padded);
  }
  for (size_t d = 0; d < call.head_dim; d += 32) {
    __m512 sum[Rows][2];
    PairTile<Rows, 2>(head.weights, head.padded, head.values + d, call.head_dim, head.padded / 2, sum);
    for (size_t r = 0; r < Rows; ++r) {
      const __m512 scale = V::Set(inverse[r]);
      uint16_t* out = call.out + (row + r) * call.out_stride + d;
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), (__m256i)_mm512_cvtneps_pbh(V::Mul(sum[r][0], scale)));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 16), (__m256i)_mm512_cvtneps_pbh(V::Mul(sum[r][1], scale)));
    }
  }
}

inline void PackHead(const AttentionCallBf16& call, size_t padded, uint32_t* keys, uint32_t* values) {
  for (size_t j = 0; j < padded; j += 16) {
    for (size_t d = 0; d < call.head_dim; d += 32) {
      __m512 block[16];
      for (size_t r = 0; r < 16; ++r) block[r] = j + r < call.tokens ? _mm512_loadu_ps(call.k + (j + r) * call.stride + d) : V::Zero();
      V::Transpose(block);
      for (size_t r = 0; r < 16; ++r) _mm512_storeu_ps(keys + (d / 2 + r) * padded + j, block[r]);
    }
  }
  for (size_t j = 0; j < padded; j += 2) {
    for (size_t d = 0; d < call.head_dim; d += 16) {
      const auto load = [&](size_t at) {
        if (at >= call.tokens) return _mm512_setzero_si512();
        return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(call.v + at * call.stride + d)));
      };
      _mm512_storeu_si512(values + j / 2 * call.head_dim + d, _mm512_or_si512(load(j), _mm512_slli_epi32(load(j + 1), 16)));
    }
  }
}

void AttentionBf16(const AttentionCallBf16& call) {
  if (call.head_dim % 32 != 0) return kScalarKernels.attention_bf16(call);
  const size_t padded = (call.tokens + 31) / 32 * 32;
  constexpr size_t kRows = 8;  // 8 x 2 sums, 2 columns and the broadcast
  float* scores = call.scratch;
  auto* keys = reinterpret_cast<uint32_t*>(scores + kRows * padded);
  uint32_t* values = keys + call.head_dim / 2 * padded;
  auto* weights = reinterpret_cast<uint16_t*>(values + padded / 2 * call.head_dim);
  PackHead(call, padded, keys, values);
  const PackedHead head = {keys, values, padded, scores, weights};
  size_t row = call.q_begin;
  for (; row + kRows <= call.q_end; row += kRows) Bf16Rows<kRows>(call, head, row);
  for (; row + 2 <= call.q_end; row += 2) Bf16Rows<2>(call, head, row);
  for (; row < call.q_end; ++row) Bf16Rows<1>(call, head, row);
}

}  // namespace

const Kernels kAvx512Bf16Kernels = {"avx512_bf16", 32, LayerNorm, Attention, AttentionBf16, GeluErf};

}  // namespace saker::embed
