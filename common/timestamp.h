// The hybrid timestamps that Milvus clients know: 46 bits of milliseconds since 1970, 18 bits of counter.
#pragma once

#include <cstdint>

#include "common/ids.h"

namespace saker {

inline constexpr int kTimestampLogicalBits = 18;

constexpr Timestamp MakeTimestamp(uint64_t unix_ms, uint64_t counter = 0) {
  return unix_ms << kTimestampLogicalBits | counter;
}
constexpr uint64_t TimestampMs(Timestamp timestamp) {
  return timestamp >> kTimestampLogicalBits;
}

uint64_t UnixMs();

}  // namespace saker
