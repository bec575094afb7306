// 7-bit codes on machines with AVX-512 but without VNNI.
#include "index/kernels/avx512_codes.h"

namespace saker::index {
namespace {

struct Pairs {  // sums of two products stay below 2^15: codes have 7 bits
  static __m512i Add(__m512i sum, __m512i codes, __m512i other) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(codes, other), _mm512_set1_epi16(1)));
  }
};

}  // namespace

using namespace avx512;
constinit const CodeKernel kAvx512Codes = {CodesOne<Pairs>, CodesFour<Pairs>};
constinit const CodePairKernel kAvx512CodesL2 = {One<L2<Pairs>>, Four<L2<Pairs>>};
constinit const CodePairKernel kAvx512CodesIp = {One<Ip<Pairs>>, Four<Ip<Pairs>>};

}  // namespace saker::index
