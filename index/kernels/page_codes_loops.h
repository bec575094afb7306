// The loops of page_codes.h, plain: each file that includes this is compiled for its own instruction set, and the compiler makes
// vectors of them. Included by those files only.
#pragma once

#include <bit>
#include <cstring>

#include "index/kernels/page_codes.h"

namespace saker::index {
namespace {

constexpr size_t kLanes = 16;

void Widen(const uint8_t* __restrict in, size_t n, float lowest, float* __restrict out) {
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<float>(in[i]) + lowest;
}

void AddSquares(float own, const float* __restrict entries, size_t n, float* __restrict out) {
  for (size_t e = 0; e < n; ++e) {
    const float off = own - entries[e];
    out[e] += off * off;
  }
}

void SubtractProducts(float own, const float* __restrict entries, size_t n, float* __restrict out) {
  for (size_t e = 0; e < n; ++e) out[e] -= own * entries[e];
}

void Limit(float* values, size_t n, float* least, float* largest) {
  float low[kLanes], high[kLanes];
  for (size_t i = 0; i < kLanes; ++i) {
    low[i] = kPageCodeLimit;
    high[i] = -kPageCodeLimit;
  }
  for (size_t first = 0; first < n; first += kLanes) {
    for (size_t i = 0; i < kLanes; ++i) {
      float value = values[first + i];
      value = value < kPageCodeLimit ? value : kPageCodeLimit;
      value = value > -kPageCodeLimit ? value : -kPageCodeLimit;
      values[first + i] = value;
      low[i] = value < low[i] ? value : low[i];
      high[i] = value > high[i] ? value : high[i];
    }
  }
  *least = low[0];
  *largest = high[0];
  for (size_t i = 1; i < kLanes; ++i) {
    *least = low[i] < *least ? low[i] : *least;
    *largest = high[i] > *largest ? high[i] : *largest;
  }
}

void Cut(const float* __restrict in, size_t n, float least, float scale, uint16_t* __restrict out) {
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint16_t>(static_cast<int32_t>((in[i] - least) * scale + 0.5f));
}

inline uint32_t Entry(const uint16_t* table, size_t part, uint64_t codes) {
  return table[256 * part + (codes >> (8 * part) & 0xff)];
}

uint32_t Sum(const uint8_t* code, const uint16_t* table, size_t parts) {
  uint32_t even = 0, odd = 0;
  size_t part = 0;
  for (; part + 8 <= parts; part += 8, table += 8 * 256) {
    uint64_t codes = 0;  // one load for eight parts
    std::memcpy(&codes, code + part, sizeof codes);
    if constexpr (std::endian::native == std::endian::big) codes = __builtin_bswap64(codes);
    even += Entry(table, 0, codes) + Entry(table, 2, codes) + Entry(table, 4, codes) + Entry(table, 6, codes);
    odd += Entry(table, 1, codes) + Entry(table, 3, codes) + Entry(table, 5, codes) + Entry(table, 7, codes);
  }
  for (; part < parts; ++part, table += 256) even += table[code[part]];
  return even + odd;
}

}  // namespace
}  // namespace saker::index
