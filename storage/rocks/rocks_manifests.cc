#include "storage/rocks/rocks_manifests.h"

#include "common/kill_point.h"
#include "storage/rocks/codec.h"
#include "storage/rocks/manifest_codec.h"

namespace saker::storage::rocks {

Status RocksManifests::Commit(const ManifestEdit& edit) {
  rocksdb::ColumnFamilyHandle* manifests = database_.family(kManifestFamily);
  rocksdb::ColumnFamilyHandle* tombstones = database_.family(kTombstonesFamily);
  rocksdb::WriteBatch batch;
  for (const SegmentId segment : edit.remove) {
    TRY(FromRocks(batch.Delete(manifests, SegmentManifestKey(edit.shard, segment)), "manifest"));
    const std::string prefix = TombstonePrefix(edit.shard, segment);
    TRY(DeleteRange(&batch, tombstones, prefix, AfterPrefix(prefix)));
  }
  for (const SegmentManifest& manifest : edit.put) {
    if (manifest.shard != edit.shard) {
      return InvalidArgument("segment ", manifest.segment, " of shard ", manifest.shard, " in an edit of shard ", edit.shard);
    }
    const std::string key = SegmentManifestKey(edit.shard, manifest.segment);
    const std::string bytes = TRY(EncodeSegmentManifest(manifest));
    TRY(FromRocks(batch.Put(manifests, key, Frame(key, bytes)), "manifest"));
  }
  for (const Tombstone& dead : edit.tombstones) {
    const std::string key = TombstoneKey(edit.shard, dead);
    TRY(FromRocks(batch.Put(tombstones, key, EncodeTombstoneValue(key, dead.timestamp)), "tombstone"));
  }
  if (edit.checkpoint.has_value()) {
    const std::string key = CheckpointKey(edit.shard);
    TRY(FromRocks(batch.Put(manifests, key, Frame(key, EncodeCheckpoint(*edit.checkpoint))), "checkpoint"));
  }
  if (batch.Count() == 0) return OkStatus();
  TRY(disk_.AdmitSmall(batch.GetDataSize()));
  SAKER_KILL_POINT("manifest.before_commit");
  TRY(database_.Write(&batch, internal::Join("commit to the manifest of shard ", edit.shard)));
  SAKER_KILL_POINT("manifest.after_commit");
  return OkStatus();
}

Result<std::vector<SegmentManifest>> RocksManifests::Load(ShardId shard) {
  std::vector<SegmentManifest> out;
  const std::string prefix = SegmentManifestPrefix(shard);
  const std::string what = internal::Join("manifest of shard ", shard, " in ", database_.directory());
  PrefixScan scan(database_, kManifestFamily, prefix);
  for (; scan.Valid(); scan.Next()) {
    const std::string_view bytes = TRY(Unframe(what, scan.key(), scan.value()));
    SegmentManifest manifest = TRY(DecodeSegmentManifest(bytes));
    if (scan.key() != SegmentManifestKey(manifest.shard, manifest.segment)) {
      return Corruption(what, ": segment ", manifest.segment, " of shard ", manifest.shard, " stands under another's key");
    }
    out.push_back(std::move(manifest));
  }
  TRY(scan.End(what));
  return out;
}

Result<Checkpoint> RocksManifests::LoadCheckpoint(ShardId shard) {
  const std::string key = CheckpointKey(shard);
  const std::string what = internal::Join("checkpoint of shard ", shard, " in ", database_.directory());
  std::string value;
  const rocksdb::Status status = database_.rocks()->Get(rocksdb::ReadOptions(), database_.family(kManifestFamily), key, &value);
  if (status.IsNotFound()) return Checkpoint{};
  TRY(FromRocks(status, what));
  const std::string_view bytes = TRY(Unframe(what, key, value));
  return DecodeCheckpoint(bytes);
}

Status RocksManifests::Drop(ShardId shard) {
  const std::string prefix = ShardPrefix(shard);
  rocksdb::WriteBatch batch;
  TRY(DeleteRange(&batch, database_.family(kManifestFamily), prefix, AfterPrefix(prefix)));
  TRY(disk_.AdmitSmall(batch.GetDataSize()));
  SAKER_KILL_POINT("manifest.before_drop");
  TRY(database_.Write(&batch, internal::Join("drop the manifest of shard ", shard)));
  SAKER_KILL_POINT("manifest.after_drop");
  return OkStatus();
}

}  // namespace saker::storage::rocks
