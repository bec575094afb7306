// The local Manifests: column family `manifest`; an edit's tombstones go to `tombstones` in the same batch.
#pragma once

#include "storage/manifest.h"
#include "storage/rocks/database.h"
#include "storage/rocks/disk_guard.h"

namespace saker::storage::rocks {

class RocksManifests final : public Manifests {
 public:
  RocksManifests(Database& database, DiskGuard& disk) : database_(database), disk_(disk) {}
  Status Commit(const ManifestEdit& edit) override;
  Result<std::vector<SegmentManifest>> Load(ShardId shard) override;
  Result<Checkpoint> LoadCheckpoint(ShardId shard) override;
  Status Drop(ShardId shard) override;

 private:
  Database& database_;
  DiskGuard& disk_;
};

}  // namespace saker::storage::rocks
