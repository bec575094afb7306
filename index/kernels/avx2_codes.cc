// 8-bit elements, codes and bits with AVX2.
#include <immintrin.h>

#include "index/kernels/bit_kernels.h"
#include "index/kernels/code_kernels.h"
#include "index/kernels/int_kernels.h"
#include "index/kernels/parts.h"
#include "index/kernels/x86_sums.h"

namespace saker::index {
namespace {

struct Vectors {
  using Vector = __m256i;
  static constexpr size_t kBytes = 32;
  static Vector Zero() { return _mm256_setzero_si256(); }
  static Vector Load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static int32_t Sum(Vector v) { return SumInt(v); }
  static void SumFour(const Vector* v, int32_t* out) { SumFourInts(v, out); }
};

template <bool kSigned>
struct Ints : Vectors {
  static constexpr size_t kElements = 16;
  static Vector Widen(__m128i v) { return kSigned ? _mm256_cvtepi8_epi16(v) : _mm256_cvtepu8_epi16(v); }
  static Vector Load(const uint8_t* p) { return Widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static Vector Tail(const uint8_t* p, size_t n) { return Widen(ZeroFilled<__m128i>(p, n)); }
  static Vector Difference(Vector a, Vector b) { return _mm256_sub_epi16(a, b); }
  static Vector AddProducts(Vector sum, Vector a, Vector b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); }
};

struct Codes : Vectors {
  static Vector Difference(Vector a, Vector b) { return _mm256_abs_epi8(_mm256_sub_epi8(a, b)); }
  static Vector AddProducts(Vector sum, Vector codes, Vector values) {  // pairs stay below 2^15: codes have 7 bits
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(codes, values), _mm256_set1_epi16(1)));
  }
  static Vector Low(Vector v) { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
  static Vector High(Vector v) { return Low(_mm256_srli_epi16(v, 4)); }
};

struct Bits : Vectors {
  static Vector Tail(const void* p, size_t n) { return ZeroFilled<__m256i>(p, n); }
  static Vector Xor(Vector a, Vector b) { return _mm256_xor_si256(a, b); }
  static Vector And(Vector a, Vector b) { return _mm256_and_si256(a, b); }
  // Bits set in each byte, from a table of halves of bytes.
  static Vector ByteCounts(Vector v) {
    const Vector table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    return _mm256_add_epi8(_mm256_shuffle_epi8(table, Codes::Low(v)), _mm256_shuffle_epi8(table, Codes::High(v)));
  }
  static Vector AddBytes(Vector sum, Vector bytes) { return _mm256_add_epi64(sum, _mm256_sad_epu8(bytes, Zero())); }
  static Vector AddCount(Vector sum, Vector v) { return AddBytes(sum, ByteCounts(v)); }
  static Vector Doubled(Vector v) { return _mm256_add_epi8(v, v); }
  static Vector AddPlanes(Vector sum, Vector row, Vector p0, Vector p1, Vector p2, Vector p3) {  // at most 120 a byte
    const Vector high = _mm256_add_epi8(ByteCounts(And(row, p2)), Doubled(ByteCounts(And(row, p3))));
    const Vector low = _mm256_add_epi8(ByteCounts(And(row, p0)), Doubled(ByteCounts(And(row, p1))));
    return AddBytes(sum, _mm256_add_epi8(low, Doubled(Doubled(high))));
  }
  static uint32_t Sum(Vector v) { return static_cast<uint32_t>(SumInt(v)); }
  static void SumFour(const Vector* v, uint32_t* out) { SumFourInts(v, out); }
};

}  // namespace

constinit const IntKernels kAvx2Ints = {.l2_i8 = IntKernel<Ints<true>, true>(),
                                        .l2_u8 = IntKernel<Ints<false>, true>(),
                                        .ip_i8 = IntKernel<Ints<true>, false>(),
                                        .ip_u8 = IntKernel<Ints<false>, false>()};
constinit const CodeKernels kAvx2Codes = CodeTable<Codes>();
constinit const BitKernels kAvx2Bits = BitTable<Bits>();

}  // namespace saker::index
