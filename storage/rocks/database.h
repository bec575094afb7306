// The one RocksDB below a data directory: its options, its column families, its health.
//
// Every write goes through Write: synced, timed, and refused once RocksDB has reported an error, because what a failed
// sync left behind is unknown until a restart has read it. Thread-safe.
#pragma once

#include <array>
#include <memory>
#include <string>

#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>

#include "common/metrics.h"
#include "common/mutex.h"
#include "common/result.h"
#include "storage/rocks/disk_guard.h"
#include "storage/rocks/witness.h"

namespace saker::storage::rocks {

enum Family : size_t { kDefaultFamily, kCatalogFamily, kLogFamily, kManifestFamily, kRowsFamily, kTombstonesFamily, kFamilyCount };

enum class DamagedLog { kRefuse, kKeepPrefix };  // kKeepPrefix: open what reads well before the damage

struct DatabaseOptions {
  std::string directory;
  DiskGuard* disk = nullptr;  // outlives the database
  uint64_t block_cache_bytes = 0;
  uint64_t write_buffer_bytes = 0;
  bool create = false;
  DamagedLog damaged_log = DamagedLog::kRefuse;
};

// DataLoss for corruption, ResourceExhausted for a full disk, Unavailable for the rest; `what` says what was tried.
Status FromRocks(const rocksdb::Status& status, std::string_view what);

class Database {
 public:
  static Result<std::unique_ptr<Database>> Open(const DatabaseOptions& options);
  ~Database();

  rocksdb::DB* rocks() { return db_.get(); }
  rocksdb::ColumnFamilyHandle* family(Family family) { return families_[family]; }
  const std::string& directory() const { return options_.directory; }

  // Durable when it returns OK.
  Status Write(rocksdb::WriteBatch* batch, std::string_view what) EXCLUDES(mutex_);
  // OK, or Unavailable with the first error that RocksDB reported.
  Status Health() const EXCLUDES(mutex_);
  void MarkFailed(const std::string& why) EXCLUDES(mutex_);

  // The number of the last change; durable, because every write is synced before it is published.
  uint64_t LastChange() { return db_->GetLatestSequenceNumber(); }
  // How far the database reaches, for the witness.
  Result<Reach> CurrentReach();
  uint64_t MemtableBytes();
  uint64_t TableBytes();
  uint64_t MemoryBytes();
  void SetAutoCompaction(bool on);
  std::unique_ptr<rocksdb::SstFileWriter> NewTableWriter(Family family);
  Status Close();

 private:
  class Listener;
  explicit Database(DatabaseOptions options);
  rocksdb::DBOptions DbOptions();
  rocksdb::ColumnFamilyOptions FamilyOptions(Family family) const;

  const DatabaseOptions options_;
  const std::unique_ptr<rocksdb::Env> env_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::shared_ptr<Listener> listener_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> families_{};
  Histogram& commit_seconds_;
  Counter& background_errors_;
  mutable Mutex mutex_;
  std::string failure_ GUARDED_BY(mutex_);
};

// The keys that begin with `prefix`, from `start` (default: the first), in order, past the block cache.
class PrefixScan {
 public:
  PrefixScan(Database& database, Family family, std::string_view prefix, std::string_view start = {});
  PrefixScan(const PrefixScan&) = delete;
  PrefixScan& operator=(const PrefixScan&) = delete;

  bool Valid() const { return iterator_->Valid(); }
  void Next() { iterator_->Next(); }
  void Seek(std::string_view key) { iterator_->Seek(rocksdb::Slice(key.data(), key.size())); }
  void SeekToLast() { iterator_->SeekToLast(); }
  std::string_view key() const { return iterator_->key().ToStringView(); }
  std::string_view value() const { return iterator_->value().ToStringView(); }
  // Why Valid turned false: OK at the end, DataLoss when a block could not be read.
  Status End(std::string_view what) const { return FromRocks(iterator_->status(), what); }

 private:
  const std::string lower_, upper_;
  const rocksdb::Slice lower_bound_, upper_bound_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// [from, to) of a family, in `batch`.
Status DeleteRange(rocksdb::WriteBatch* batch, rocksdb::ColumnFamilyHandle* family, std::string_view from, std::string_view to);

}  // namespace saker::storage::rocks
