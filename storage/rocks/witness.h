// DIR/witness: an independent memory of how far the log reached, so that a log which reads shorter is noticed.
//
// Two slots of 32 bytes, one per 4 KiB, written in turn in place and synced: a torn write leaves the other slot. Not
// thread-safe; one owner. Layout: storage/FORMAT.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/result.h"

namespace saker::storage::rocks {

class Witness {
 public:
  static Result<Witness> Open(const std::string& path);
  Witness(Witness&& other) noexcept;
  Witness& operator=(Witness&&) = delete;
  ~Witness();

  // The newest change that a slot vouches for; none when no slot reads well (a new file has none either).
  std::optional<uint64_t> last_change() const { return last_change_; }
  Status Record(uint64_t change);

 private:
  Witness(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  int fd_ = -1;
  std::string path_;
  uint64_t generation_ = 0;
  std::optional<uint64_t> last_change_;
};

}  // namespace saker::storage::rocks
