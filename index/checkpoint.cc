#include "index/checkpoint.h"

#include <algorithm>
#include <limits>

namespace saker::index {

bool CheckpointClock::Due(uint64_t bytes) const {
  const double passed = std::chrono::duration<double>(Clock::now() - since_).count();
  if (first_seconds_ <= 0) return true;
  return passed >= std::max(first_seconds_, static_cast<double>(bytes) * seconds_per_byte_ / kShare);
}

double CheckpointClock::seconds_left() const {
  if (first_seconds_ <= 0) return std::numeric_limits<double>::infinity();
  return std::chrono::duration<double>(Clock::now() - since_).count() * kShare;
}

void CheckpointClock::Wrote(uint64_t bytes, Clock::time_point began, bool given_up) {
  if (bytes == 0) return;
  if (given_up) {  // cheaply: tried again when half as much time more has passed
    seconds_per_byte_ = 1.5 * seconds_left() / static_cast<double>(bytes);
    return;
  }
  since_ = Clock::now();
  seconds_per_byte_ = std::chrono::duration<double>(since_ - began).count() / static_cast<double>(bytes);
}

}  // namespace saker::index
