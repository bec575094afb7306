// DIR/witness: an independent memory of how far the log and RocksDB's MANIFEST reached, so that one which reads shorter
// is noticed.
//
// Two slots of 48 bytes, one per 4 KiB, written in turn in place and synced: a torn write leaves the other slot. Not
// thread-safe; one owner. Layout: storage/FORMAT.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/result.h"

namespace saker::storage::rocks {

struct Reach {
  uint64_t change = 0;  // the number of RocksDB's last change
  uint64_t manifest_number = 0;
  uint64_t manifest_bytes = 0;
  friend bool operator==(const Reach&, const Reach&) = default;
};

class Witness {
 public:
  static Result<Witness> Open(const std::string& path);
  Witness(Witness&& other) noexcept;
  Witness& operator=(Witness&&) = delete;
  ~Witness();

  // What the newest good slot vouches for; none when no slot reads well (a new file has none either).
  const std::optional<Reach>& reach() const { return reach_; }
  Status Record(const Reach& reach);

 private:
  Witness(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  int fd_ = -1;
  std::string path_;
  uint64_t generation_ = 0;
  std::optional<Reach> reach_;
};

}  // namespace saker::storage::rocks
