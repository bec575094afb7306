// 7-bit codes with AVX2. Pairs of products stay below 2^15, so that maddubs never saturates.
#include <immintrin.h>

#include "index/kernels/parts.h"
#include "index/kernels/x86_sums.h"

namespace saker::index {
namespace {

inline __m256i Load(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

inline __m256i AddProducts(__m256i sum, __m256i codes, __m256i other) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(codes, other), _mm256_set1_epi16(1)));
}

template <int N>
inline void SumProducts(const uint8_t* const* rows, const int8_t* high, const int8_t* low, size_t bytes, __m256i* sum_high,
                        __m256i* sum_low) {
  for (int r = 0; r < N; ++r) sum_high[r] = sum_low[r] = _mm256_setzero_si256();
  for (size_t i = 0; i < bytes; i += 32) {
    const __m256i h = Load(high + i), l = Load(low + i);
    for (int r = 0; r < N; ++r) {
      const __m256i row = Load(rows[r] + i);
      sum_high[r] = AddProducts(sum_high[r], row, h);
      sum_low[r] = AddProducts(sum_low[r], row, l);
    }
  }
}

float CodesOne(const uint8_t* row, const int8_t* high, const int8_t* low, size_t bytes) {
  __m256i sum_high, sum_low;
  SumProducts<1>(&row, high, low, bytes, &sum_high, &sum_low);
  return 128.0f * static_cast<float>(SumInt(sum_high)) + static_cast<float>(SumInt(sum_low));
}

void CodesFour(const uint8_t* const* rows, const int8_t* high, const int8_t* low, size_t bytes, float* out) {
  __m256i sum_high[4], sum_low[4];
  SumProducts<4>(rows, high, low, bytes, sum_high, sum_low);
  const __m128 h = _mm_cvtepi32_ps(SumFour(sum_high)), l = _mm_cvtepi32_ps(SumFour(sum_low));
  _mm_storeu_ps(out, _mm_add_ps(_mm_mul_ps(h, _mm_set1_ps(128.0f)), l));
}

struct L2 {
  static __m256i Add(__m256i sum, __m256i a, __m256i b) {
    const __m256i difference = _mm256_abs_epi8(_mm256_sub_epi8(a, b));
    return AddProducts(sum, difference, difference);
  }
};
struct Ip {
  static __m256i Add(__m256i sum, __m256i a, __m256i b) { return AddProducts(sum, a, b); }
};

template <typename Op>
uint32_t One(const uint8_t* query, const uint8_t* row, size_t bytes) {
  __m256i even = _mm256_setzero_si256(), odd = even;
  for (size_t i = 0; i < bytes; i += 64) {
    even = Op::Add(even, Load(query + i), Load(row + i));
    odd = Op::Add(odd, Load(query + i + 32), Load(row + i + 32));
  }
  return static_cast<uint32_t>(SumInt(_mm256_add_epi32(even, odd)));
}

template <typename Op>
void Four(const uint8_t* query, const uint8_t* const* rows, size_t bytes, uint32_t* out) {
  __m256i sum[4];
  for (auto& s : sum) s = _mm256_setzero_si256();
  for (size_t i = 0; i < bytes; i += 32) {
    const __m256i q = Load(query + i);
    for (int r = 0; r < 4; ++r) sum[r] = Op::Add(sum[r], q, Load(rows[r] + i));
  }
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), SumFour(sum));
}

}  // namespace

constinit const CodeKernel kAvx2Codes = {CodesOne, CodesFour};
constinit const CodePairKernel kAvx2CodesL2 = {One<L2>, Four<L2>};
constinit const CodePairKernel kAvx2CodesIp = {One<Ip>, Four<Ip>};

}  // namespace saker::index
