// Matrix products by OpenBLAS, for the builds: one thread each call, callers bring their own.
#pragma once

#include <cstddef>

namespace saker::index {

// out[i * columns + j] = factor * <a row i, b row j>; all row-major and contiguous, `dim` floats a row.
void RowProducts(const float* a, size_t rows, const float* b, size_t columns, size_t dim, float factor, float* out);

}  // namespace saker::index
