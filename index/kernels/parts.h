// The tables of single topics that the table of an instruction set is put together from. Private to this folder.
#pragma once

#include "index/kernels/kernels.h"

namespace saker::index {

extern const CodeKernel kScalarCodes;
extern const CodePairKernel kScalarCodesL2, kScalarCodesIp;
#if defined(__x86_64__)
extern const CodeKernel kAvx2Codes, kAvx512Codes, kVnniCodes;
extern const CodePairKernel kAvx2CodesL2, kAvx2CodesIp, kAvx512CodesL2, kAvx512CodesIp, kVnniCodesL2, kVnniCodesIp;
#endif

}  // namespace saker::index
