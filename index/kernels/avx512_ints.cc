// 8-bit elements, codes and bits on machines with AVX-512 but without VNNI and VPOPCNTDQ.
#include "index/kernels/avx512_ints.h"
#include "index/kernels/bit_kernels.h"
#include "index/kernels/parts.h"

namespace saker::index {
namespace {

struct Pairs {
  static __m512i Words(__m512i sum, __m512i a, __m512i b) { return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b)); }
  static __m512i Bytes(__m512i sum, __m512i codes, __m512i values) {  // two products stay below 2^15: codes have 7 bits
    return Words(sum, _mm512_maddubs_epi16(codes, values), _mm512_set1_epi16(1));
  }
};

struct Bits : WideVectors<Pairs> {
  static Vector Tail(const void* p, size_t n) { return _mm512_maskz_loadu_epi8((uint64_t{1} << n) - 1, p); }
  static Vector Xor(Vector a, Vector b) { return _mm512_xor_si512(a, b); }
  static Vector And(Vector a, Vector b) { return _mm512_and_si512(a, b); }
  // Bits set in each byte, from a table of halves of bytes.
  static Vector ByteCounts(Vector v) {
    const Vector table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const Vector low = WideCodes<Pairs>::Low(v), high = WideCodes<Pairs>::High(v);
    return _mm512_add_epi8(_mm512_shuffle_epi8(table, low), _mm512_shuffle_epi8(table, high));
  }
  static Vector AddBytes(Vector sum, Vector bytes) { return _mm512_add_epi64(sum, _mm512_sad_epu8(bytes, Zero())); }
  static Vector AddCount(Vector sum, Vector v) { return AddBytes(sum, ByteCounts(v)); }
  static Vector Doubled(Vector v) { return _mm512_add_epi8(v, v); }
  static Vector AddPlanes(Vector sum, Vector row, Vector p0, Vector p1, Vector p2, Vector p3) {  // at most 120 a byte
    const Vector high = _mm512_add_epi8(ByteCounts(And(row, p2)), Doubled(ByteCounts(And(row, p3))));
    const Vector low = _mm512_add_epi8(ByteCounts(And(row, p0)), Doubled(ByteCounts(And(row, p1))));
    return AddBytes(sum, _mm512_add_epi8(low, Doubled(Doubled(high))));
  }
  static uint32_t Sum(Vector v) { return static_cast<uint32_t>(SumInt(v)); }
  static void SumFour(const Vector* v, uint32_t* out) { SumFourInts(v, out); }
};

}  // namespace

constinit const IntKernels kAvx512Ints = WideIntTable<Pairs>();
constinit const CodeKernels kAvx512Codes = CodeTable<WideCodes<Pairs>>();
constinit const BitKernels kAvx512Bits = BitTable<Bits>();

}  // namespace saker::index
