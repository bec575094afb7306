// A column of numbers against one number, 64 rows to a word: the inner loop of most filters.
//
// Words<T>(op, values, bound, rows, out) sets bit i of out[i / 64] to `values[i] op bound`; bits past `rows` are 0. NaN is
// unequal to everything, as in C. The instruction set is that of index/kernels (SAKER_ISA). Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/filter/ast.h"

namespace saker::filter {

// T: int8_t, int16_t, int32_t, int64_t, float, double. `op`: one of the six comparisons.
template <typename T>
void CompareWords(Op op, const T* values, T bound, size_t rows, uint64_t* out);

}  // namespace saker::filter
