// The operators written once over a vector type V; avx2.cc and avx512.cc each include this inside their own unnamed
// namespace with their own V, so that no instantiation is shared between files compiled with different flags.
//
// No standard template may be used either: its instantiation would be shared.
//
// V: kLanes, type Reg; Load, Store, Set, Zero, Add, Sub, Mul, Div, Fma, Max, Min, Sum, MaxLane, Round, Pow2 (2^x of a
// whole x), Transpose (of kLanes registers), StoreBf16. No include guard on purpose.

// e^x, relative error below 2e-7 for x in [-87, 88]; smaller x give e^-87, which softmax cannot tell from 0.
inline V::Reg Exp(V::Reg x) {
  x = V::Min(V::Set(88.0F), V::Max(V::Set(-87.0F), x));  // in this order NaN stays NaN
  const V::Reg n = V::Round(V::Mul(x, V::Set(1.44269504088896341F)));
  V::Reg r = V::Fma(n, V::Set(-0.693359375F), x);
  r = V::Fma(n, V::Set(2.12194440e-4F), r);
  V::Reg p = V::Set(1.9875691500e-4F);  // Cephes expf
  p = V::Fma(p, r, V::Set(1.3981999507e-3F));
  p = V::Fma(p, r, V::Set(8.3334519073e-3F));
  p = V::Fma(p, r, V::Set(4.1665795894e-2F));
  p = V::Fma(p, r, V::Set(1.6666665459e-1F));
  p = V::Fma(p, r, V::Set(5.0000001201e-1F));
  p = V::Fma(p, V::Mul(r, r), V::Add(r, V::Set(1.0F)));
  return V::Mul(p, V::Pow2(n));
}

// erf by Abramowitz and Stegun 7.1.26, absolute error below 2e-7.
inline V::Reg Gelu(V::Reg x) {
  const V::Reg z = V::Mul(x, V::Set(0.70710678118654752F));
  const V::Reg a = V::Max(z, V::Sub(V::Zero(), z));
  const V::Reg t = V::Div(V::Set(1.0F), V::Fma(a, V::Set(0.3275911F), V::Set(1.0F)));
  V::Reg p = V::Set(1.061405429F);
  p = V::Fma(p, t, V::Set(-1.453152027F));
  p = V::Fma(p, t, V::Set(1.421413741F));
  p = V::Fma(p, t, V::Set(-0.284496736F));
  p = V::Fma(p, t, V::Set(0.254829592F));
  const V::Reg tail = V::Mul(V::Mul(p, t), Exp(V::Sub(V::Zero(), V::Mul(a, a))));  // 1 - erf(|z|)
  // x/2 (1 + erf z) = max(x, 0) - |x|/2 tail: no cancellation on either side.
  const V::Reg half = V::Mul(V::Set(0.5F), V::Max(x, V::Sub(V::Zero(), x)));
  return V::Sub(V::Max(x, V::Zero()), V::Mul(half, tail));
}

void GeluErf(float* x, size_t count) {
  size_t i = 0;
  for (; i + V::kLanes <= count; i += V::kLanes) V::Store(x + i, Gelu(V::Load(x + i)));
  if (i < count) {
    alignas(64) float rest[V::kLanes] = {};
    std::memcpy(rest, x + i, (count - i) * sizeof(float));
    V::Store(rest, Gelu(V::Load(rest)));
    std::memcpy(x + i, rest, (count - i) * sizeof(float));
  }
}

void LayerNorm(float* x, const float* gamma, const float* beta, float epsilon, size_t rows, size_t dim, uint16_t* bf16) {
  if (dim % V::kLanes != 0) return kScalarKernels.layer_norm(x, gamma, beta, epsilon, rows, dim, bf16);
  const float inverse_dim = 1.0F / static_cast<float>(dim);
  for (size_t r = 0; r < rows; ++r) {
    float* row = x + r * dim;
    V::Reg sum = V::Zero();
    for (size_t i = 0; i < dim; i += V::kLanes) sum = V::Add(sum, V::Load(row + i));
    const V::Reg mean = V::Set(V::Sum(sum) * inverse_dim);
    V::Reg squares = V::Zero();
    for (size_t i = 0; i < dim; i += V::kLanes) {
      const V::Reg d = V::Sub(V::Load(row + i), mean);
      squares = V::Fma(d, d, squares);
    }
    const V::Reg scale = V::Set(1.0F / std::sqrt(V::Sum(squares) * inverse_dim + epsilon));
    for (size_t i = 0; i < dim; i += V::kLanes) {
      const V::Reg y = V::Fma(V::Mul(V::Sub(V::Load(row + i), mean), scale), V::Load(gamma + i), V::Load(beta + i));
      V::Store(row + i, y);
      if (bf16 != nullptr) V::StoreBf16(bf16 + r * dim + i, y);
    }
  }
}

// scores[r][j..] for Rows query rows and Vectors vectors of keys, against the transposed keys.
template <size_t Rows, size_t Vectors>
inline void ScoreTile(const float* q, size_t stride, const float* keys, size_t padded, size_t head_dim, float* scores) {
  V::Reg sum[Rows][Vectors];
  for (size_t r = 0; r < Rows; ++r) {
    for (size_t c = 0; c < Vectors; ++c) sum[r][c] = V::Zero();
  }
  for (size_t d = 0; d < head_dim; ++d) {
    V::Reg key[Vectors];
    for (size_t c = 0; c < Vectors; ++c) key[c] = V::Load(keys + d * padded + c * V::kLanes);
    for (size_t r = 0; r < Rows; ++r) {
      const V::Reg value = V::Set(q[r * stride + d]);
      for (size_t c = 0; c < Vectors; ++c) sum[r][c] = V::Fma(value, key[c], sum[r][c]);
    }
  }
  for (size_t r = 0; r < Rows; ++r) {
    for (size_t c = 0; c < Vectors; ++c) V::Store(scores + r * padded + c * V::kLanes, sum[r][c]);
  }
}

// Scores become weights (not yet divided by their sum); the padding's are 0. Returns 1 / sum.
inline float SoftmaxRow(float* scores, size_t tokens, size_t padded, float scale) {
  for (size_t j = tokens; j < padded; ++j) scores[j] = -INFINITY;
  V::Reg most = V::Load(scores);
  for (size_t j = V::kLanes; j < padded; j += V::kLanes) most = V::Max(most, V::Load(scores + j));
  const V::Reg shift = V::Set(-V::MaxLane(most) * scale);
  const V::Reg factor = V::Set(scale);
  V::Reg sum = V::Zero();
  size_t j = 0;
  for (; j + V::kLanes <= tokens; j += V::kLanes) {
    const V::Reg weight = Exp(V::Fma(V::Load(scores + j), factor, shift));
    V::Store(scores + j, weight);
    sum = V::Add(sum, weight);
  }
  float total = V::Sum(sum);
  if (j < tokens) {
    V::Store(scores + j, Exp(V::Fma(V::Load(scores + j), factor, shift)));
    for (size_t k = j; k < tokens; ++k) total += scores[k];
  }
  return 1.0F / total;
}

// out[r] = sum over tokens of weight[r][j] v[j], for Rows rows and Vectors vectors of the head.
template <size_t Rows, size_t Vectors>
inline void ValueTile(const float* weights, size_t padded, const float* v, size_t stride, size_t tokens, const float* inverse, float* out,
                      size_t out_stride) {
  V::Reg sum[Rows][Vectors];
  for (size_t r = 0; r < Rows; ++r) {
    for (size_t c = 0; c < Vectors; ++c) sum[r][c] = V::Zero();
  }
  for (size_t j = 0; j < tokens; ++j) {
    V::Reg value[Vectors];
    for (size_t c = 0; c < Vectors; ++c) value[c] = V::Load(v + j * stride + c * V::kLanes);
    for (size_t r = 0; r < Rows; ++r) {
      const V::Reg weight = V::Set(weights[r * padded + j]);
      for (size_t c = 0; c < Vectors; ++c) sum[r][c] = V::Fma(weight, value[c], sum[r][c]);
    }
  }
  for (size_t r = 0; r < Rows; ++r) {
    for (size_t c = 0; c < Vectors; ++c) V::Store(out + r * out_stride + c * V::kLanes, V::Mul(sum[r][c], V::Set(inverse[r])));
  }
}

template <size_t Rows>
inline void AttentionRows(const AttentionCall& call, const float* keys, size_t padded, float* scores, size_t row) {
  const float* q = call.q + row * call.stride;
  constexpr size_t kWide = V::kScoreVectors;
  size_t j = 0;
  for (; j + kWide * V::kLanes <= padded; j += kWide * V::kLanes) {
    ScoreTile<Rows, kWide>(q, call.stride, keys + j, padded, call.head_dim, scores + j);
  }
  for (; j < padded; j += V::kLanes) ScoreTile<Rows, 1>(q, call.stride, keys + j, padded, call.head_dim, scores + j);
  float inverse[Rows];
  for (size_t r = 0; r < Rows; ++r) inverse[r] = SoftmaxRow(scores + r * padded, call.tokens, padded, call.scale);
  constexpr size_t kValueWide = V::kValueVectors;
  size_t d = 0;
  float* out = call.out + row * call.out_stride;
  for (; d + kValueWide * V::kLanes <= call.head_dim; d += kValueWide * V::kLanes) {
    ValueTile<Rows, kValueWide>(scores, padded, call.v + d, call.stride, call.tokens, inverse, out + d, call.out_stride);
  }
  for (; d < call.head_dim; d += V::kLanes)
    ValueTile<Rows, 1>(scores, padded, call.v + d, call.stride, call.tokens, inverse, out + d, call.out_stride);
}

// keys[d][j] = k[j][d], zero for j beyond the tokens.
inline void TransposeKeys(const AttentionCall& call, size_t padded, float* keys) {
  for (size_t j = 0; j < padded; j += V::kLanes) {
    for (size_t d = 0; d < call.head_dim; d += V::kLanes) {
      V::Reg block[V::kLanes];
      for (size_t r = 0; r < V::kLanes; ++r) block[r] = j + r < call.tokens ? V::Load(call.k + (j + r) * call.stride + d) : V::Zero();
      V::Transpose(block);
      for (size_t r = 0; r < V::kLanes; ++r) V::Store(keys + (d + r) * padded + j, block[r]);
    }
  }
}

void Attention(const AttentionCall& call) {
  if (call.head_dim % V::kLanes != 0) return kScalarKernels.attention(call);
  const size_t padded = (call.tokens + 15) / 16 * 16;
  float* keys = call.scratch;
  float* scores = keys + padded * call.head_dim;
  TransposeKeys(call, padded, keys);
  size_t row = call.q_begin;
  for (; row + V::kBlockRows <= call.q_end; row += V::kBlockRows) AttentionRows<V::kBlockRows>(call, keys, padded, scores, row);
  for (; row + 2 <= call.q_end; row += 2) AttentionRows<2>(call, keys, padded, scores, row);
  for (; row < call.q_end; ++row) AttentionRows<1>(call, keys, padded, scores, row);
}
