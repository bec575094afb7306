// The tables of single topics, each defined in the file of its topic and instruction set; dispatch.cc puts them together.
// Private to this folder.
#pragma once

#include "index/kernels/kernels.h"

namespace saker::index {

extern const FloatKernels kScalarFloats;
extern const IntKernels kScalarInts;
extern const CodeKernels kScalarCodes;
extern const BitKernels kScalarBits;
#if defined(__x86_64__)
extern const FloatKernels kAvx2Floats, kAvx512Floats;
extern const DistanceKernel kBf16Ip;  // AVX-512 BF16
extern const IntKernels kAvx2Ints, kAvx512Ints, kVnniInts;
extern const CodeKernels kAvx2Codes, kAvx512Codes, kVnniCodes;
extern const BitKernels kAvx2Bits, kAvx512Bits, kVpopcntBits;
#elif defined(__aarch64__)
extern const FloatKernels kNeonFloats;
extern const DistanceKernel kFhmIp;  // fp16 products into fp32 sums
extern const IntKernels kNeonInts, kDotprodInts;
extern const CodeKernels kNeonCodes, kDotprodCodes;
extern const BitKernels kNeonBits;
#endif

}  // namespace saker::index
