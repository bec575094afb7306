#include "server/shard/build_checkpoint.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "common/kill_point.h"
#include "common/log.h"
#include "server/segment/segment_files.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

namespace {

constexpr size_t kSyncedAtOnce = size_t{16} << 20;

}  // namespace

std::string CheckpointName(const ShardId& shard, SegmentId segment, int64_t field_id, int64_t index_id) {
  return segment::SegmentPrefix(shard, segment) + "checkpoint_" + std::to_string(field_id) + "_" + std::to_string(index_id);
}

Status BuildCheckpoint::Write(std::span<const std::span<const std::byte>> parts, double seconds) {
  const auto began = std::chrono::steady_clock::now();
  std::unique_ptr<storage::BlobWriter> blob = TRY(blobs_.Create(name_));
  uint64_t total = 0, written = 0;
  for (const std::span<const std::byte>& part : parts) total += part.size();
  for (const std::span<const std::byte>& part : parts) {
    for (size_t at = 0; at < part.size(); at += kSyncedAtOnce) {
      // Synced as it goes: a disk that will be too slow is noticed early, and others' syncs are not held up for long.
      const std::span<const std::byte> slice = part.subspan(at, std::min(kSyncedAtOnce, part.size() - at));
      TRY(blob->file().Append(slice));
      if (slice.size() == kSyncedAtOnce) TRY(blob->file().Sync());
      const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
      written += slice.size();
      const double expected = spent * static_cast<double>(total) / static_cast<double>(written);
      if (spent > seconds || (slice.size() == kSyncedAtOnce && expected > seconds))
        return DeadlineExceeded(name_, ": ", total, " bytes take some ", expected, " s, the build allows ", seconds);
    }
  }
  TRY(blob->Finish());
  SAKER_KILL_POINT("index.after_checkpoint");
  return OkStatus();
}

Result<std::shared_ptr<const MappedFile>> BuildCheckpoint::Read() {
  const std::string path = TRY(blobs_.LocalPath(name_));
  struct Held {
    MemoryBudget::Reservation reservation;
    std::shared_ptr<const MappedFile> file;
  };
  uint64_t bytes = 0;
  {
    const std::shared_ptr<const MappedFile> mapped = TRY(blobs_.files().Map(path));
    bytes = mapped->bytes().size();
  }
  auto held = std::make_shared<Held>();
  held->reservation = TRY(memory_.Reserve("index", bytes, "the checkpoint of an index build"));
  held->file = TRY(blobs_.files().Load(path));
  return std::shared_ptr<const MappedFile>(held, held->file.get());
}

void BuildCheckpoint::Remove() {
  if (!blobs_.LocalPath(name_).ok()) return;
  if (const Status removed = blobs_.Remove(name_); !removed.ok())
    Log(kWarning, "checkpoint of a build stays", {{"file", name_}, {"why", removed.message()}});
}

void BuildCheckpoint::Resumed(std::string_view stage) {
  BuildsResumed().Add();
  Log(kInfo, "index build resumed", {{"file", name_}, {"from", stage}});
}

double BuildCheckpoint::first_seconds() const {
  const char* given = std::getenv("SAKER_CHECKPOINT_SECONDS");
  return given == nullptr ? CheckpointStore::first_seconds() : std::strtod(given, nullptr);
}

}  // namespace saker::shard
