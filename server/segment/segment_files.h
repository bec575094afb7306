// The durable form of a sealed segment: a vector file per vector field, row chunks for everything else.
//
// The manifest that makes them count is the shard's to commit. Files are written and removed here, whole segments only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "server/segment/piece.h"
#include "storage/segment/vector_file.h"
#include "storage/storage.h"

namespace saker::segment {

// Consecutive rows of a piece.
struct RowRun {
  std::shared_ptr<const Piece> piece;
  size_t first = 0;
  size_t count = 0;
};

// Field id of the column of write timestamps in row chunks; Milvus' own number for it.
inline constexpr int64_t kTimestampFieldId = 1;

// Where a segment's vectors are searched: kMemory needs VectorBytes of the budget, kMapped the page cache's goodwill.
using VectorAccess = storage::VectorFile::Access;
inline VectorAccess AccessWith(const std::shared_ptr<const void>& reservation) {
  return reservation == nullptr ? VectorAccess::kMapped : VectorAccess::kMemory;
}

// Names of blobs: "COLLECTION/SHARD/", and below it one folder per segment.
std::string ShardPrefix(const ShardId& shard);
std::string SegmentPrefix(const ShardId& shard, SegmentId segment);

// Writes the rows of the runs, in their order, as one new sealed segment. One thread; each step is durable when it
// returns and may be repeated after a crash.
class SegmentBuilder {
 public:
  SegmentBuilder(storage::Storage& storage, std::shared_ptr<const CollectionSchema> schema, std::vector<RowRun> runs,
                 storage::SegmentManifest manifest);
  Status WriteVectors();
  Status IngestRows();
  // The rows as readers see them: columns in memory, vectors of the new files.
  Result<std::shared_ptr<Piece>> Open(VectorAccess access);

  const storage::SegmentManifest& manifest() const { return manifest_; }
  storage::SegmentManifest& manifest() { return manifest_; }

 private:
  Result<storage::FileRef> WriteVectorFile(const FieldSchema& field);

  storage::Storage& storage_;
  const std::shared_ptr<const CollectionSchema> schema_;
  const std::vector<RowRun> runs_;
  std::shared_ptr<RowBatch> rows_;  // without vectors
  std::shared_ptr<std::vector<Timestamp>> timestamps_;
  storage::SegmentManifest manifest_;
};

// A vector file whose every block was checked, as an index reads it.
Result<std::shared_ptr<const index::VectorSource>> OpenVectors(storage::BlobStore& blobs, const FieldSchema& field, SegmentId segment,
                                                               const storage::FileRef& file, uint64_t row_count, VectorAccess access);
uint64_t VectorBytes(const storage::SegmentManifest& manifest);  // of all its vector files

// What is read back of a segment's row chunks.
struct StoredRows {
  std::shared_ptr<const RowBatch> rows;
  std::shared_ptr<const std::vector<Timestamp>> timestamps;
};
// Every column, checked against the manifest; DataLoss names the segment. Absent columns stay absent.
Result<StoredRows> ReadRows(storage::Storage& storage, const storage::SegmentManifest& manifest);
// The segment as readers see it, without indexes.
Result<std::shared_ptr<Piece>> OpenPiece(storage::Storage& storage, const storage::SegmentManifest& manifest,
                                         const CollectionSchema& schema, VectorAccess access);

// Row chunks and all blobs; idempotent.
Status RemoveSegment(storage::Storage& storage, const ShardId& shard, SegmentId segment);

}  // namespace saker::segment
