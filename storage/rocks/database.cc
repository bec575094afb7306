#include "storage/rocks/database.h"

#include <chrono>
#include <cstdlib>

#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include "common/log.h"
#include "storage/rocks/codec.h"
#include "storage/rocks/file_checksum.h"
#include "storage/rocks/guarded_file_system.h"

namespace saker::storage::rocks {
namespace {

constexpr const char* kFamilyNames[kFamilyCount] = {"default", "catalog", "log", "manifest", "rows", "tombstones"};
constexpr uint64_t kMiB = 1 << 20;
constexpr int64_t kBackgroundBytesPerSecond = 256 * kMiB;

}  // namespace

Status FromRocks(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return OkStatus();
  const std::string text = status.ToString();
  if (status.IsCorruption()) return Corruption(what, ": ", text);
  if (status.IsNotFound()) return NotFound(what, ": ", text);
  if (status.IsNoSpace()) return ResourceExhausted(what, ": ", text);
  return Unavailable(what, ": ", text);
}

// RocksDB tells of a failed flush or compaction only here.
class Database::Listener final : public rocksdb::EventListener {
 public:
  explicit Listener(Database* database) : database_(database) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) override {
    database_->background_errors_.Add();
    database_->MarkFailed(error->ToString());
  }

 private:
  Database* const database_;
};

Database::Database(DatabaseOptions options)
    : options_(std::move(options)),
      env_(NewGuardedEnv(*options_.disk)),
      cache_(rocksdb::NewLRUCache(options_.block_cache_bytes, /*num_shard_bits=*/2)),
      listener_(std::make_shared<Listener>(this)),
      commit_seconds_(GetHistogram("saker_storage_commit_seconds", "time of one durable write, with its wait for the shared fsync",
                                   LatencySecondsBuckets())),
      background_errors_(GetCounter("saker_storage_background_errors_total", "failed flushes, compactions and syncs of the store")) {}

rocksdb::DBOptions Database::DbOptions() {
  rocksdb::DBOptions db;
  db.env = env_.get();
  db.create_if_missing = options_.create;
  db.create_missing_column_families = options_.create;
  // The default mode (point in time) opens with acknowledged rows missing and status OK (reliability.md section 0 item 4).
  db.wal_recovery_mode = options_.damaged_log == DamagedLog::kRefuse ? rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords
                                                                     : rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  db.paranoid_checks = true;
  db.track_and_verify_wals_in_manifest = true;
  db.file_checksum_gen_factory = NewXxh3FileChecksums();
  db.max_bgerror_resume_count = 0;  // a failed sync is never tried again: read-only until a restart
  db.listeners.push_back(listener_);
  db.max_background_jobs = 2;
  db.max_open_files = 256;
  db.bytes_per_sync = kMiB;
  db.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(options_.write_buffer_bytes);
  db.max_total_wal_size = 2 * options_.write_buffer_bytes;
  db.rate_limiter.reset(rocksdb::NewGenericRateLimiter(kBackgroundBytesPerSecond));
  // Preallocated log space would look like a full disk to DiskGuard and gains nothing measurable.
  db.allow_fallocate = false;
  db.skip_stats_update_on_db_open = true;
  db.max_manifest_file_size = 16 * kMiB;
  db.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  db.max_log_file_size = 4 * kMiB;
  db.keep_log_file_num = 4;
  db.db_host_id.clear();  // the machine's name is nobody's business in a table file
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  return db;
}

rocksdb::ColumnFamilyOptions Database::FamilyOptions(Family family) const {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache_;
  table.cache_index_and_filter_blocks = true;
  table.block_size = family == kLogFamily || family == kRowsFamily ? 64 << 10 : 16 << 10;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;

  rocksdb::ColumnFamilyOptions cf;
  cf.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  cf.write_buffer_size = 4 * kMiB;
  cf.compression = rocksdb::kLZ4Compression;
  cf.target_file_size_base = 16 * kMiB;
  cf.force_consistency_checks = true;
  if (family == kLogFamily) {
    // Written once, read once, deleted by range: vectors do not compress, and merging files that a trim will delete
    // is wasted work, so level 0 may grow long before a compaction starts.
    cf.compression = rocksdb::kNoCompression;
    cf.write_buffer_size = std::max<uint64_t>(4 * kMiB, options_.write_buffer_bytes / 2);
    cf.target_file_size_base = 64 * kMiB;
    cf.level0_file_num_compaction_trigger = 16;
    cf.level0_slowdown_writes_trigger = 48;
    cf.level0_stop_writes_trigger = 96;
    cf.max_bytes_for_level_base = 1024 * kMiB;
  } else if (family == kRowsFamily) {
    cf.target_file_size_base = 64 * kMiB;
    cf.max_bytes_for_level_base = 1024 * kMiB;
  }
  cf.arena_block_size = 256 << 10;  // six families are open and mostly idle
  return cf;
}

Result<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  std::unique_ptr<Database> database(new Database(options));
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (size_t i = 0; i < kFamilyCount; ++i) descriptors.emplace_back(kFamilyNames[i], database->FamilyOptions(static_cast<Family>(i)));
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(database->DbOptions(), options.directory, descriptors, &handles, &db);
  if (!status.ok()) {
    const Status error = FromRocks(status, options.directory + " cannot be opened");
    // A file that is not there or names that do not match are damage too: this directory was whole when it was closed.
    if (options.create || error.code() == StatusCode::kResourceExhausted) return error;
    return Status(StatusCode::kDataLoss, error.message());
  }
  database->db_.reset(db);
  std::copy(handles.begin(), handles.end(), database->families_.begin());
  return database;
}

Database::~Database() {
  static_cast<void>(Close());
}

Status Database::Close() {
  if (db_ == nullptr) return OkStatus();
  rocksdb::CancelAllBackgroundWork(db_.get(), /*wait=*/true);
  for (rocksdb::ColumnFamilyHandle*& handle : families_) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    handle = nullptr;
  }
  const rocksdb::Status status = db_->Close();
  db_.reset();
  return FromRocks(status, options_.directory + " did not close");
}

Status Database::Write(rocksdb::WriteBatch* batch, std::string_view what) {
  TRY(Health());
  rocksdb::WriteOptions options;
  options.sync = true;
  const auto start = std::chrono::steady_clock::now();
  const rocksdb::Status status = db_->Write(options, batch);
  commit_seconds_.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  if (status.ok()) return OkStatus();
  MarkFailed(status.ToString());
  return Unavailable(what, ": ", status.ToString(), "; the store in ", options_.directory, " is read-only until a restart");
}

Status Database::Health() const {
  MutexLock lock(mutex_);
  if (failure_.empty()) return OkStatus();
  return Unavailable("the store in ", options_.directory, " is read-only until a restart: ", failure_);
}

void Database::MarkFailed(const std::string& why) {
  {
    MutexLock lock(mutex_);
    if (!failure_.empty()) return;
    failure_ = why;
  }
  saker::Log(kError, "storage failed, writes stop", {{"directory", options_.directory}, {"reason", why}});
}

Result<Reach> Database::CurrentReach() {
  Reach reach;
  reach.change = LastChange();
  std::vector<std::string> files;
  TRY(FromRocks(db_->GetLiveFiles(files, &reach.manifest_bytes, /*flush_memtable=*/false), "live files"));
  for (const std::string& file : files) {
    if (file.starts_with("/MANIFEST-")) reach.manifest_number = std::strtoull(file.c_str() + 10, nullptr, 10);
  }
  if (reach.manifest_number == 0) return Internal(options_.directory, " names no MANIFEST among its ", files.size(), " files");
  return reach;
}

uint64_t Database::MemtableBytes() {
  uint64_t bytes = 0;
  db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &bytes);
  return bytes;
}

uint64_t Database::TableBytes() {
  uint64_t bytes = 0;
  db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &bytes);
  return bytes;
}

uint64_t Database::MemoryBytes() {
  uint64_t readers = 0;
  db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kEstimateTableReadersMem, &readers);
  return cache_->GetUsage() + MemtableBytes() + readers;
}

void Database::SetAutoCompaction(bool on) {
  for (rocksdb::ColumnFamilyHandle* handle : families_) {
    const rocksdb::Status status = db_->SetOptions(handle, {{"disable_auto_compactions", on ? "false" : "true"}});
    if (!status.ok())
      saker::Log(kWarning, "compaction could not be switched", {{"family", handle->GetName()}, {"error", status.ToString()}});
  }
}

std::unique_ptr<rocksdb::SstFileWriter> Database::NewTableWriter(Family family) {
  const rocksdb::Options options = db_->GetOptions(families_[family]);
  return std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), options, families_[family], /*invalidate_page_cache=*/false);
}

PrefixScan::PrefixScan(Database& database, Family family, std::string_view prefix, std::string_view start)
    : lower_(prefix), upper_(AfterPrefix(lower_)), lower_bound_(lower_), upper_bound_(upper_) {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  options.readahead_size = 2 * kMiB;
  options.iterate_lower_bound = &lower_bound_;
  if (!upper_.empty()) options.iterate_upper_bound = &upper_bound_;
  iterator_.reset(database.rocks()->NewIterator(options, database.family(family)));
  Seek(start.empty() ? prefix : start);
}

Status DeleteRange(rocksdb::WriteBatch* batch, rocksdb::ColumnFamilyHandle* family, std::string_view from, std::string_view to) {
  return FromRocks(batch->DeleteRange(family, rocksdb::Slice(from.data(), from.size()), rocksdb::Slice(to.data(), to.size())), "delete");
}

}  // namespace saker::storage::rocks
