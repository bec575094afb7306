// 7-bit codes with AVX-512 VNNI.
#include "index/kernels/avx512_codes.h"

namespace saker::index {
namespace {

struct Vnni {
  static __m512i Add(__m512i sum, __m512i codes, __m512i other) { return _mm512_dpbusd_epi32(sum, codes, other); }
};

}  // namespace

using namespace avx512;
constinit const CodeKernel kVnniCodes = {CodesOne<Vnni>, CodesFour<Vnni>};
constinit const CodePairKernel kVnniCodesL2 = {One<L2<Vnni>>, Four<L2<Vnni>>};
constinit const CodePairKernel kVnniCodesIp = {One<Ip<Vnni>>, Four<Ip<Vnni>>};

}  // namespace saker::index
