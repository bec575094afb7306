// The durable list of what is live: each sealed segment's files, and where each shard's log replay starts.
//
// Commit is one atomic durable batch. A file or row chunk that no manifest names is garbage of an interrupted job and is
// removed at the next start. Thread-safe. Local driver: storage/rocks/ (column family `manifest`).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "storage/log.h"

namespace saker::storage {

// A file below the blob store, with what it must look like when it is opened.
struct FileRef {
  std::string name;  // as BlobStore knows it
  uint64_t size_bytes = 0;
  uint64_t checksum = 0;  // of the whole file
};

struct IndexRef {
  int64_t index_id = 0;  // the catalog's id of the definition it was built for
  FileRef file;
};

struct ScalarIndexRef {
  int64_t field_id = 0;
  FileRef file;
};

struct SegmentManifest {
  SegmentId segment;
  ShardId shard;
  PartitionId partition;
  uint64_t row_count = 0;
  Timestamp min_timestamp = 0;
  Timestamp max_timestamp = 0;
  int32_t level = 1;                        // 1 sealed from the log, 2 made by compaction
  std::map<int64_t, FileRef> vector_files;  // by field id
  std::map<int64_t, IndexRef> index_files;  // of vectors, by field id; absent: not built yet
  // By the catalog's index id: a JSON field has one for each path.
  std::map<int64_t, ScalarIndexRef> scalar_index_files;
  int32_t schema_version = 0;
  friend bool operator==(const SegmentManifest&, const SegmentManifest&);
};

struct Checkpoint {
  SequenceNumber through = 0;  // every record up to here is in sealed segments or tombstones
};

struct ManifestEdit {
  ShardId shard;
  std::vector<SegmentManifest> put;   // new, or replacing the same segment's (an index was built)
  std::vector<SegmentId> remove;      // their tombstones go too
  std::vector<Tombstone> tombstones;  // carried over to compacted segments
  std::optional<Checkpoint> checkpoint;
};

class Manifests {
 public:
  virtual ~Manifests() = default;
  virtual Status Commit(const ManifestEdit& edit) = 0;
  virtual Result<std::vector<SegmentManifest>> Load(ShardId shard) = 0;  // ascending by segment id
  virtual Result<Checkpoint> LoadCheckpoint(ShardId shard) = 0;
  virtual Status Drop(ShardId shard) = 0;  // idempotent
};

}  // namespace saker::storage
