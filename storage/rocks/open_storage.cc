// OpenStorage: takes the directory, checks it, opens the database and runs the two threads that watch over it.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <pthread.h>
#include <unistd.h>

#include "common/log.h"
#include "storage/blob/local_blob_store.h"
#include "storage/rocks/data_directory.h"
#include "storage/rocks/database.h"
#include "storage/rocks/disk_guard.h"
#include "storage/rocks/log_file_check.h"
#include "storage/rocks/rocks_catalog.h"
#include "storage/rocks/rocks_log.h"
#include "storage/rocks/rocks_manifests.h"
#include "storage/rocks/rocks_rows.h"
#include "storage/rocks/witness.h"
#include "storage/storage.h"

namespace saker::storage {
namespace rocks {
namespace {

constexpr auto kWatchEvery = std::chrono::milliseconds(250);
constexpr auto kWitnessEvery = std::chrono::seconds(1);
constexpr uint64_t kCompactionHeadroom = 512 << 20;

class LocalStorage final : public Storage {
 public:
  LocalStorage(DirectoryLock lock, std::unique_ptr<DiskGuard> disk, std::unique_ptr<Database> database, Witness witness,
               DamagedLog damaged_log, const std::string& directory)
      : lock_(std::move(lock)),
        disk_(std::move(disk)),
        database_(std::move(database)),
        witness_(std::move(witness)),
        log_(*database_, *disk_, damaged_log),
        catalog_(*database_, *disk_),
        manifests_(*database_, *disk_),
        rows_(*database_, *disk_, directory + "/ingest"),
        blobs_(directory + "/segments", FileSystem::Posix(), [this](uint64_t bytes) { return disk_->Admit(bytes); }) {
    disk_->Start([this] { return database_->MemtableBytes(); });
    watcher_ = std::thread([this] { Watch(); });
    reclaimer_ = std::thread([this] { ReclaimInBackground(); });
  }
  ~LocalStorage() override {
    const Status status = Close();
    if (!status.ok()) saker::Log(kError, "storage did not close well", {{"error", status.message()}});
  }

  Status RemoveUnfinished() { return blobs_.RemoveUnfinished(); }
  storage::Log& log() override { return log_; }
  Catalog& catalog() override { return catalog_; }
  Manifests& manifests() override { return manifests_; }
  Rows& rows() override { return rows_; }
  BlobStore& blobs() override { return blobs_; }
  Status WritesAllowed() override {
    TRY(database_->Health());
    return disk_->Check();
  }
  uint64_t MemoryBytes() override { return closed_ ? 0 : database_->MemoryBytes(); }
  Status Close() override;

 private:
  void Watch();
  void ReclaimInBackground();
  void RecordWitness();
  void SwitchCompaction();
  bool Sleep(std::chrono::steady_clock::duration time) EXCLUDES(mutex_);

  DirectoryLock lock_;
  std::unique_ptr<DiskGuard> disk_;
  std::unique_ptr<Database> database_;
  Witness witness_;  // the watcher's, and Close's after it has ended
  RocksLog log_;
  RocksCatalog catalog_;
  RocksManifests manifests_;
  RocksRows rows_;
  LocalBlobStore blobs_;
  bool compacting_ = true;  // the watcher's
  std::atomic<bool> stop_{false};
  std::atomic<bool> closed_{false};
  Mutex mutex_;
  CondVar wake_;
  std::thread watcher_, reclaimer_;
};

bool LocalStorage::Sleep(std::chrono::steady_clock::duration time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  MutexLock lock(mutex_);
  while (!stop_ && wake_.WaitUntil(mutex_, deadline)) {}
  return !stop_;
}

void LocalStorage::RecordWitness() {
  const auto record = [this]() -> Status {
    const Reach reach = TRY(database_->CurrentReach());
    return witness_.reach() == reach ? OkStatus() : witness_.Record(reach);
  };
  const Status status = record();
  if (!status.ok()) database_->MarkFailed(status.message());
}

// A merge needs as much space as what it merges; it must not start when that would eat the reserve.
void LocalStorage::SwitchCompaction() {
  const uint64_t spare_bytes = disk_->SpareBytes();
  const uint64_t needed_bytes = std::min(database_->TableBytes(), kCompactionHeadroom);
  // Back on only with half as much again: a merge that ends must not switch it to and fro.
  const bool enough = spare_bytes >= (compacting_ ? needed_bytes : needed_bytes + needed_bytes / 2);
  if (enough == compacting_) return;
  compacting_ = enough;
  saker::Log(kWarning, enough ? "compaction resumes" : "compaction waits for disk space", {{"spare_bytes", spare_bytes}});
  database_->SetAutoCompaction(enough);
}

void LocalStorage::Watch() {
  pthread_setname_np(pthread_self(), "storage-watch");
  auto witnessed = std::chrono::steady_clock::now();
  while (Sleep(kWatchEvery)) {
    disk_->Refresh();
    SwitchCompaction();
    if (std::chrono::steady_clock::now() - witnessed >= kWitnessEvery) {
      RecordWitness();
      witnessed = std::chrono::steady_clock::now();
    }
  }
}

void LocalStorage::ReclaimInBackground() {
  pthread_setname_np(pthread_self(), "storage-reclaim");
  while (Sleep(kWitnessEvery)) {
    if (log_.ReclaimWanted() && database_->Health().ok()) log_.Reclaim(&stop_);
  }
}

Status LocalStorage::Close() {
  if (closed_.exchange(true)) return OkStatus();
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.NotifyAll();
  disk_->Stop();
  if (watcher_.joinable()) watcher_.join();
  if (reclaimer_.joinable()) reclaimer_.join();
  RecordWitness();
  const Status health = database_->Health();
  TRY(database_->Close());
  return health;
}

// What a recovery may write before anything can be refused: the logs once more, as tables.
uint64_t LogFileBytes(const std::string& database_directory) {
  uint64_t bytes = 0;
  const Result<std::vector<std::string>> names = FileSystem::Posix().List(database_directory);
  if (!names.ok()) return 0;
  for (const std::string& name : *names) {
    if (!name.ends_with(".log")) continue;
    const auto mapped = FileSystem::Posix().Map(database_directory + "/" + name);
    if (mapped.ok()) bytes += (*mapped)->bytes().size();
  }
  return bytes;
}

// The database must reach as far as its witness saw. Before RocksDB opens it only the MANIFEST can be measured.
Status CheckManifestReach(const std::string& database_directory, const Witness& witness) {
  if (!witness.reach().has_value()) return OkStatus();
  FileSystem& files = FileSystem::Posix();
  const std::string current = TRY(files.ReadAll(database_directory + "/CURRENT", 4096));
  constexpr std::string_view kStart = "MANIFEST-";
  const uint64_t number = current.starts_with(kStart) ? std::strtoull(current.c_str() + kStart.size(), nullptr, 10) : 0;
  if (number > witness.reach()->manifest_number) return OkStatus();  // made anew since; RocksDB synced it before it named it
  if (number < witness.reach()->manifest_number) {
    return Corruption(database_directory, "/CURRENT names MANIFEST ", number, ", its witness saw ", witness.reach()->manifest_number);
  }
  const auto manifest = TRY(files.Map(database_directory + "/" + current.substr(0, current.find('\n'))));
  if (manifest->bytes().size() >= witness.reach()->manifest_bytes) return OkStatus();
  return Corruption(database_directory, "/MANIFEST-", number, " has ", manifest->bytes().size(), " bytes, its witness saw ",
                    witness.reach()->manifest_bytes);
}

Status CheckLogReach(const StorageOptions& options, DirectoryState state, const Witness& witness, uint64_t last_change) {
  const std::string path = options.directory + "/witness";
  if (!witness.reach().has_value()) {
    if (state == DirectoryState::kNew && last_change == 0) return OkStatus();
    return Corruption(path, " is missing or damaged: nothing vouches for the log's ", last_change, " changes");
  }
  const uint64_t seen = witness.reach()->change;
  if (last_change >= seen) return OkStatus();
  return Corruption("the log in ", options.directory, "/db reads up to change ", last_change, ", its witness saw ", seen, ": ",
                    seen - last_change, " changes are missing");
}

// Damage to the log: refused, or accepted by the operator and printed.
Status Judge(const StorageOptions& options, const Status& damage) {
  if (damage.ok() || !options.accept_log_loss) return damage;
  saker::Log(kError, "log loss accepted", {{"directory", options.directory}, {"damage", damage.message()}});
  return OkStatus();
}

Status PrepareIngestDirectory(const std::string& path) {
  FileSystem& files = FileSystem::Posix();
  TRY(files.MakeDirectories(path));
  for (const std::string& name : TRY(files.List(path))) TRY(files.Remove(path + "/" + name));
  return OkStatus();
}

Result<std::unique_ptr<Storage>> Open(const StorageOptions& options) {
  FileSystem& files = FileSystem::Posix();
  TRY(files.MakeDirectories(options.directory));
  DirectoryLock lock = TRY(DirectoryLock::Take(options.directory));
  const DirectoryState state = TRY(ReadVersion(options.directory));
  const std::string database_directory = options.directory + "/db";
  auto disk = std::make_unique<DiskGuard>(options.directory, options.reserve_bytes);
  TRY(disk->Prepare(LogFileBytes(database_directory)));
  const DamagedLog damaged_log = options.accept_log_loss ? DamagedLog::kKeepPrefix : DamagedLog::kRefuse;
  Witness witness = TRY(Witness::Open(options.directory + "/witness"));
  TRY(Judge(options, CheckLogFiles(database_directory)));
  if (state == DirectoryState::kWritten) TRY(Judge(options, CheckManifestReach(database_directory, witness)));
  TRY(PrepareIngestDirectory(options.directory + "/ingest"));
  TRY(files.MakeDirectories(options.directory + "/segments"));
  std::unique_ptr<Database> database = TRY(Database::Open({.directory = database_directory,
                                                           .disk = disk.get(),
                                                           .block_cache_bytes = options.block_cache_bytes,
                                                           .write_buffer_bytes = options.write_buffer_bytes,
                                                           .create = state == DirectoryState::kNew,
                                                           .damaged_log = damaged_log}));
  const uint64_t last_change = database->LastChange();
  if (state == DirectoryState::kNew && last_change > 0 && !options.accept_log_loss) {
    return Corruption(options.directory, "/VERSION is missing, the database holds ", last_change, " changes");
  }
  TRY(Judge(options, CheckLogReach(options, state, witness, last_change)));
  const Reach reach = TRY(database->CurrentReach());
  TRY(witness.Record(reach));
  if (state == DirectoryState::kNew) {
    TRY(files.SyncDirectory(options.directory));
    TRY(WriteVersion(options.directory));
  }
  auto storage = std::make_unique<LocalStorage>(std::move(lock), std::move(disk), std::move(database), std::move(witness), damaged_log,
                                                options.directory);
  TRY(storage->RemoveUnfinished());
  return std::unique_ptr<Storage>(std::move(storage));
}

}  // namespace
}  // namespace rocks

Result<std::unique_ptr<Storage>> OpenStorage(const StorageOptions& options) {
  if (options.directory.empty()) return InvalidArgument("no data directory given");
  return rocks::Open(options);
}

}  // namespace saker::storage
