#include "storage/rocks/witness.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "common/checksum.h"
#include "common/kill_point.h"
#include "storage/rocks/codec.h"

namespace saker::storage::rocks {
namespace {

constexpr std::string_view kMagic = "SAKRWIT1";
constexpr size_t kSlotBytes = 48;  // magic, generation, change, MANIFEST number, MANIFEST bytes, checksum
constexpr size_t kChecksumAt = kSlotBytes - 8;
constexpr size_t kSlotDistance = 4096;

Status Failed(std::string_view what, const std::string& path) {
  return Unavailable(what, " ", path, ": ", std::system_category().message(errno));
}

}  // namespace

Witness::Witness(Witness&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), generation_(other.generation_), reach_(other.reach_) {}

Witness::~Witness() {
  if (fd_ >= 0) close(fd_);
}

Result<Witness> Witness::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (fd < 0) return Failed("open", path);
  Witness witness(fd, path);
  for (int slot = 0; slot < 2; ++slot) {
    char bytes[kSlotBytes];
    if (pread(fd, bytes, kSlotBytes, static_cast<off_t>(slot * kSlotDistance)) != static_cast<ssize_t>(kSlotBytes)) continue;
    const std::string_view view(bytes, kSlotBytes);
    if (view.substr(0, 8) != kMagic || GetBig64(view.substr(kChecksumAt)) != Checksum(view.substr(0, kChecksumAt))) continue;
    const uint64_t generation = GetBig64(view.substr(8));
    if (witness.reach_.has_value() && generation < witness.generation_) continue;
    witness.generation_ = generation;
    witness.reach_ = Reach{GetBig64(view.substr(16)), GetBig64(view.substr(24)), GetBig64(view.substr(32))};
  }
  return witness;
}

Status Witness::Record(const Reach& reach) {
  const uint64_t generation = generation_ + 1;
  std::string bytes(kMagic);
  PutBig64(&bytes, generation);
  PutBig64(&bytes, reach.change);
  PutBig64(&bytes, reach.manifest_number);
  PutBig64(&bytes, reach.manifest_bytes);
  PutBig64(&bytes, Checksum(bytes));
  const auto offset = static_cast<off_t>((generation % 2) * kSlotDistance);
  SAKER_KILL_POINT("witness.before_write");
  if (pwrite(fd_, bytes.data(), bytes.size(), offset) != static_cast<ssize_t>(bytes.size())) return Failed("write to", path_);
  if (fdatasync(fd_) != 0) return Failed("sync of", path_);
  SAKER_KILL_POINT("witness.after_write");
  generation_ = generation;
  reach_ = reach;
  return OkStatus();
}

}  // namespace saker::storage::rocks
