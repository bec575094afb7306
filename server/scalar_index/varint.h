// Numbers of 32 bits in one to five bytes, seven bits each, the low ones first.
#pragma once

#include <cstdint>
#include <string>

namespace saker::scalar_index {

inline void PutVarint(uint32_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

// Of bytes that ReadVarint went through before.
inline uint32_t GetVarint(const char** at) {
  uint32_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*(*at)++);
    value |= static_cast<uint32_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
}

// False when the number does not end before `end` or does not fit.
inline bool ReadVarint(const char** at, const char* end, uint32_t* value) {
  uint64_t sum = 0;
  for (int shift = 0; *at < end && shift < 35; shift += 7) {
    const auto byte = static_cast<uint8_t>(*(*at)++);
    sum |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte >= 0x80) continue;
    *value = static_cast<uint32_t>(sum);
    return sum <= UINT32_MAX;
  }
  return false;
}

}  // namespace saker::scalar_index
