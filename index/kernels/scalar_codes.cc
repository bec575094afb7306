// Codes and bits in plain C++: the definition of correct.
#include <bit>

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

int32_t Codes4One(const uint8_t* row, const int8_t* query, size_t bytes) {
  int32_t sum = 0;
  for (size_t i = 0; i < bytes; ++i) sum += (row[i] & 15) * query[i] + (row[i] >> 4) * query[bytes + i];
  return sum;
}

void Codes4Four(const uint8_t* const* rows, const int8_t* query, size_t bytes, int32_t* out) {
  for (int r = 0; r < 4; ++r) out[r] = Codes4One(rows[r], query, bytes);
}

uint32_t Squared(int a, int b) {
  return static_cast<uint32_t>((a - b) * (a - b));
}
uint32_t Product(int a, int b) {
  return static_cast<uint32_t>(a * b);
}

template <uint32_t (*Term)(int, int)>
uint32_t Pair(const uint8_t* query, const uint8_t* row, size_t bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes; ++i) sum += Term(query[i], row[i]);
  return sum;
}

template <uint32_t (*Term)(int, int)>
uint32_t Pair4(const uint8_t* query, const uint8_t* row, size_t bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes; ++i) sum += Term(query[i] & 15, row[i] & 15) + Term(query[i] >> 4, row[i] >> 4);
  return sum;
}

uint32_t BitsOf(unsigned value) {
  return static_cast<uint32_t>(std::popcount(value));
}

uint32_t Hamming(const uint8_t* query, const uint8_t* row, size_t bytes) {
  uint32_t count = 0;
  for (size_t i = 0; i < bytes; ++i) count += BitsOf(static_cast<unsigned>(query[i] ^ row[i]));
  return count;
}

uint32_t Common(const uint8_t* query, const uint8_t* row, size_t bytes) {
  uint32_t count = 0;
  for (size_t i = 0; i < bytes; ++i) count += BitsOf(static_cast<unsigned>(query[i] & row[i]));
  return count;
}

uint32_t PlanesOne(const uint8_t* row, const uint8_t* planes, size_t bytes) {
  uint32_t sum = 0;
  for (size_t plane = 0; plane < 4; ++plane) sum += Common(planes + plane * bytes, row, bytes) << plane;
  return sum;
}

void PlanesFour(const uint8_t* const* rows, const uint8_t* planes, size_t bytes, uint32_t* out) {
  for (int r = 0; r < 4; ++r) out[r] = PlanesOne(rows[r], planes, bytes);
}

template <uint32_t (*One)(const uint8_t*, const uint8_t*, size_t)>
void Four(const uint8_t* query, const uint8_t* const* rows, size_t bytes, uint32_t* out) {
  for (int r = 0; r < 4; ++r) out[r] = One(query, rows[r], bytes);
}

template <uint32_t (*One)(const uint8_t*, const uint8_t*, size_t)>
void Block(const uint8_t* query, const uint8_t* rows, size_t count, size_t bytes, uint32_t* out) {
  for (size_t i = 0; i < count; ++i) out[i] = One(query, rows + i * bytes, bytes);
}

}  // namespace

constinit const CodeKernels kScalarCodes = {
    .codes = {CodesOne, CodesFour},
    .codes_l2 = {Pair<Squared>, Four<Pair<Squared>>},
    .codes_ip = {Pair<Product>, Four<Pair<Product>>},
    .codes4 = {Codes4One, Codes4Four},
    .codes4_l2 = {Pair4<Squared>, Four<Pair4<Squared>>},
    .codes4_ip = {Pair4<Product>, Four<Pair4<Product>>},
};
constinit const BitKernels kScalarBits = {
    .hamming = {Hamming, Four<Hamming>, Block<Hamming>},
    .common = {Common, Four<Common>, Block<Common>},
    .planes = {PlanesOne, PlanesFour},
};

}  // namespace saker::index
