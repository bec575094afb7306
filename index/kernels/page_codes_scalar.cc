#include "index/kernels/page_codes_loops.h"

namespace saker::index {

const PageCodeKernels kScalarPageCodes{"scalar", Widen, AddSquares, SubtractProducts, Limit, Cut, Sum};

}  // namespace saker::index
