// Milliseconds of the steady clock, for what is tried again later.
#pragma once

#include <chrono>
#include <cstdint>

namespace saker::shard {

inline int64_t SteadyMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace saker::shard
