// The definition of correct, and the choice of a table.
#include "index/kernels/node_codes.h"

#include <cstring>

#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

void L2(const uint8_t* base, size_t stride, const uint32_t* rows, size_t count, const uint8_t* query, uint32_t* keys) {
  for (size_t r = 0; r < count; ++r) {
    const uint8_t* row = base + rows[r] * stride;
    uint32_t sum = 0;
    for (size_t i = 0; i < stride; ++i) {
      const int difference = int{row[i]} - int{query[i]};
      sum += static_cast<uint32_t>(difference * difference);
    }
    keys[r] = sum;
  }
}

void Ip(const uint8_t* base, size_t stride, const uint32_t* rows, size_t count, const int8_t* query, uint32_t bias, uint32_t* keys) {
  for (size_t r = 0; r < count; ++r) {
    const uint8_t* row = base + rows[r] * stride;
    int32_t sum = 0;
    for (size_t i = 0; i < stride; ++i) sum += int{row[i]} * int{query[i]};
    keys[r] = bias - static_cast<uint32_t>(sum);
  }
}

void Dots(const uint8_t* a_rows, size_t a_count, const uint8_t* block, size_t stride, uint32_t* dots) {
  for (size_t a = 0; a < a_count; ++a) {
    const uint8_t* row = a_rows + a * stride;
    uint32_t sums[16] = {};
    for (size_t i = 0; i < stride; i += 4) {
      for (size_t b = 0; b < 16; ++b) {
        const uint8_t* four = block + i * 16 + b * 4;
        sums[b] +=
            uint32_t{row[i]} * four[0] + uint32_t{row[i + 1]} * four[1] + uint32_t{row[i + 2]} * four[2] + uint32_t{row[i + 3]} * four[3];
      }
    }
    std::memcpy(dots + a * 16, sums, sizeof sums);
  }
}

size_t Below(const uint32_t* keys, size_t count, uint32_t limit, uint32_t* places) {
  size_t n = 0;
  for (size_t i = 0; i < count; ++i) {
    places[n] = static_cast<uint32_t>(i);
    n += keys[i] < limit ? 1 : 0;
  }
  return n;
}

const NodeCodeKernels& Choose() {
#if defined(__x86_64__)
  const char* isa = BestKernels().isa;
  if (std::strcmp(isa, "avx512-vpopcnt") == 0 || std::strcmp(isa, "avx512_bf16") == 0) return kVnniNodeCodes;
  if (std::strncmp(isa, "avx", 3) == 0) return kAvx2NodeCodes;
#endif
  return kScalarNodeCodes;
}

}  // namespace

const NodeCodeKernels kScalarNodeCodes = {"scalar", L2, Ip, Dots, Below};

const NodeCodeKernels& BestNodeCodes() {
  static const NodeCodeKernels& best = Choose();
  return best;
}

void PackBlock(const uint8_t* const* rows, size_t count, size_t stride, uint8_t* out) {
  if (count < 16) std::memset(out, 0, 16 * stride);
  for (size_t b = 0; b < count; ++b) {
    for (size_t i = 0; i < stride; i += 4) std::memcpy(out + i * 16 + b * 4, rows[b] + i, 4);
  }
}

}  // namespace saker::index
