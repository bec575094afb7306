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
  since_ = Clock::now();
  // How much longer it would have taken is not known: twice the time is a guess that grows with each.
  const double took = std::chrono::duration<double>(since_ - began).count() * (given_up ? 2 : 1);
  if (bytes > 0) seconds_per_byte_ = took / static_cast<double>(bytes);
}

}  // namespace saker::index
