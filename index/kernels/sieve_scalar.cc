// The definition of correct.
#include "index/kernels/sieve.h"

namespace saker::index {
namespace {

constexpr float kTop = 255;
constexpr float kLeastRange = 1e-30f;  // below it the inverse is no float

SieveTerms Code(const float* row, size_t dim, size_t r, uint8_t* tile) {
  float low = row[0], high = row[0];
  for (size_t d = 1; d < dim; ++d) {
    if (row[d] < low) low = row[d];
    if (row[d] > high) high = row[d];
  }
  const bool flat = !(high - low > kLeastRange);
  const float scale = flat ? 0 : (high - low) / kTop, inverse = flat ? 0 : kTop / (high - low);
  SieveTerms terms{low, scale, 0, 0};
  for (size_t d = 0; d < SieveGroups(dim) * 4; ++d) {
    float code = 0;
    if (d < dim) {
      code = (row[d] - low) * inverse + 0.5f;
      code = code >= kTop ? kTop : code > 0 ? static_cast<float>(static_cast<int>(code)) : 0;
      const float left = row[d] - (scale * code + low);
      terms.squared += row[d] * row[d];
      terms.error += left * left;
    }
    tile[d / 4 * 128 + r * 4 + d % 4] = static_cast<uint8_t>(code);
  }
  return terms;
}

void Sift(const SieveRows& rows, const SieveQueries& queries, uint32_t* masks) {
  for (size_t q = 0; q < queries.count; ++q) {
    const int8_t* const k = queries.codes + q * rows.groups * 4;
    for (size_t tile = 0; tile < rows.tiles; ++tile) {
      const uint8_t* const codes = rows.codes + tile * rows.groups * 128;
      uint32_t mask = 0;
      for (size_t r = 0; r < kSieveRows; ++r) {
        int32_t sum = 0;
        for (size_t d = 0; d < rows.groups * 4; ++d) sum += int32_t{codes[d / 4 * 128 + r * 4 + d % 4]} * k[d];
        const size_t row = tile * kSieveRows + r;
        const float value = rows.scale[row] * static_cast<float>(sum) + queries.sum[q] * rows.low[row] +
                            queries.slack[q] * rows.slack[row] - queries.less[q] * rows.less[row];
        if (!(value < queries.limit[q])) mask |= 1u << r;
      }
      masks[q * rows.tiles + tile] = mask;
    }
  }
}

}  // namespace

const SieveKernels kScalarSieve = {"scalar", kTop, Code, Sift};

}  // namespace saker::index
