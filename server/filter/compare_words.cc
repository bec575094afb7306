#include "server/filter/compare_words.h"

#include <string_view>
#include <type_traits>

#include "common/check.h"
#include "index/kernels/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace saker::filter {
namespace {

template <Op kOp, typename T>
bool Holds(T a, T b) {
  switch (kOp) {
    case Op::kEq: return a == b;
    case Op::kNe: return a != b;
    case Op::kLt: return a < b;
    case Op::kLe: return a <= b;
    case Op::kGt: return a > b;
    default: return a >= b;
  }
}

template <Op kOp, typename T>
uint64_t ScalarWord(const T* values, T bound, size_t rows) {
  uint64_t word = 0;
  for (size_t i = 0; i < rows; ++i) word |= uint64_t{Holds<kOp>(values[i], bound)} << i;
  return word;
}

#if defined(__x86_64__)
#define SAKER_AVX2 __attribute__((target("avx2")))
#define SAKER_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

template <Op kOp>
constexpr int kRealImmediate = kOp == Op::kEq   ? _CMP_EQ_OQ
                               : kOp == Op::kNe ? _CMP_NEQ_UQ
                               : kOp == Op::kLt ? _CMP_LT_OQ
                               : kOp == Op::kLe ? _CMP_LE_OQ
                               : kOp == Op::kGt ? _CMP_GT_OQ
                                                : _CMP_GE_OQ;
template <Op kOp>
constexpr int kIntegerImmediate = kOp == Op::kEq   ? _MM_CMPINT_EQ
                                  : kOp == Op::kNe ? _MM_CMPINT_NE
                                  : kOp == Op::kLt ? _MM_CMPINT_LT
                                  : kOp == Op::kLe ? _MM_CMPINT_LE
                                  : kOp == Op::kGt ? _MM_CMPINT_NLE
                                                   : _MM_CMPINT_NLT;

template <Op kOp, typename T>
SAKER_AVX512 uint64_t Avx512Word(const T* values, T bound) {
  constexpr size_t kStep = 64 / sizeof(T);
  uint64_t word = 0;
  for (size_t i = 0; i < 64; i += kStep) {
    uint64_t part = 0;
    if constexpr (std::is_same_v<T, float>) {
      part = _mm512_cmp_ps_mask(_mm512_loadu_ps(values + i), _mm512_set1_ps(bound), kRealImmediate<kOp>);
    } else if constexpr (std::is_same_v<T, double>) {
      part = _mm512_cmp_pd_mask(_mm512_loadu_pd(values + i), _mm512_set1_pd(bound), kRealImmediate<kOp>);
    } else if constexpr (sizeof(T) == 8) {
      part = _mm512_cmp_epi64_mask(_mm512_loadu_si512(values + i), _mm512_set1_epi64(bound), kIntegerImmediate<kOp>);
    } else if constexpr (sizeof(T) == 4) {
      part = _mm512_cmp_epi32_mask(_mm512_loadu_si512(values + i), _mm512_set1_epi32(bound), kIntegerImmediate<kOp>);
    } else if constexpr (sizeof(T) == 2) {
      part = _mm512_cmp_epi16_mask(_mm512_loadu_si512(values + i), _mm512_set1_epi16(bound), kIntegerImmediate<kOp>);
    } else {
      part = _mm512_cmp_epi8_mask(_mm512_loadu_si512(values + i), _mm512_set1_epi8(bound), kIntegerImmediate<kOp>);
    }
    word |= part << i;
  }
  return word;
}

// Integers have only == and > here; the other four are their opposites and their mirror images.
template <Op kOp>
SAKER_AVX2 inline __m256i Outcome(__m256i equal, __m256i above, __m256i below) {
  const __m256i all = _mm256_set1_epi8(-1);
  switch (kOp) {
    case Op::kEq: return equal;
    case Op::kNe: return _mm256_xor_si256(equal, all);
    case Op::kLt: return below;
    case Op::kLe: return _mm256_xor_si256(above, all);
    case Op::kGt: return above;
    default: return _mm256_xor_si256(below, all);
  }
}

template <Op kOp, typename T>
SAKER_AVX2 uint64_t Avx2Word(const T* values, T bound) {
  constexpr size_t kStep = 32 / sizeof(T);
  uint64_t word = 0;
  for (size_t i = 0; i < 64; i += kStep) {
    unsigned part = 0;
    if constexpr (std::is_same_v<T, float>) {
      part =
          static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(values + i), _mm256_set1_ps(bound), kRealImmediate<kOp>)));
    } else if constexpr (std::is_same_v<T, double>) {
      part =
          static_cast<unsigned>(_mm256_movemask_pd(_mm256_cmp_pd(_mm256_loadu_pd(values + i), _mm256_set1_pd(bound), kRealImmediate<kOp>)));
    } else {
      const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values + i));
      if constexpr (sizeof(T) == 8) {
        const __m256i b = _mm256_set1_epi64x(bound);
        const __m256i held = Outcome<kOp>(_mm256_cmpeq_epi64(v, b), _mm256_cmpgt_epi64(v, b), _mm256_cmpgt_epi64(b, v));
        part = static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(held)));
      } else if constexpr (sizeof(T) == 4) {
        const __m256i b = _mm256_set1_epi32(bound);
        const __m256i held = Outcome<kOp>(_mm256_cmpeq_epi32(v, b), _mm256_cmpgt_epi32(v, b), _mm256_cmpgt_epi32(b, v));
        part = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(held)));
      } else {
        static_assert(sizeof(T) == 1);
        const __m256i b = _mm256_set1_epi8(bound);
        const __m256i held = Outcome<kOp>(_mm256_cmpeq_epi8(v, b), _mm256_cmpgt_epi8(v, b), _mm256_cmpgt_epi8(b, v));
        part = static_cast<unsigned>(_mm256_movemask_epi8(held));
      }
    }
    word |= uint64_t{part} << i;
  }
  return word;
}
#endif

enum class Level { kScalar, kAvx2, kAvx512 };

Level ChosenLevel() {
#if defined(__x86_64__)
  const std::string_view isa = index::BestKernels().isa;
  if (isa.starts_with("avx512")) return Level::kAvx512;
  if (isa == "avx2") return Level::kAvx2;
#endif
  return Level::kScalar;
}

template <Op kOp, typename T>
void Compare(const T* values, T bound, size_t rows, uint64_t* out) {
  static const Level level = ChosenLevel();
  const size_t words = rows / 64;
  for (size_t w = 0; w < words; ++w, values += 64) {
#if defined(__x86_64__)
    if (level == Level::kAvx512) {
      out[w] = Avx512Word<kOp>(values, bound);
      continue;
    }
    if constexpr (sizeof(T) != 2) {
      if (level == Level::kAvx2) {
        out[w] = Avx2Word<kOp>(values, bound);
        continue;
      }
    }
#endif
    out[w] = ScalarWord<kOp>(values, bound, 64);
  }
  if (rows % 64 != 0) out[words] = ScalarWord<kOp>(values, bound, rows % 64);
}

}  // namespace

template <typename T>
void CompareWords(Op op, const T* values, T bound, size_t rows, uint64_t* out) {
  switch (op) {
    case Op::kEq: return Compare<Op::kEq>(values, bound, rows, out);
    case Op::kNe: return Compare<Op::kNe>(values, bound, rows, out);
    case Op::kLt: return Compare<Op::kLt>(values, bound, rows, out);
    case Op::kLe: return Compare<Op::kLe>(values, bound, rows, out);
    case Op::kGt: return Compare<Op::kGt>(values, bound, rows, out);
    default: CHECK(op == Op::kGe); return Compare<Op::kGe>(values, bound, rows, out);
  }
}

template void CompareWords(Op, const int8_t*, int8_t, size_t, uint64_t*);
template void CompareWords(Op, const int16_t*, int16_t, size_t, uint64_t*);
template void CompareWords(Op, const int32_t*, int32_t, size_t, uint64_t*);
template void CompareWords(Op, const int64_t*, int64_t, size_t, uint64_t*);
template void CompareWords(Op, const float*, float, size_t, uint64_t*);
template void CompareWords(Op, const double*, double, size_t, uint64_t*);

}  // namespace saker::filter
