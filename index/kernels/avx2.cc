// AVX2 with FMA and F16C. Two accumulators a row whether one row or four are scored, so that both round alike.
#include <immintrin.h>

#include "index/kernels/parts.h"
#include "index/kernels/x86_sums.h"

namespace saker::index {
namespace {

inline __m128i TailOf16(const uint16_t* p, size_t n) {
  alignas(16) uint16_t buffer[8] = {};
  __builtin_memcpy(buffer, p, n * sizeof *p);
  return _mm_load_si128(reinterpret_cast<const __m128i*>(buffer));
}

struct F32 {
  static const float* At(const void* p, size_t i) { return static_cast<const float*>(p) + i; }
  static __m256 Load(const void* p, size_t i) { return _mm256_loadu_ps(At(p, i)); }
  static __m256 Tail(const void* p, size_t i, size_t n) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(At(p, i), _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lanes));
  }
};
struct F16 {
  static const uint16_t* At(const void* p, size_t i) { return static_cast<const uint16_t*>(p) + i; }
  static __m256 Load(const void* p, size_t i) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(At(p, i)))); }
  static __m256 Tail(const void* p, size_t i, size_t n) { return _mm256_cvtph_ps(TailOf16(At(p, i), n)); }
};
struct Bf16 {
  static __m256 Widen(__m128i half) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16)); }
  static __m256 Load(const void* p, size_t i) { return Widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(F16::At(p, i)))); }
  static __m256 Tail(const void* p, size_t i, size_t n) { return Widen(TailOf16(F16::At(p, i), n)); }
};

struct L2 {
  static __m256 Add(__m256 sum, __m256 a, __m256 b) {
    const __m256 difference = _mm256_sub_ps(a, b);
    return _mm256_fmadd_ps(difference, difference, sum);
  }
};
struct Ip {
  static __m256 Add(__m256 sum, __m256 a, __m256 b) { return _mm256_fmadd_ps(a, b, sum); }
};

inline float Sum(__m256 v) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}

template <typename T, typename Op, int N>
inline void Score(const void* query, const void* const* rows, size_t dim, float* out) {
  __m256 even[N], odd[N];
  for (int r = 0; r < N; ++r) even[r] = odd[r] = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + 16 <= dim; i += 16) {
    const __m256 q0 = T::Load(query, i), q1 = T::Load(query, i + 8);
    for (int r = 0; r < N; ++r) {
      even[r] = Op::Add(even[r], q0, T::Load(rows[r], i));
      odd[r] = Op::Add(odd[r], q1, T::Load(rows[r], i + 8));
    }
  }
  if (i + 8 <= dim) {
    const __m256 q = T::Load(query, i);
    for (int r = 0; r < N; ++r) even[r] = Op::Add(even[r], q, T::Load(rows[r], i));
    i += 8;
  }
  if (i < dim) {
    const __m256 q = T::Tail(query, i, dim - i);
    for (int r = 0; r < N; ++r) odd[r] = Op::Add(odd[r], q, T::Tail(rows[r], i, dim - i));
  }
  for (int r = 0; r < N; ++r) out[r] = Sum(_mm256_add_ps(even[r], odd[r]));
}

// int8: widened to 16 bits, multiplied in pairs into 32.
template <bool kL2, int N>
inline void ScoreInt8(const void* query, const void* const* rows, size_t dim, float* out) {
  const auto* q8 = static_cast<const int8_t*>(query);
  __m256i sum[N];
  for (int r = 0; r < N; ++r) sum[r] = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 16 <= dim; i += 16) {
    const __m256i q = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(q8 + i)));
    for (int r = 0; r < N; ++r) {
      const auto* row = static_cast<const int8_t*>(rows[r]);
      const __m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row + i)));
      const __m256i d = _mm256_sub_epi16(q, x);
      sum[r] = _mm256_add_epi32(sum[r], kL2 ? _mm256_madd_epi16(d, d) : _mm256_madd_epi16(q, x));
    }
  }
  for (int r = 0; r < N; ++r) {
    const auto* row = static_cast<const int8_t*>(rows[r]);
    int total = SumInt(sum[r]);
    for (size_t j = i; j < dim; ++j) total += kL2 ? (q8[j] - row[j]) * (q8[j] - row[j]) : q8[j] * row[j];
    out[r] = static_cast<float>(total);
  }
}

template <typename T, typename Op>
float One(const void* query, const void* row, size_t dim) {
  float out;
  Score<T, Op, 1>(query, &row, dim, &out);
  return out;
}
template <typename T, typename Op>
void Four(const void* query, const void* const* rows, size_t dim, float* out) {
  Score<T, Op, 4>(query, rows, dim, out);
}
template <bool kL2>
float OneInt8(const void* query, const void* row, size_t dim) {
  float out;
  ScoreInt8<kL2, 1>(query, &row, dim, &out);
  return out;
}
template <bool kL2>
void FourInt8(const void* query, const void* const* rows, size_t dim, float* out) {
  ScoreInt8<kL2, 4>(query, rows, dim, out);
}

// Bits set in each 64-bit lane: a table of nibble counts, then sums of bytes.
inline __m256i Popcount(__m256i v) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(0x0f);
  const __m256i counts = _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(v, low)),
                                         _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), low)));
  return _mm256_sad_epu8(counts, _mm256_setzero_si256());
}

inline __m256i LoadBytes(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

uint32_t Hamming(const uint8_t* a, const uint8_t* b, size_t bytes) {
  __m256i sum = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 32 <= bytes; i += 32) sum = _mm256_add_epi64(sum, Popcount(_mm256_xor_si256(LoadBytes(a + i), LoadBytes(b + i))));
  auto count = static_cast<uint32_t>(SumInt(sum));
  for (; i < bytes; ++i) count += static_cast<uint32_t>(__builtin_popcount(static_cast<unsigned>(a[i] ^ b[i])));
  return count;
}

void Jaccard(const uint8_t* a, const uint8_t* b, size_t bytes, uint32_t* both, uint32_t* either) {
  __m256i sum_and = _mm256_setzero_si256(), sum_or = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 32 <= bytes; i += 32) {
    const __m256i x = LoadBytes(a + i), y = LoadBytes(b + i);
    sum_and = _mm256_add_epi64(sum_and, Popcount(_mm256_and_si256(x, y)));
    sum_or = _mm256_add_epi64(sum_or, Popcount(_mm256_or_si256(x, y)));
  }
  *both = static_cast<uint32_t>(SumInt(sum_and));
  *either = static_cast<uint32_t>(SumInt(sum_or));
  for (; i < bytes; ++i) {
    *both += static_cast<uint32_t>(__builtin_popcount(static_cast<unsigned>(a[i] & b[i])));
    *either += static_cast<uint32_t>(__builtin_popcount(static_cast<unsigned>(a[i] | b[i])));
  }
}

template <typename T>
void ToF32(const uint16_t* in, float* out, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(out + i, T::Load(in, i));
  if (i == n) return;
  alignas(32) float tail[8];
  _mm256_store_ps(tail, T::Tail(in, i, n - i));
  for (size_t j = 0; i < n; ++i, ++j) out[i] = tail[j];
}

template <typename T, typename Op>
constexpr DistanceKernel Both() {
  return {One<T, Op>, Four<T, Op>};
}

}  // namespace

constinit const Kernels kAvx2Kernels = {
    .isa = "avx2",
    .l2_f32 = Both<F32, L2>(),
    .l2_f16 = Both<F16, L2>(),
    .l2_bf16 = Both<Bf16, L2>(),
    .l2_i8 = {OneInt8<true>, FourInt8<true>},
    .ip_f32 = Both<F32, Ip>(),
    .ip_f16 = Both<F16, Ip>(),
    .ip_bf16 = Both<Bf16, Ip>(),
    .ip_i8 = {OneInt8<false>, FourInt8<false>},
    .hamming = Hamming,
    .jaccard = Jaccard,
    .codes = kAvx2Codes,
    .codes_l2 = kAvx2CodesL2,
    .codes_ip = kAvx2CodesIp,
    .f16_to_f32 = ToF32<F16>,
    .bf16_to_f32 = ToF32<Bf16>,
};

}  // namespace saker::index
