// Codes in plain C++: the definition of correct.
#include "index/kernels/parts.h"

namespace saker::index {
namespace {

float CodesOne(const uint8_t* row, const int8_t* high, const int8_t* low, size_t bytes) {
  int32_t sum_high = 0, sum_low = 0;
  for (size_t i = 0; i < bytes; ++i) {
    sum_high += row[i] * high[i];
    sum_low += row[i] * low[i];
  }
  return 128.0f * static_cast<float>(sum_high) + static_cast<float>(sum_low);
}

void CodesFour(const uint8_t* const* rows, const int8_t* high, const int8_t* low, size_t bytes, float* out) {
  for (int r = 0; r < 4; ++r) out[r] = CodesOne(rows[r], high, low, bytes);
}

uint32_t L2(const uint8_t* query, const uint8_t* row, size_t bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes; ++i) {
    const int difference = query[i] - row[i];
    sum += static_cast<uint32_t>(difference * difference);
  }
  return sum;
}

uint32_t Ip(const uint8_t* query, const uint8_t* row, size_t bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes; ++i) sum += static_cast<uint32_t>(query[i]) * row[i];
  return sum;
}

template <uint32_t (*One)(const uint8_t*, const uint8_t*, size_t)>
void Four(const uint8_t* query, const uint8_t* const* rows, size_t bytes, uint32_t* out) {
  for (int r = 0; r < 4; ++r) out[r] = One(query, rows[r], bytes);
}

}  // namespace

constinit const CodeKernel kScalarCodes = {CodesOne, CodesFour};
constinit const CodePairKernel kScalarCodesL2 = {L2, Four<L2>};
constinit const CodePairKernel kScalarCodesIp = {Ip, Four<Ip>};

}  // namespace saker::index
