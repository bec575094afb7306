#include <cstring>

#include "index/kernels/kernels.h"
#include "index/kernels/sparse.h"

namespace saker::index {
namespace {

void Unpack(const uint8_t* packed, uint32_t width, uint32_t first, uint32_t count, uint16_t* rows) {
  const uint32_t mask = (1u << width) - 1;
  uint32_t row = first - 1;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t bit = i * width;  // a group of eight is `width` whole bytes: the bits just go on
    const uint32_t bytes = static_cast<uint32_t>(packed[bit / 8]) | static_cast<uint32_t>(packed[bit / 8 + 1]) << 8 |
                           static_cast<uint32_t>(packed[bit / 8 + 2]) << 16;
    row += (bytes >> (bit % 8) & mask) + 1;
    rows[i] = static_cast<uint16_t>(row);
  }
}

void Add(const uint8_t* packed, uint32_t width, uint32_t first, uint32_t count, const uint8_t* codes, const uint16_t* table,
         uint16_t* sums) {
  uint16_t rows[128];
  Unpack(packed, width, first, count, rows);
  for (uint32_t i = 0; i < count; ++i) sums[rows[i]] = static_cast<uint16_t>(sums[rows[i]] + table[codes[i]]);
}

bool IsAllowed(const uint64_t* allowed, size_t i) {
  return allowed == nullptr || (allowed[i / 64] >> (i % 64) & 1) != 0;
}

size_t Select(const uint16_t* sums, size_t n, const uint64_t* allowed, uint16_t least, uint16_t* places) {
  size_t found = 0;
  for (size_t i = 0; i < n; ++i) {
    if (sums[i] >= least && IsAllowed(allowed, i)) places[found++] = static_cast<uint16_t>(i);
  }
  return found;
}

void Maxima(const uint16_t* sums, size_t n, const uint64_t* allowed, uint16_t* out) {
  for (size_t chunk = 0; chunk < n / 64; ++chunk) {
    uint16_t best = 0;
    for (size_t i = chunk * 64; i < chunk * 64 + 64; ++i) {
      if (sums[i] > best && IsAllowed(allowed, i)) best = sums[i];
    }
    out[chunk] = best;
  }
}

void MakeTable(const float* bounds, float factor, uint16_t* table) {
  for (size_t i = 0; i < 256; ++i) table[i] = static_cast<uint16_t>(static_cast<int32_t>(bounds[i] * factor) + 1);
}

}  // namespace

const SparseKernels kScalarSparseKernels = {"scalar", Unpack, Add, Select, Maxima, MakeTable};

const SparseKernels& BestSparseKernels() {
#if defined(__x86_64__)
  static const SparseKernels& best = std::strncmp(BestKernels().isa, "avx512", 6) == 0 ? kAvx512SparseKernels
                                     : std::strcmp(BestKernels().isa, "avx2") == 0     ? kAvx2SparseKernels
                                                                                       : kScalarSparseKernels;
  return best;
#else
  return kScalarSparseKernels;
#endif
}

}  // namespace saker::index
