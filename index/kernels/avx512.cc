// AVX-512 (F, BW, DQ, VL), tails by mask. Two accumulators a row whether one row or four are scored: both round alike.
// The bit counts exist twice: with VPOPCNTDQ, and for machines without it by a table of nibbles.
#include <immintrin.h>

#include "index/kernels/parts.h"

namespace saker::index {
namespace {

inline __mmask16 Mask16(size_t n) {
  return static_cast<__mmask16>((1u << n) - 1);
}

struct F32 {
  static const float* At(const void* p, size_t i) { return static_cast<const float*>(p) + i; }
  static __m512 Load(const void* p, size_t i) { return _mm512_loadu_ps(At(p, i)); }
  static __m512 Tail(const void* p, size_t i, size_t n) { return _mm512_maskz_loadu_ps(Mask16(n), At(p, i)); }
};
struct F16 {
  static const uint16_t* At(const void* p, size_t i) { return static_cast<const uint16_t*>(p) + i; }
  static __m512 Load(const void* p, size_t i) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(At(p, i)))); }
  static __m512 Tail(const void* p, size_t i, size_t n) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(Mask16(n), At(p, i))); }
};
struct Bf16 {
  static __m512 Widen(__m256i half) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16)); }
  static __m512 Load(const void* p, size_t i) { return Widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(F16::At(p, i)))); }
  static __m512 Tail(const void* p, size_t i, size_t n) { return Widen(_mm256_maskz_loadu_epi16(Mask16(n), F16::At(p, i))); }
};

struct L2 {
  static __m512 Add(__m512 sum, __m512 a, __m512 b) {
    const __m512 difference = _mm512_sub_ps(a, b);
    return _mm512_fmadd_ps(difference, difference, sum);
  }
};
struct Ip {
  static __m512 Add(__m512 sum, __m512 a, __m512 b) { return _mm512_fmadd_ps(a, b, sum); }
};

template <typename T, typename Op, int N>
inline void Score(const void* query, const void* const* rows, size_t dim, float* out) {
  __m512 even[N], odd[N];
  for (int r = 0; r < N; ++r) even[r] = odd[r] = _mm512_setzero_ps();
  size_t i = 0;
  for (; i + 32 <= dim; i += 32) {
    const __m512 q0 = T::Load(query, i), q1 = T::Load(query, i + 16);
    for (int r = 0; r < N; ++r) {
      even[r] = Op::Add(even[r], q0, T::Load(rows[r], i));
      odd[r] = Op::Add(odd[r], q1, T::Load(rows[r], i + 16));
    }
  }
  if (i + 16 <= dim) {
    const __m512 q = T::Load(query, i);
    for (int r = 0; r < N; ++r) even[r] = Op::Add(even[r], q, T::Load(rows[r], i));
    i += 16;
  }
  if (i < dim) {
    const __m512 q = T::Tail(query, i, dim - i);
    for (int r = 0; r < N; ++r) odd[r] = Op::Add(odd[r], q, T::Tail(rows[r], i, dim - i));
  }
  for (int r = 0; r < N; ++r) out[r] = _mm512_reduce_add_ps(_mm512_add_ps(even[r], odd[r]));
}

// int8: widened to 16 bits, multiplied in pairs into 32.
template <bool kL2>
inline __m512i AddInt8(__m512i sum, __m512i q, __m256i row) {
  const __m512i x = _mm512_cvtepi8_epi16(row);
  const __m512i d = _mm512_sub_epi16(q, x);
  return _mm512_add_epi32(sum, kL2 ? _mm512_madd_epi16(d, d) : _mm512_madd_epi16(q, x));
}

template <bool kL2, int N>
inline void ScoreInt8(const void* query, const void* const* rows, size_t dim, float* out) {
  const auto* q8 = static_cast<const int8_t*>(query);
  __m512i sum[N];
  for (int r = 0; r < N; ++r) sum[r] = _mm512_setzero_si512();
  size_t i = 0;
  for (; i + 32 <= dim; i += 32) {
    const __m512i q = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(q8 + i)));
    for (int r = 0; r < N; ++r) {
      sum[r] = AddInt8<kL2>(sum[r], q, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(static_cast<const int8_t*>(rows[r]) + i)));
    }
  }
  if (i < dim) {
    const auto mask = static_cast<__mmask32>((uint64_t{1} << (dim - i)) - 1);
    const __m512i q = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, q8 + i));
    for (int r = 0; r < N; ++r) {
      sum[r] = AddInt8<kL2>(sum[r], q, _mm256_maskz_loadu_epi8(mask, static_cast<const int8_t*>(rows[r]) + i));
    }
  }
  for (int r = 0; r < N; ++r) out[r] = static_cast<float>(_mm512_reduce_add_epi32(sum[r]));
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

#define SAKER_VPOPCNT __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq")))

inline __m512i CountNibbles(__m512i v) {
  const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m512i low = _mm512_set1_epi8(0x0f);
  const __m512i counts = _mm512_add_epi8(_mm512_shuffle_epi8(table, _mm512_and_si512(v, low)),
                                         _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(v, 4), low)));
  return _mm512_sad_epu8(counts, _mm512_setzero_si512());
}

// Bytes from p, at most 64 of them, zero beyond.
inline __m512i LoadBytes(const uint8_t* p, size_t left) {
  return left >= 64 ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi8((uint64_t{1} << left) - 1, p);
}

uint32_t Hamming(const uint8_t* a, const uint8_t* b, size_t bytes) {
  __m512i sum = _mm512_setzero_si512();
  for (size_t i = 0; i < bytes; i += 64) {
    sum = _mm512_add_epi64(sum, CountNibbles(_mm512_xor_si512(LoadBytes(a + i, bytes - i), LoadBytes(b + i, bytes - i))));
  }
  return static_cast<uint32_t>(_mm512_reduce_add_epi64(sum));
}

void Jaccard(const uint8_t* a, const uint8_t* b, size_t bytes, uint32_t* both, uint32_t* either) {
  __m512i sum_and = _mm512_setzero_si512(), sum_or = _mm512_setzero_si512();
  for (size_t i = 0; i < bytes; i += 64) {
    const __m512i x = LoadBytes(a + i, bytes - i), y = LoadBytes(b + i, bytes - i);
    sum_and = _mm512_add_epi64(sum_and, CountNibbles(_mm512_and_si512(x, y)));
    sum_or = _mm512_add_epi64(sum_or, CountNibbles(_mm512_or_si512(x, y)));
  }
  *both = static_cast<uint32_t>(_mm512_reduce_add_epi64(sum_and));
  *either = static_cast<uint32_t>(_mm512_reduce_add_epi64(sum_or));
}

SAKER_VPOPCNT uint32_t HammingPopcnt(const uint8_t* a, const uint8_t* b, size_t bytes) {
  __m512i sum = _mm512_setzero_si512();
  for (size_t i = 0; i < bytes; i += 64) {
    sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_xor_si512(LoadBytes(a + i, bytes - i), LoadBytes(b + i, bytes - i))));
  }
  return static_cast<uint32_t>(_mm512_reduce_add_epi64(sum));
}

SAKER_VPOPCNT void JaccardPopcnt(const uint8_t* a, const uint8_t* b, size_t bytes, uint32_t* both, uint32_t* either) {
  __m512i sum_and = _mm512_setzero_si512(), sum_or = _mm512_setzero_si512();
  for (size_t i = 0; i < bytes; i += 64) {
    const __m512i x = LoadBytes(a + i, bytes - i), y = LoadBytes(b + i, bytes - i);
    sum_and = _mm512_add_epi64(sum_and, _mm512_popcnt_epi64(_mm512_and_si512(x, y)));
    sum_or = _mm512_add_epi64(sum_or, _mm512_popcnt_epi64(_mm512_or_si512(x, y)));
  }
  *both = static_cast<uint32_t>(_mm512_reduce_add_epi64(sum_and));
  *either = static_cast<uint32_t>(_mm512_reduce_add_epi64(sum_or));
}

template <typename T>
void ToF32(const uint16_t* in, float* out, size_t n) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) _mm512_storeu_ps(out + i, T::Load(in, i));
  if (i < n) _mm512_mask_storeu_ps(out + i, Mask16(n - i), T::Tail(in, i, n - i));
}

template <typename T, typename Op>
constexpr DistanceKernel Both() {
  return {One<T, Op>, Four<T, Op>};
}

constexpr Kernels Table(const char* isa, decltype(Kernels::hamming) hamming, decltype(Kernels::jaccard) jaccard, const CodeKernel& codes,
                        const CodePairKernel& codes_l2, const CodePairKernel& codes_ip) {
  return {
      .isa = isa,
      .l2_f32 = Both<F32, L2>(),
      .l2_f16 = Both<F16, L2>(),
      .l2_bf16 = Both<Bf16, L2>(),
      .l2_i8 = {OneInt8<true>, FourInt8<true>},
      .ip_f32 = Both<F32, Ip>(),
      .ip_f16 = Both<F16, Ip>(),
      .ip_bf16 = Both<Bf16, Ip>(),
      .ip_i8 = {OneInt8<false>, FourInt8<false>},
      .hamming = hamming,
      .jaccard = jaccard,
      .codes = codes,
      .codes_l2 = codes_l2,
      .codes_ip = codes_ip,
      .f16_to_f32 = ToF32<F16>,
      .bf16_to_f32 = ToF32<Bf16>,
  };
}

}  // namespace

constinit const Kernels kAvx512Kernels = Table("avx512", Hamming, Jaccard, kAvx512Codes, kAvx512CodesL2, kAvx512CodesIp);
constinit const Kernels kAvx512PopcntKernels =
    Table("avx512-vpopcnt", HammingPopcnt, JaccardPopcnt, kVnniCodes, kVnniCodesL2, kVnniCodesIp);

}  // namespace saker::index
