// Indexes of scalar columns of sealed segments: built beside those of vectors, from the columns that a filter would read.
//
// An index that is not there, or cannot be opened, costs time: filters are then evaluated from the columns.
#include <algorithm>
#include <utility>

#include "common/checksum.h"
#include "common/kill_point.h"
#include "common/log.h"
#include "server/shard/file_check.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

Status LocalShard::BuildScalar(const std::shared_ptr<segment::SealedSegment>& segment, const IndexDefinition& definition) {
  const std::shared_ptr<const storage::SegmentManifest> before = segment->manifest();
  SAKER_KILL_POINT("scalar_index.begin");
  std::shared_ptr<const RowBatch> rows;
  std::shared_ptr<const void> columns;  // of a collection that is not loaded
  if (const std::shared_ptr<const segment::Pieces> pieces = segment->pieces()) rows = pieces->front()->rows;
  if (rows == nullptr) {
    rows = TRY(segment::ReadRows(environment_.storage, *before)).rows;
    columns = TRY(ReserveMemory("columns", segment::MemoryOf(*rows), "building a scalar index"));
  }
  const Column* column = rows->Find(definition.field_id);
  if (column == nullptr) return Unimplemented("segment ", segment->id, " was written before field ", definition.field_id, " existed");
  const Result<storage::ScalarIndexRef> written = WriteScalarIndex(*before, definition, *column);
  if (!written.ok()) {
    // A segment that was compacted or dropped meanwhile took its files with it: nothing is left to build.
    MutexLock lock(writer_mutex_);
    return sealed_.contains(segment->id) ? written.status() : OkStatus();
  }
  SAKER_KILL_POINT("scalar_index.after_file");
  ScalarIndexPtr built;
  if (residence_ != Residence::kReleased) built = TRY(OpenScalarIndex(*before, definition, *written));
  const auto put = [&](storage::SegmentManifest* manifest) {
    const auto old = manifest->scalar_index_files.find(definition.index_id);
    const std::string replaced = old == manifest->scalar_index_files.end() ? "" : old->second.file.name;
    manifest->scalar_index_files[definition.index_id] = *written;
    return replaced;
  };
  TRY(CommitIndex(segment.get(), definition, written->file, put, [&] {
    SAKER_KILL_POINT("scalar_index.after_manifest");
    if (built != nullptr) segment->SetScalarIndex(definition.index_id, built);
  }));
  Log(kInfo, "scalar index built",
      {{"shard", id_},
       {"segment", segment->id},
       {"index", definition.index_id},
       {"rows", before->row_count},
       {"bytes", written->file.size_bytes}});
  return OkStatus();
}

Result<storage::ScalarIndexRef> LocalShard::WriteScalarIndex(const storage::SegmentManifest& manifest, const IndexDefinition& definition,
                                                             const Column& column) {
  const auto scratch = TRY(ReserveMemory("index", scalar_index::BuildScratchBytes(*definition.scalar, column), "building a scalar index"));
  const std::string bytes = TRY(scalar_index::BuildScalarIndex(*definition.scalar, column, stop_context_));
  const int64_t build = TRY(environment_.ids.Next());
  storage::ScalarIndexRef ref;
  ref.field_id = definition.field_id;
  // A name of its own for every build: a published file never changes.
  ref.file.name = segment::SegmentPrefix(id_, manifest.segment) + "scalar_" + std::to_string(definition.field_id) + "_" +
                  std::to_string(definition.index_id) + "_" + std::to_string(build);
  ref.file.size_bytes = bytes.size();
  ref.file.checksum = Checksum(bytes);
  std::unique_ptr<storage::BlobWriter> blob = TRY(environment_.storage.blobs().Create(ref.file.name));
  TRY(blob->file().Append(std::as_bytes(std::span(bytes))));
  TRY(blob->Finish());
  return ref;
}

Result<LocalShard::ScalarIndexPtr> LocalShard::OpenScalarIndex(const storage::SegmentManifest& manifest, const IndexDefinition& definition,
                                                               const storage::ScalarIndexRef& ref) {
  struct Held {
    ScalarIndexPtr index;
    std::shared_ptr<const void> reservation;
  };
  auto held = std::make_shared<Held>();
  held->reservation = TRY(ReserveMemory("index", ref.file.size_bytes, "loading a scalar index"));
  storage::BlobStore& blobs = environment_.storage.blobs();
  const std::string path = TRY(blobs.LocalPath(ref.file.name));
  std::shared_ptr<const MappedFile> bytes = TRY(blobs.files().Load(path));
  TRY(CheckWhole("scalar index file", ref.file, bytes->bytes()));
  held->index = TRY(scalar_index::OpenScalarIndex(std::move(bytes), ref.file.name, *definition.scalar, manifest.row_count));
  return ScalarIndexPtr(held, held->index.get());
}

bool LocalShard::OpenScalarIndexOf(const storage::SegmentManifest& manifest, const IndexDefinition& definition, segment::Piece* piece) {
  const auto ref = manifest.scalar_index_files.find(definition.index_id);
  if (ref == manifest.scalar_index_files.end()) return true;
  Result<ScalarIndexPtr> index = OpenScalarIndex(manifest, definition, ref->second);
  if (index.ok()) {
    piece->scalar_indexes[definition.index_id] = *std::move(index);
    return true;
  }
  Log(kError, "scalar index not opened", {{"shard", id_}, {"segment", manifest.segment}, {"error", index.status().message()}});
  return index.status().code() == StatusCode::kResourceExhausted;
}

// Of rows that no manifest names yet; a build that fails is the index lane's to report and repeat.
void LocalShard::IndexColumn(const IndexDefinition& definition, storage::SegmentManifest* manifest, segment::Piece* piece) {
  const Column* column = piece->rows->Find(definition.field_id);
  if (column == nullptr) return;
  const Result<storage::ScalarIndexRef> written = WriteScalarIndex(*manifest, definition, *column);
  if (!written.ok()) return;
  manifest->scalar_index_files[definition.index_id] = *written;
  Result<ScalarIndexPtr> index = OpenScalarIndex(*manifest, definition, *written);
  if (index.ok()) piece->scalar_indexes[definition.index_id] = *std::move(index);
}

}  // namespace saker::shard
