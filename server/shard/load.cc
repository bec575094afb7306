// Bringing sealed segments into memory and letting them go.
#include <algorithm>
#include <utility>

#include "common/heap.h"
#include "common/log.h"
#include "index/footprint.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

Result<std::shared_ptr<const void>> LocalShard::ReserveMemory(const std::string& account, uint64_t bytes, const std::string& what) {
  return std::shared_ptr<const void>(std::make_shared<MemoryBudget::Reservation>(TRY(environment_.memory.Reserve(account, bytes, what))));
}

// Vectors whose every field has an index on disk: what those read, they read themselves. An AUTOINDEX once its file is one.
bool LocalShard::VectorsStayOnDisk(const storage::SegmentManifest& manifest) const {
  storage::BlobStore& blobs = environment_.storage.blobs();
  const auto stored = [&](const IndexDefinition& definition) {
    const auto ref = manifest.index_files.find(definition.field_id);
    if (definition.spec.type != "AUTOINDEX" || ref == manifest.index_files.end() || ref->second.index_id != definition.index_id)
      return false;
    const Result<std::string> path = blobs.LocalPath(ref->second.file.name);
    const Result<bool> on_disk = path.ok() ? index::StoredOnDisk(*path, blobs.files()) : path.status();
    return on_disk.ok() && *on_disk;  // one that cannot be read is built again, for which the vectors are wanted
  };
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  return !manifest.vector_files.empty() && std::all_of(manifest.vector_files.begin(), manifest.vector_files.end(), [&](const auto& file) {
    return std::any_of(definitions->begin(), definitions->end(), [&](const IndexDefinition& definition) {
      if (definition.scalar || definition.field_id != file.first) return false;
      return index::ServedFromDisk(definition.spec) || stored(definition);
    });
  });
}

std::shared_ptr<const void> LocalShard::ReserveVectors(const storage::SegmentManifest& manifest) {
  if (VectorsStayOnDisk(manifest)) return nullptr;
  Result<std::shared_ptr<const void>> reservation = ReserveMemory("vectors", segment::VectorBytes(manifest), "a segment's vectors");
  if (reservation.ok()) return *std::move(reservation);
  Log(kWarning, "vectors stay in their file and are searched through the page cache, which is slower",
      {{"shard", id_}, {"segment", manifest.segment}, {"why", reservation.status().message()}});
  return nullptr;
}

Result<std::shared_ptr<segment::Piece>> LocalShard::OpenLoaded(const storage::SegmentManifest& manifest) {
  std::shared_ptr<const void> vectors = ReserveVectors(manifest);
  std::shared_ptr<segment::Piece> piece =
      TRY(segment::OpenPiece(environment_.storage, manifest, *schema_.Get(), segment::AccessWith(vectors)));
  piece->vector_reservation = std::move(vectors);
  piece->reservations[0] = TRY(ReserveMemory("columns", segment::MemoryOf(*piece->rows), "loading a segment's columns"));
  OpenIndexes(manifest, piece.get());
  piece->filter_bits = std::make_shared<segment::FilterBits>(environment_.memory, piece->row_count);
  piece->damage = std::make_shared<segment::IndexDamage>();
  return piece;
}

Status LocalShard::Load(const std::function<void(double)>& progress) {
  MutexLock loading(load_mutex_);
  if (residence_ == Residence::kLoaded) {
    if (progress) progress(1);
    return OkStatus();
  }
  const StageTimer timer(JobSeconds("load"));
  residence_ = Residence::kLoading;  // from here on segments that are sealed keep their columns
  for (;;) {
    // Sealing, compaction and index builds go on meanwhile: look again until nothing lacks its columns.
    std::vector<std::shared_ptr<segment::SealedSegment>> absent;
    size_t total = 0;
    {
      MutexLock lock(writer_mutex_);
      for (const auto& [id, sealed] : sealed_) {
        ++total;
        if (sealed.segment->pieces() == nullptr) absent.push_back(sealed.segment);
      }
      if (absent.empty()) {
        residence_ = Residence::kLoaded;
        break;
      }
    }
    for (size_t i = 0; i < absent.size(); ++i) {
      if (progress) progress(static_cast<double>(total - absent.size() + i) / static_cast<double>(total));
      const std::shared_ptr<const storage::SegmentManifest> manifest = absent[i]->manifest();
      Result<std::shared_ptr<segment::Piece>> piece = OpenLoaded(*manifest);
      MutexLock lock(writer_mutex_);
      if (!sealed_.contains(absent[i]->id)) continue;  // compacted or dropped while its files were read
      if (!piece.ok()) {
        residence_ = Residence::kReleased;
        for (const auto& [id, sealed] : sealed_) sealed.segment->Release();
        return piece.status();
      }
      if (absent[i]->manifest() == manifest) absent[i]->Set(std::move(*piece));
    }
  }
  if (progress) progress(1);
  Schedule(kIndexLane);  // what could not be opened is built again
  Schedule(kGrowingLane);
  return OkStatus();
}

void LocalShard::Release() {
  MutexLock loading(load_mutex_);
  {
    MutexLock lock(writer_mutex_);
    residence_ = Residence::kReleased;
    for (const auto& [id, sealed] : sealed_) sealed.segment->Release();
    for (const auto& [id, unsealed] : unsealed_) {
      unsealed.segment->DropIndexes();
      unsealed.segment->DropScalarIndexes();
    }
  }
  ReturnFreeHeap();
}

}  // namespace saker::shard
