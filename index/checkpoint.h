// Where a build that may be interrupted keeps what it has so far, and how often.
//
// A builder writes a checkpoint when it has come to a point it can go on from, and when that costs little beside the time since the
// last one; another build of the same index reads it and goes on. What is in it is the builder's: it says for itself what it was made
// of and under which checksums, and one that does not fit is as good as none. Called from the build's thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "common/file.h"
#include "common/result.h"

namespace saker::index {

class CheckpointStore {
 public:
  virtual ~CheckpointStore() = default;
  // Replaces the checkpoint by the parts, one behind the other. A failure leaves the old one or none, and the build goes on.
  // DeadlineExceeded when it would take longer than `seconds`, which it then has not taken by much.
  virtual Status Write(std::span<const std::span<const std::byte>> parts, double seconds) = 0;
  // NotFound when there is none.
  virtual Result<std::shared_ptr<const MappedFile>> Read() = 0;
  // The one that was read is of no use.
  virtual void Remove() = 0;
  // The build goes on from it: `stage` says from where.
  virtual void Resumed(std::string_view stage) = 0;
  // No checkpoint before a build has taken so long: what a short one loses is not worth a file.
  virtual double first_seconds() const { return 5; }
};

// Decides when: what a checkpoint costs is at most 1/20 of the time since the last one, or since the build began.
class CheckpointClock {
 public:
  explicit CheckpointClock(double first_seconds) : first_seconds_(first_seconds), since_(Clock::now()) {}
  bool Due(uint64_t bytes) const;
  // How long the next one may take.
  double seconds_left() const;
  // From the time the writing began; given up when it took too long.
  void Wrote(uint64_t bytes, std::chrono::steady_clock::time_point began, bool given_up);

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr double kShare = 0.05;

  const double first_seconds_;
  double seconds_per_byte_ = 1e-9;  // until one was written, or given up
  Clock::time_point since_;
};

}  // namespace saker::index
