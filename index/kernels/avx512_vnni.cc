// 8-bit elements and codes with AVX-512 VNNI, bits with VPOPCNTDQ.
#include "index/kernels/avx512_ints.h"
#include "index/kernels/bit_kernels.h"
#include "index/kernels/parts.h"

namespace saker::index {
namespace {

struct Vnni {
  static __m512i Words(__m512i sum, __m512i a, __m512i b) { return _mm512_dpwssd_epi32(sum, a, b); }
  static __m512i Bytes(__m512i sum, __m512i codes, __m512i values) { return _mm512_dpbusd_epi32(sum, codes, values); }
};

// Inner products of int8 without widening: vpdpbusd takes one side without sign, so rows are given 128 more, and 128 times the
// query's sum is subtracted at the end.
template <int N>
inline void SumSigned(const void* query, const void* const* rows, size_t dim, __m512i* sum) {
  const auto* q8 = static_cast<const uint8_t*>(query);
  __m512i of_query = _mm512_setzero_si512();
#pragma GCC unroll 8
  for (int r = 0; r < N; ++r) sum[r] = of_query;
  const auto take = [&](__m512i q, auto load) __attribute__((always_inline)) {
    of_query = _mm512_dpbusd_epi32(of_query, _mm512_set1_epi8(1), q);
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r) sum[r] = _mm512_dpbusd_epi32(sum[r], _mm512_xor_si512(load(r), _mm512_set1_epi8(-128)), q);
  };
  size_t i = 0;
  for (; i + 64 <= dim; i += 64) {
    take(_mm512_loadu_si512(q8 + i), [&](int r) { return _mm512_loadu_si512(static_cast<const uint8_t*>(rows[r]) + i); });
  }
  if (i < dim) {
    const __mmask64 mask = (uint64_t{1} << (dim - i)) - 1;
    take(_mm512_maskz_loadu_epi8(mask, q8 + i),
         [&](int r) { return _mm512_maskz_loadu_epi8(mask, static_cast<const uint8_t*>(rows[r]) + i); });
  }
  of_query = _mm512_slli_epi32(of_query, 7);
#pragma GCC unroll 8
  for (int r = 0; r < N; ++r) sum[r] = _mm512_sub_epi32(sum[r], of_query);
}

float SignedIpOne(const void* query, const void* row, size_t dim) {
  __m512i sum;
  SumSigned<1>(query, &row, dim, &sum);
  return static_cast<float>(SumInt(sum));
}

void SignedIpFour(const void* query, const void* const* rows, size_t dim, float* out) {
  __m512i sum[4];
  SumSigned<4>(query, rows, dim, sum);
  alignas(16) int32_t total[4];
  SumFourInts(sum, total);
  _mm_storeu_ps(out, _mm_cvtepi32_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(total))));
}

constexpr IntKernels IntTable() {
  IntKernels table = WideIntTable<Vnni>();
  table.ip_i8 = {SignedIpOne, SignedIpFour};
  return table;
}

struct Bits : WideVectors<Vnni> {
  static Vector Tail(const void* p, size_t n) { return _mm512_maskz_loadu_epi8((uint64_t{1} << n) - 1, p); }
  static Vector Xor(Vector a, Vector b) { return _mm512_xor_si512(a, b); }
  static Vector And(Vector a, Vector b) { return _mm512_and_si512(a, b); }
  static Vector AddCount(Vector sum, Vector v) { return _mm512_add_epi64(sum, _mm512_popcnt_epi64(v)); }
  static Vector Count(Vector a, Vector b) { return _mm512_popcnt_epi64(And(a, b)); }
  static Vector AddPlanes(Vector sum, Vector row, Vector p0, Vector p1, Vector p2, Vector p3) {
    const Vector low = _mm512_add_epi64(Count(row, p0), _mm512_slli_epi64(Count(row, p1), 1));
    const Vector high = _mm512_add_epi64(Count(row, p2), _mm512_slli_epi64(Count(row, p3), 1));
    return _mm512_add_epi64(sum, _mm512_add_epi64(low, _mm512_slli_epi64(high, 2)));
  }
  static uint32_t Sum(Vector v) { return static_cast<uint32_t>(SumInt(v)); }
  static void SumFour(const Vector* v, uint32_t* out) { SumFourInts(v, out); }
};

}  // namespace

constinit const IntKernels kVnniInts = IntTable();
constinit const CodeKernels kVnniCodes = CodeTable<WideCodes<Vnni>>();
constinit const BitKernels kVpopcntBits = BitTable<Bits>();

}  // namespace saker::index
