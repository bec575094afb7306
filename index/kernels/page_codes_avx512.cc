#include "index/kernels/page_codes_loops.h"

namespace saker::index {

const PageCodeKernels kAvx512PageCodes{"avx512", Widen, AddSquares, SubtractProducts, Limit, Cut, Sum};

}  // namespace saker::index
